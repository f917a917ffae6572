//! NEON: four positions and two rows side by side, eight products in two instructions.

use super::{ROWS, Rows, TAPS};
use std::arch::aarch64::*;

/// Positions whose sums are kept in registers together.
const TOGETHER: usize = 4;

/// See [`Dot::multiply`](super::Dot::multiply), which has checked the lengths. Every AArch64 processor that Rust's
/// `std` runs on has NEON.
pub(super) fn multiply(x: &[i16], step: usize, rows: &Rows, sums: &mut [i32]) {
    let positions = sums.len() / rows.outputs;
    let mut first = 0;
    while first < positions {
        if positions - first >= TOGETHER {
            let x: [&[i16]; TOGETHER] = std::array::from_fn(|i| &x[(first + i) * step..][..rows.taps]);
            together(x, rows, &mut sums[first * rows.outputs..]);
            first += TOGETHER;
        } else {
            together([&x[first * step..][..rows.taps]], rows, &mut sums[first * rows.outputs..]);
            first += 1;
        }
    }
}

fn together<const N: usize>(x: [&[i16]; N], rows: &Rows, sums: &mut [i32]) {
    let x = x.map(|x| x.as_chunks::<TAPS>().0);
    for (pair, weights) in rows.weights.chunks_exact(ROWS * rows.taps).enumerate() {
        let (upper, lower) = weights.split_at(rows.taps);
        let (upper, lower) = (upper.as_chunks::<TAPS>().0, lower.as_chunks::<TAPS>().0);
        // SAFETY: NEON is part of the target's baseline.
        let mut totals = [[unsafe { vdupq_n_s32(0) }; ROWS]; N];
        for (t, (upper, lower)) in upper.iter().zip(lower).enumerate() {
            let (upper, lower) = (load(upper), load(lower));
            for (total, x) in totals.iter_mut().zip(&x) {
                let x = load(&x[t]);
                total[0] = multiply_add(total[0], x, upper);
                total[1] = multiply_add(total[1], x, lower);
            }
        }
        for (n, [upper, lower]) in totals.into_iter().enumerate() {
            let out = &mut sums[n * rows.outputs + pair * ROWS..][..ROWS];
            // SAFETY: NEON is part of the target's baseline.
            (out[0], out[1]) = unsafe { (vaddvq_s32(upper), vaddvq_s32(lower)) };
        }
    }
}

fn multiply_add(total: int32x4_t, x: [int16x8_t; 2], weights: [int16x8_t; 2]) -> int32x4_t {
    let mut total = total;
    for (x, weights) in x.into_iter().zip(weights) {
        // SAFETY: NEON is part of the target's baseline.
        total =
            unsafe { vmlal_high_s16(vmlal_s16(total, vget_low_s16(x), vget_low_s16(weights)), x, weights) };
    }
    total
}

fn load(numbers: &[i16; TAPS]) -> [int16x8_t; 2] {
    // SAFETY: the array has the 16 numbers that are read, and the loads ask for no alignment beyond the numbers' own.
    unsafe { [vld1q_s16(numbers.as_ptr()), vld1q_s16(numbers.as_ptr().add(8))] }
}
