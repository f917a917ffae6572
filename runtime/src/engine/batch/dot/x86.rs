//! x86-64: sixteen products an instruction, four positions and two rows side by side. With VNNI the sums come with them.

use super::{ROWS, Rows, TAPS};
use std::arch::x86_64::*;

/// Positions whose sums are kept in registers together.
const TOGETHER: usize = 4;

/// The kernel for processors with `$feature`, where `$add` adds sixteen products to eight sums.
macro_rules! kernel {
    ($name:ident, $feature:literal, |$total:ident, $x:ident, $weights:ident| $add:expr) => {
        /// See [`Dot::multiply`](super::Dot::multiply), which has checked the lengths.
        ///
        /// # Safety
        /// The processor has the features that the kernel's name says.
        #[target_feature(enable = $feature)]
        pub(super) unsafe fn $name(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
            let add = |$total: __m256i, $x: __m256i, $weights: __m256i| -> __m256i { $add };
            let positions = sums.len() / rows.outputs;
            let window = |position: usize| x[position * step..][..rows.taps].as_chunks::<TAPS>().0;
            // Two rows stay in the nearest cache while all positions pass them.
            for (pair, weights) in rows.weights.chunks_exact(ROWS * rows.taps).enumerate() {
                let (upper, lower) = weights.split_at(rows.taps);
                let (upper, lower) = (upper.as_chunks::<TAPS>().0, lower.as_chunks::<TAPS>().0);
                let mut first = 0;
                while first < positions {
                    // The last few are done as if there were more: their window is taken several times, and kept once.
                    let last = positions - 1;
                    let (x0, x1) = (window(first), window((first + 1).min(last)));
                    let (x2, x3) = (window((first + 2).min(last)), window((first + 3).min(last)));
                    let mut totals = [[_mm256_setzero_si256(); ROWS]; TOGETHER];
                    // Side by side, without an index: nothing is left to check.
                    let windows = x0.iter().zip(x1).zip(x2.iter().zip(x3));
                    for ((upper, lower), ((x0, x1), (x2, x3))) in upper.iter().zip(lower).zip(windows) {
                        let (upper, lower) = (load(upper), load(lower));
                        for (total, x) in totals.iter_mut().zip([x0, x1, x2, x3]) {
                            let x = load(x);
                            total[0] = add(total[0], x, upper);
                            total[1] = add(total[1], x, lower);
                        }
                    }
                    let kept = TOGETHER.min(positions - first);
                    for (n, &[upper, lower]) in totals[..kept].iter().enumerate() {
                        // Neighbours added twice leave each row's sum in two halves of the register.
                        let sum = _mm256_hadd_epi32(upper, lower);
                        let sum = _mm256_hadd_epi32(sum, sum);
                        let halves = (_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
                        let both = _mm_cvtsi128_si64(_mm_add_epi32(halves.0, halves.1));
                        let out = &mut sums[(first + n) * rows.outputs + pair * ROWS..][..ROWS];
                        (out[0], out[1]) = (both as i32, (both >> 32) as i32);
                    }
                    first += kept;
                }
            }
        }
    };
}

kernel!(avx2, "avx2", |total, x, weights| _mm256_add_epi32(total, _mm256_madd_epi16(x, weights)));
kernel!(avx_vnni, "avx2,avxvnni", |total, x, weights| _mm256_dpwssd_avx_epi32(total, x, weights));
kernel!(avx512_vnni, "avx2,avx512vnni,avx512vl", |total, x, weights| {
    _mm256_dpwssd_epi32(total, x, weights)
});

#[target_feature(enable = "avx2")]
fn load(numbers: &[i16; TAPS]) -> __m256i {
    // SAFETY: the array has the register's 32 bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}
