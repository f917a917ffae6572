//! AVX2: sixteen products an instruction, four positions and two rows side by side.

use super::{ROWS, Rows, TAPS};
use std::arch::x86_64::*;

/// Positions whose sums are kept in registers together.
const TOGETHER: usize = 4;

/// See [`Dot::multiply`](super::Dot::multiply), which has checked the lengths, and [`Dot::detect`](super::Dot::detect),
/// which has found AVX2.
pub(super) fn multiply(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
    let positions = sums.len() / rows.outputs;
    let mut first = 0;
    while first < positions {
        if positions - first >= TOGETHER {
            let x: [&[i16]; TOGETHER] = std::array::from_fn(|i| &x[(first + i) * step..][..rows.taps]);
            // SAFETY: this kernel is only chosen where the processor has AVX2.
            unsafe { together(x, rows, &mut sums[first * rows.outputs..]) }
            first += TOGETHER;
        } else {
            let x = [&x[first * step..][..rows.taps]];
            // SAFETY: as above.
            unsafe { together(x, rows, &mut sums[first * rows.outputs..]) }
            first += 1;
        }
    }
}

#[target_feature(enable = "avx2")]
fn together<const N: usize>(x: [&[i16]; N], rows: &Rows, sums: &mut [i32]) {
    let x = x.map(|x| x.as_chunks::<TAPS>().0);
    for (pair, weights) in rows.weights.chunks_exact(ROWS * rows.taps).enumerate() {
        let (upper, lower) = weights.split_at(rows.taps);
        let (upper, lower) = (upper.as_chunks::<TAPS>().0, lower.as_chunks::<TAPS>().0);
        let mut totals = [[_mm256_setzero_si256(); ROWS]; N];
        for (t, (upper, lower)) in upper.iter().zip(lower).enumerate() {
            let (upper, lower) = (load(upper), load(lower));
            for (total, x) in totals.iter_mut().zip(&x) {
                let x = load(&x[t]);
                total[0] = _mm256_add_epi32(total[0], _mm256_madd_epi16(x, upper));
                total[1] = _mm256_add_epi32(total[1], _mm256_madd_epi16(x, lower));
            }
        }
        for (n, [upper, lower]) in totals.into_iter().enumerate() {
            // Neighbours added twice leave each row's sum in two halves of the register.
            let sum = _mm256_hadd_epi32(upper, lower);
            let sum = _mm256_hadd_epi32(sum, sum);
            let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let out = &mut sums[n * rows.outputs + pair * ROWS..][..ROWS];
            out[0] = _mm_extract_epi32::<0>(sum);
            out[1] = _mm_extract_epi32::<1>(sum);
        }
    }
}

#[target_feature(enable = "avx2")]
fn load(numbers: &[i16; TAPS]) -> __m256i {
    // SAFETY: the array has the register's 32 bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}
