//! The weights' gradient: products of two sets of planes, summed over positions.

use pulp::{Simd, WithSimd};

/// Positions that are summed before the vectors are folded into one number: as many as keep the planes of a tile in
/// the nearest cache.
const STRETCH: usize = 768;

/// `sums[o, c, tap] += sum over p of gradients[o, p] planes[c, p + offset of tap]`.
pub(super) struct Correlate<'c> {
    /// `[out, plane]`, zero at positions that are none.
    pub gradients: &'c [f32],
    /// `[channels, plane]`.
    pub planes: &'c [f32],
    /// Distance of two planes, the same for both.
    pub plane: usize,
    /// Where position 0 of the gradients lies.
    pub start: usize,
    pub positions: usize,
    /// Bands and frames of the kernel.
    pub kernel: [usize; 2],
    /// Distance of two bands.
    pub row: usize,
    /// `[out, channels, taps]`.
    pub sums: &'c mut [f32],
}

impl Correlate<'_> {
    /// Runs on the best vector instructions that this processor has.
    pub fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for first in (0..self.positions).step_by(STRETCH) {
            let count = STRETCH.min(self.positions - first).next_multiple_of(S::F32_LANES);
            let mut tap = 0;
            // Runs of neighbouring taps: threes where the kernel is three wide, else fours and what remains.
            while tap < self.kernel[1] {
                let left = self.kernel[1] - tap;
                match left {
                    3 => self.all_channels::<S, 3, 8, 4>(simd, first, count, tap),
                    4.. => self.all_channels::<S, 4, 6, 3>(simd, first, count, tap),
                    _ => self.all_channels::<S, 1, 8, 8>(simd, first, count, tap),
                }
                tap += match left {
                    3 => 3,
                    4.. => 4,
                    _ => 1,
                };
            }
        }
    }
}

impl Correlate<'_> {
    /// `MANY` output channels at a time where there are 32 registers of vectors, else `FEW`.
    #[inline(always)]
    fn all_channels<S: Simd, const TAPS: usize, const MANY: usize, const FEW: usize>(
        &mut self,
        simd: S,
        first: usize,
        count: usize,
        tap: usize,
    ) {
        let out = self.gradients.len() / self.plane;
        let groups = out.div_ceil(if S::F32_LANES == 8 { FEW } else { MANY });
        for group in 0..groups {
            let o = group * out / groups;
            let place = (first, count, tap, o);
            match (group + 1) * out / groups - o {
                8 => self.row_of_tiles::<S, TAPS, 8>(simd, place),
                7 => self.row_of_tiles::<S, TAPS, 7>(simd, place),
                6 => self.row_of_tiles::<S, TAPS, 6>(simd, place),
                5 => self.row_of_tiles::<S, TAPS, 5>(simd, place),
                4 => self.row_of_tiles::<S, TAPS, 4>(simd, place),
                3 => self.row_of_tiles::<S, TAPS, 3>(simd, place),
                2 => self.row_of_tiles::<S, TAPS, 2>(simd, place),
                _ => self.row_of_tiles::<S, TAPS, 1>(simd, place),
            }
        }
    }

    #[inline(always)]
    fn row_of_tiles<S: Simd, const TAPS: usize, const R: usize>(
        &mut self,
        simd: S,
        (first, count, tap, o): (usize, usize, usize, usize),
    ) {
        let gradients: [&[f32]; R] =
            std::array::from_fn(|r| &self.gradients[(o + r) * self.plane + self.start + first..][..count]);
        let taps = self.kernel[0] * self.kernel[1];
        let channels = self.planes.len() / self.plane;
        for (c, plane) in self.planes.chunks_exact(self.plane).enumerate() {
            for band in 0..self.kernel[0] {
                let x = &plane[first + band * self.row + tap..][..count + TAPS - 1];
                let sums = tile::<S, TAPS, R>(simd, &gradients, x);
                for (r, sums) in sums.iter().enumerate() {
                    let at = ((o + r) * channels + c) * taps + band * self.kernel[1] + tap;
                    for (total, sum) in self.sums[at..][..TAPS].iter_mut().zip(sums) {
                        *total += sum;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const TAPS: usize, const R: usize>(
    simd: S,
    gradients: &[&[f32]; R],
    x: &[f32],
) -> [[f32; TAPS]; R] {
    let mut acc = [[simd.splat_f32s(0.0); TAPS]; R];
    let count = x.len() + 1 - TAPS;
    // Loops, not closures: a closure is compiled for the least processor, and vector instructions cannot be inlined
    // into it.
    let mut shifted: [&[S::f32s]; TAPS] = [&[]; TAPS];
    for (tap, shifted) in shifted.iter_mut().enumerate() {
        *shifted = S::as_simd_f32s(&x[tap..][..count]).0;
    }
    let mut rows: [&[S::f32s]; R] = [&[]; R];
    for (row, gradients) in rows.iter_mut().zip(gradients) {
        *row = S::as_simd_f32s(&gradients[..count]).0;
    }
    for i in 0..count / S::F32_LANES {
        let mut x = [simd.splat_f32s(0.0); TAPS];
        for tap in 0..TAPS {
            x[tap] = shifted[tap][i];
        }
        for r in 0..R {
            let g = rows[r][i];
            for tap in 0..TAPS {
                acc[r][tap] = simd.mul_add_e_f32s(g, x[tap], acc[r][tap]);
            }
        }
    }
    let mut sums = [[0.0; TAPS]; R];
    for r in 0..R {
        for tap in 0..TAPS {
            sums[r][tap] = simd.reduce_sum_f32s(acc[r][tap]);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_of_vectors_equals_the_definition() {
        let (plane, row, positions, start) = (1100, 31, 900, 17);
        for (out, kernel) in [(1, [3, 3]), (13, [3, 3]), (9, [1, 8]), (5, [2, 6]), (8, [1, 1])] {
            let (channels, taps) = (2, kernel[0] * kernel[1]);
            let planes: Vec<f32> =
                (0..channels * plane).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
            let mut gradients = vec![0.0; out * plane];
            for (o, gradients) in gradients.chunks_mut(plane).enumerate() {
                for (p, gradient) in gradients[start..][..positions].iter_mut().enumerate() {
                    *gradient = ((p * 13 + o * 7) % 17) as f32 / 8.0 - 1.0;
                }
            }
            let run = |how: &dyn Fn(Correlate<'_>)| {
                let mut sums = vec![0.5; out * channels * taps];
                how(Correlate {
                    gradients: &gradients,
                    planes: &planes,
                    plane,
                    start,
                    positions,
                    kernel,
                    row,
                    sums: &mut sums,
                });
                for (i, sum) in sums.iter().enumerate() {
                    let (o, c, tap) = (i / taps / channels, i / taps % channels, i % taps);
                    let offset = tap / kernel[1] * row + tap % kernel[1];
                    let (g, x) = (&gradients[o * plane + start..], &planes[c * plane + offset..]);
                    let want = 0.5 + (0..positions).map(|p| g[p] * x[p]).sum::<f32>();
                    assert!((sum - want).abs() < 1e-2, "{kernel:?} {o} {c} {tap}: {sum} {want}");
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
