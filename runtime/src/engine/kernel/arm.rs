//! Cortex-M4, M7 and M33: two products an instruction, by `smlad` of their DSP extension.
//!
//! One quad of rows at a time. Eight numbers of the window come by one `ldm`, and are multiplied with two rows at once:
//! with the 16-bit weights as they are, `256 * first + second`, and with their low bytes alone, which one `sxtb16` takes
//! out of two of them. That saves a load and an extension for each second row: 31 instructions for 32 products.

use crate::packed::{BLOCK, QUAD};

/// See [`multiply`](super::multiply), which has checked the lengths. False where the numbers do not lie on boundaries of 32
/// bits, which this needs; nothing has happened then.
pub(super) fn multiply(x: &[i16], weights: &[u8], sums: &mut [i32]) -> bool {
    let aligned = x.as_ptr().cast::<u32>().is_aligned() && weights.as_ptr().cast::<u32>().is_aligned();
    if !aligned || x.is_empty() || sums.is_empty() {
        return false;
    }
    debug_assert!(x.len().is_multiple_of(BLOCK) && sums.len().is_multiple_of(QUAD));
    let (x, sums) = (x.as_ptr_range(), sums.as_mut_ptr_range());
    // SAFETY: both ranges hold at least one block and one quad, in whole numbers of them, `weights` holds a row of weights
    // as long as `x` for each sum, and all lie on 32-bit boundaries.
    unsafe { quads(x.start, x.end, weights.as_ptr(), sums.start, sums.end) }
    true
}

/// Quad after quad, until `sums` reaches `sums_end`; in each, block after block until `x` reaches `x_end`.
///
/// # Safety
/// What [`multiply`] says.
#[unsafe(naked)]
unsafe extern "C" fn quads(
    x: *const i16,
    x_end: *const i16,
    weights: *const u8,
    sums: *mut i32,
    sums_end: *mut i32,
) {
    // r0 x, r1 its end, r2 weights, r3 sums; r4 to r7 the sums of 256 * first + second and of second, for both pairs;
    // r8 to r11 eight numbers of x; r12 and lr four weights of two rows. On the stack: x's beginning, and at 40 the end
    // of the sums. No carry out of 32 bits matters: see the portable kernel.
    core::arch::naked_asm!(
        "push {{r0, r4-r11, lr}}",
        "2:",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "3:",
        "ldm r0!, {{r8-r11}}",
        "ldrd r12, lr, [r2], #8",
        "smlad r4, r8, r12, r4",
        "sxtb16 r12, r12",
        "smlad r5, r8, r12, r5",
        "smlad r4, r9, lr, r4",
        "sxtb16 lr, lr",
        "smlad r5, r9, lr, r5",
        "ldrd r12, lr, [r2], #8",
        "smlad r4, r10, r12, r4",
        "sxtb16 r12, r12",
        "smlad r5, r10, r12, r5",
        "smlad r4, r11, lr, r4",
        "sxtb16 lr, lr",
        "smlad r5, r11, lr, r5",
        "ldrd r12, lr, [r2], #8",
        "smlad r6, r8, r12, r6",
        "sxtb16 r12, r12",
        "smlad r7, r8, r12, r7",
        "smlad r6, r9, lr, r6",
        "sxtb16 lr, lr",
        "smlad r7, r9, lr, r7",
        "ldrd r12, lr, [r2], #8",
        "smlad r6, r10, r12, r6",
        "sxtb16 r12, r12",
        "smlad r7, r10, r12, r7",
        "smlad r6, r11, lr, r6",
        "sxtb16 lr, lr",
        "smlad r7, r11, lr, r7",
        "cmp r0, r1",
        "bne 3b",
        "subs r4, r4, r5",
        "asrs r4, r4, #8",
        "subs r6, r6, r7",
        "asrs r6, r6, #8",
        "stm r3!, {{r4-r7}}",
        "ldr r0, [sp]",
        "ldr r8, [sp, #40]",
        "cmp r3, r8",
        "bne 2b",
        "pop {{r0, r4-r11, pc}}",
    )
}
