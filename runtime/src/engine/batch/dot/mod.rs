//! Products of several positions with all rows of weights, by what the processor has.

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
mod neon;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86;

/// Positions that are worth taking together.
pub(super) const POSITIONS: usize = 32;
/// Numbers behind the last position's that a kernel may read.
pub(super) const ROOM: usize = 32;
/// Taps and rows come in multiples of these.
const TAPS: usize = 16;
const ROWS: usize = 2;

/// Which kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dot(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "aarch64")]
    DotProduct,
}

/// Weights `[rows, taps]`, both padded with zeros.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    outputs: usize,
    taps: usize,
    weights: Vec<i16>,
    /// The same in 8 bits, for kernels that multiply bytes.
    #[cfg(target_arch = "aarch64")]
    bytes: Vec<i8>,
}

impl Rows {
    /// Outputs, padded.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }
}

impl Dot {
    /// The reference.
    pub(super) const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest on this processor.
    pub(super) fn detect() -> Self {
        *Self::all().last().unwrap_or(&Self::PORTABLE)
    }

    /// All that run on this processor, the fastest one last.
    fn all() -> Vec<Self> {
        let mut all = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            all.push(Self(Kind::Avx2));
            if is_x86_feature_detected!("avxvnni") {
                all.push(Self(Kind::AvxVnni));
            }
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
                all.push(Self(Kind::Avx512Vnni));
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            all.push(Self(Kind::Neon));
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                all.push(Self(Kind::DotProduct));
            }
        }
        all
    }

    pub(super) fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::AvxVnni => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vnni => "avx512vnni",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            #[cfg(target_arch = "aarch64")]
            Kind::DotProduct => "dotprod",
        }
    }

    /// Weights as the kernels want them.
    pub(super) fn rows(self, outputs: usize, taps: usize, weight: impl Fn(usize, usize) -> i16) -> Rows {
        let (rows, width) = (outputs.next_multiple_of(ROWS), taps.next_multiple_of(TAPS));
        let mut weights = vec![0; rows * width];
        for output in 0..outputs {
            let row = &mut weights[output * width..][..taps];
            row.iter_mut().enumerate().for_each(|(tap, slot)| *slot = weight(output, tap));
        }
        Rows {
            outputs: rows,
            taps: width,
            #[cfg(target_arch = "aarch64")]
            bytes: weights.iter().map(|&weight| weight as i8).collect(),
            weights,
        }
    }

    /// `sums[position, output]` of so many positions, which begin `step` numbers apart in `x`.
    ///
    /// # Panics
    /// When `x` ends before the last position's padded taps do, or `sums` is not `[positions, outputs]`.
    pub(super) fn multiply(self, x: &[i16], step: usize, positions: usize, rows: &Rows, sums: &mut [i32]) {
        assert!(
            positions > 0 && x.len() >= (positions - 1) * step + rows.taps,
            "room behind the last position"
        );
        assert_eq!(sums.len(), positions * rows.outputs);
        match self.0 {
            Kind::Portable => portable(x, step, rows, sums),
            // SAFETY: `all` has found the features that each kernel's name says.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Kind::Avx2 => unsafe { x86::avx2(x, step, rows, sums) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Kind::AvxVnni => unsafe { x86::avx_vnni(x, step, rows, sums) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Kind::Avx512Vnni => unsafe { x86::avx512_vnni(x, step, rows, sums) },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => neon::neon(x, step, rows, sums),
            #[cfg(target_arch = "aarch64")]
            Kind::DotProduct => neon::dotprod(x, step, rows, sums),
        }
    }
}

fn portable(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
    for (position, sums) in sums.chunks_exact_mut(rows.outputs).enumerate() {
        let x = &x[position * step..][..rows.taps];
        for (sum, weights) in sums.iter_mut().zip(rows.weights.chunks_exact(rows.taps)) {
            *sum = x.iter().zip(weights).map(|(&x, &w)| i32::from(x) * i32::from(w)).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn this_processors_kernels_do_what_the_portable_one_does(
            outputs in 1usize..20, taps in 1usize..100, step in 1usize..50, positions in 1usize..11,
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut integer = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                i16::from(state as i8)
            };
            let x: Vec<i16> = (0..positions * step + taps + ROOM).map(|_| integer()).collect();
            let weights: Vec<i16> = (0..outputs * taps).map(|_| integer().max(-127)).collect();
            let of = |dot: Dot| {
                let rows = dot.rows(outputs, taps, |o, t| weights[o * taps + t]);
                let mut sums = vec![0; positions * rows.outputs()];
                dot.multiply(&x, step, positions, &rows, &mut sums);
                sums
            };
            for dot in Dot::all() {
                prop_assert_eq!(of(dot), of(Dot::PORTABLE), "{}", dot.name());
            }
        }
    }
}
