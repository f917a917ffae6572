//! AArch64: four positions and two rows side by side. NEON multiplies 16-bit numbers, eight products in two instructions;
//! processors with the dot-product extension (a Raspberry Pi 5, not a 4) multiply bytes, sixteen in one.

use super::{ROWS, Rows, TAPS};
use std::arch::aarch64::*;
use std::arch::asm;

/// Positions whose sums are kept in registers together.
const TOGETHER: usize = 4;

/// See [`Dot::multiply`](super::Dot::multiply), which has checked the lengths. Every AArch64 processor that Rust's `std`
/// runs on has NEON.
pub(super) fn neon(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
    each(x, step, &rows.weights, rows, sums, |total, x: &[i16; TAPS], weights: &[i16; TAPS]| {
        // SAFETY: NEON is there, and both arrays have the 16 numbers that are read.
        unsafe {
            let mut total = total;
            for half in 0..2 {
                let (x, weights) =
                    (vld1q_s16(x.as_ptr().add(8 * half)), vld1q_s16(weights.as_ptr().add(8 * half)));
                total = vmlal_high_s16(vmlal_s16(total, vget_low_s16(x), vget_low_s16(weights)), x, weights);
            }
            total
        }
    });
}

/// [`neon`] for processors with the dot-product extension, which the caller has found.
pub(super) fn dotprod(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
    let bytes: Vec<i8> = x.iter().map(|&x| x as i8).collect();
    each(&bytes, step, &rows.bytes, rows, sums, |total, x: &[i8; TAPS], weights: &[i8; TAPS]| {
        let mut total = total;
        // SAFETY: `Dot::detect` has found the extension, and both arrays have the 16 bytes that are read. The instruction
        // has no stable intrinsic; it changes its first register only.
        unsafe {
            let (x, weights) = (vld1q_s8(x.as_ptr()), vld1q_s8(weights.as_ptr()));
            asm!(
                ".arch_extension dotprod",
                "sdot {total:v}.4s, {x:v}.16b, {weights:v}.16b",
                total = inout(vreg) total,
                x = in(vreg) x,
                weights = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        total
    });
}

/// Positions and rows in groups; `add` adds sixteen products to four sums.
#[inline(always)]
fn each<T: Copy>(
    x: &[T],
    step: usize,
    weights: &[T],
    rows: &Rows,
    sums: &mut [i32],
    add: impl Fn(int32x4_t, &[T; TAPS], &[T; TAPS]) -> int32x4_t,
) {
    let positions = sums.len() / rows.outputs;
    let window = |position: usize| x[position * step..][..rows.taps].as_chunks::<TAPS>().0;
    let mut first = 0;
    while first < positions {
        // The last few are done as if there were more: their window is taken several times, and kept once.
        let windows: [_; TOGETHER] = std::array::from_fn(|i| window((first + i).min(positions - 1)));
        let kept = TOGETHER.min(positions - first);
        let sums = &mut sums[first * rows.outputs..];
        for (pair, weights) in weights.chunks_exact(ROWS * rows.taps).enumerate() {
            let (upper, lower) = weights.split_at(rows.taps);
            let (upper, lower) = (upper.as_chunks::<TAPS>().0, lower.as_chunks::<TAPS>().0);
            // SAFETY: NEON is part of the target's baseline.
            let mut totals = [[unsafe { vdupq_n_s32(0) }; ROWS]; TOGETHER];
            for (t, (upper, lower)) in upper.iter().zip(lower).enumerate() {
                for (total, window) in totals.iter_mut().zip(&windows) {
                    total[0] = add(total[0], &window[t], upper);
                    total[1] = add(total[1], &window[t], lower);
                }
            }
            for (n, &[upper, lower]) in totals[..kept].iter().enumerate() {
                let out = &mut sums[n * rows.outputs + pair * ROWS..][..ROWS];
                // SAFETY: NEON is part of the target's baseline.
                (out[0], out[1]) = unsafe { (vaddvq_s32(upper), vaddvq_s32(lower)) };
            }
        }
        first += kept;
    }
}
