//! Convolution of padded planes: a few output channels times a few vectors of positions, kept in registers.

use pulp::{Simd, WithSimd};

/// Output channels that are computed together. With four vectors of positions they fill AVX-512's registers, with
/// two those of AVX2.
const ROWS: usize = 6;

/// Weights in the order of use: per group of output channels, one row per input channel and tap.
pub(super) struct Packed {
    groups: Vec<Vec<f32>>,
    out: usize,
    /// Input channels times taps.
    depth: usize,
}

impl Packed {
    /// Takes the weight of (output channel, input channel, tap).
    pub fn new([out, channels, taps]: [usize; 3], weight: impl Fn(usize, usize, usize) -> f32) -> Self {
        let mut packed = Self { groups: Vec::new(), out, depth: channels * taps };
        packed.groups = (0..out.div_ceil(ROWS))
            .map(|group| {
                let outs = packed.group(group);
                let mut values = Vec::with_capacity(channels * taps * outs.len());
                for c in 0..channels {
                    for tap in 0..taps {
                        values.extend(outs.clone().map(|o| weight(o, c, tap)));
                    }
                }
                values
            })
            .collect();
        packed
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.out.div_ceil(ROWS)
    }

    /// Output channels of a group, as even as it goes.
    pub fn group(&self, group: usize) -> std::ops::Range<usize> {
        let groups = self.groups();
        group * self.out / groups..(group + 1) * self.out / groups
    }
}

/// One group of output channels over a stretch of positions.
pub(super) struct Convolve<'c> {
    pub weights: &'c Packed,
    pub group: usize,
    /// Padded planes, one behind another.
    pub planes: &'c [f32],
    /// Where each channel's taps of position 0 lie in them.
    pub offsets: &'c [usize],
    pub first: usize,
    pub count: usize,
    /// `[channels of the group, stride]`; position `first` is element 0. Up to [`SLACK`](super::shape::SLACK) values
    /// behind `count` are overwritten too.
    pub sums: &'c mut [f32],
    pub stride: usize,
}

impl Convolve<'_> {
    /// Runs on the best vector instructions that this processor has.
    pub fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.vectors::<S, 4>(simd),
            8 => self.vectors::<S, 2>(simd),
            4 => self.vectors::<S, 4>(simd),
            _ => self.vectors::<S, 1>(simd),
        }
    }
}

impl Convolve<'_> {
    #[inline(always)]
    fn vectors<S: Simd, const VECTORS: usize>(self, simd: S) {
        assert_eq!(self.offsets.len(), self.weights.depth, "taps and their places");
        match self.weights.group(self.group).len() {
            6 => self.rows::<S, 6, VECTORS>(simd),
            5 => self.rows::<S, 5, VECTORS>(simd),
            4 => self.rows::<S, 4, VECTORS>(simd),
            3 => self.rows::<S, 3, VECTORS>(simd),
            2 => self.rows::<S, 2, VECTORS>(simd),
            _ => self.rows::<S, 1, VECTORS>(simd),
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const R: usize, const VECTORS: usize>(self, simd: S) {
        let mut done = 0;
        while done < self.count {
            let sums = &mut self.sums[done..];
            let first = self.first + done;
            let weights = &self.weights.groups[self.group];
            let input = (self.planes, self.offsets);
            // A short end is not worth a whole tile.
            if self.count - done > S::F32_LANES * VECTORS / 2 {
                tile::<S, R, VECTORS>(simd, weights, input, first, (sums, self.stride));
                done += S::F32_LANES * VECTORS;
            } else {
                tile::<S, R, 1>(simd, weights, input, first, (sums, self.stride));
                done += S::F32_LANES;
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const R: usize, const VECTORS: usize>(
    simd: S,
    weights: &[f32],
    (planes, offsets): (&[f32], &[usize]),
    first: usize,
    (sums, stride): (&mut [f32], usize),
) {
    let mut acc = [[simd.splat_f32s(0.0); VECTORS]; R];
    let (weights, _) = weights.as_chunks::<R>();
    let planes = &planes[first..];
    for (&offset, weights) in offsets.iter().zip(weights) {
        let (x, _) = S::as_simd_f32s(&planes[offset..][..S::F32_LANES * VECTORS]);
        for r in 0..R {
            let w = simd.splat_f32s(weights[r]);
            for v in 0..VECTORS {
                acc[r][v] = simd.mul_add_e_f32s(w, x[v], acc[r][v]);
            }
        }
    }
    for r in 0..R {
        let (sums, _) = S::as_mut_simd_f32s(&mut sums[r * stride..][..S::F32_LANES * VECTORS]);
        if let Some(sums) = sums.first_chunk_mut() {
            *sums = acc[r];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_of_vectors_equals_the_definition() {
        let (channels, plane, offsets) = (3, 400, [0, 1, 7, 8]);
        let planes: Vec<f32> = (0..channels * plane).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let all: Vec<usize> = (0..channels).flat_map(|c| offsets.map(|offset| c * plane + offset)).collect();
        for out in [1, 4, 5, 6, 13] {
            let weight = |o: usize, c: usize, tap: usize| ((o * 5 + c * 3 + tap) % 7) as f32 - 3.0;
            let packed = Packed::new([out, channels, offsets.len()], weight);
            let (first, count, stride) = (5, 150, 256);
            for group in 0..packed.groups() {
                let outs = packed.group(group);
                let run = |how: &dyn Fn(Convolve<'_>)| {
                    let mut sums = vec![0.0; outs.len() * stride];
                    how(Convolve {
                        weights: &packed,
                        group,
                        planes: &planes,
                        offsets: &all,
                        first,
                        count,
                        sums: &mut sums,
                        stride,
                    });
                    for (sums, o) in sums.chunks(stride).zip(outs.clone()) {
                        for (p, sum) in sums[..count].iter().enumerate() {
                            let x = |c: usize, tap: usize| planes[c * plane + first + p + offsets[tap]];
                            let terms = (0..channels).flat_map(|c| (0..4).map(move |tap| (c, tap)));
                            let want: f32 = terms.map(|(c, tap)| weight(o, c, tap) * x(c, tap)).sum();
                            assert!((sum - want).abs() < 1e-4, "{out} {o} {p}: {sum} {want}");
                        }
                    }
                };
                run(&|c| c.run());
                run(&|c| c.with_simd(pulp::Scalar));
                #[cfg(target_arch = "x86_64")]
                if let Some(avx2) = pulp::x86::V3::try_new() {
                    run(&|c| pulp::Simd::vectorize(avx2, c));
                }
            }
        }
    }
}
