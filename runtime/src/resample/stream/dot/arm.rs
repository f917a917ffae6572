//! Cortex-M4, M7 and M33: two products an instruction, by `smlald` of their DSP extension.

/// See [`dot`](super::dot), which has checked the lengths. Nothing where the taps do not lie on a boundary of 32 bits or are
/// no whole number of fours.
#[inline]
pub(super) fn dot(x: &[i16], taps: &[i16]) -> Option<i64> {
    if !taps.as_ptr().cast::<u32>().is_aligned() || !taps.len().is_multiple_of(4) || taps.is_empty() {
        return None;
    }
    let aligned = x.as_ptr().cast::<u32>().is_aligned();
    // SAFETY: `x` and `taps` hold `taps.len()` numbers, a whole number of fours; the taps, and for the first of the two
    // kernels `x`, too, lie on a 32-bit boundary.
    Some(unsafe {
        if aligned {
            aligned_dot(x.as_ptr(), taps.len(), taps.as_ptr())
        } else {
            any_dot(x.as_ptr(), taps.len(), taps.as_ptr())
        }
    })
}

/// 32 taps at a time, then four.
///
/// # Safety
/// `count` is a positive multiple of four, both pointers have so many numbers and lie on 32-bit boundaries.
#[unsafe(naked)]
unsafe extern "C" fn aligned_dot(x: *const i16, count: usize, taps: *const i16) -> i64 {
    // r0 x, r1 count, r2 taps; the sum in r3 and r12.
    core::arch::naked_asm!(
        "push {{r4-r11, lr}}",
        "movs r3, #0",
        "mov r12, #0",
        "subs r1, r1, #32",
        "blo 3f",
        "2:",
        ".rept 4",
        "ldm r0!, {{r4-r7}}",
        "ldm r2!, {{r8-r11}}",
        "smlald r3, r12, r4, r8",
        "smlald r3, r12, r5, r9",
        "smlald r3, r12, r6, r10",
        "smlald r3, r12, r7, r11",
        ".endr",
        "subs r1, r1, #32",
        "bhs 2b",
        "3:",
        "adds r1, r1, #32",
        "beq 5f",
        "4:",
        "ldm r0!, {{r4, r5}}",
        "ldm r2!, {{r8, r9}}",
        "smlald r3, r12, r4, r8",
        "smlald r3, r12, r5, r9",
        "subs r1, r1, #4",
        "bne 4b",
        "5:",
        "mov r0, r3",
        "mov r1, r12",
        "pop {{r4-r11, pc}}",
    )
}

/// For an `x` on any boundary: single loads need none.
///
/// # Safety
/// `count` is a positive multiple of four, both pointers have so many numbers, and `taps` lies on a 32-bit boundary.
#[unsafe(naked)]
unsafe extern "C" fn any_dot(x: *const i16, count: usize, taps: *const i16) -> i64 {
    core::arch::naked_asm!(
        "push {{r4-r11, lr}}",
        "movs r3, #0",
        "mov r12, #0",
        "subs r1, r1, #16",
        "blo 3f",
        "2:",
        ".rept 2",
        "ldm r2!, {{r8-r11}}",
        "ldr r4, [r0], #4",
        "ldr r5, [r0], #4",
        "ldr r6, [r0], #4",
        "ldr r7, [r0], #4",
        "smlald r3, r12, r4, r8",
        "smlald r3, r12, r5, r9",
        "smlald r3, r12, r6, r10",
        "smlald r3, r12, r7, r11",
        ".endr",
        "subs r1, r1, #16",
        "bhs 2b",
        "3:",
        "adds r1, r1, #16",
        "beq 5f",
        "4:",
        "ldm r2!, {{r8, r9}}",
        "ldr r4, [r0], #4",
        "ldr r5, [r0], #4",
        "smlald r3, r12, r4, r8",
        "smlald r3, r12, r5, r9",
        "subs r1, r1, #4",
        "bne 4b",
        "5:",
        "mov r0, r3",
        "mov r1, r12",
        "pop {{r4-r11, pc}}",
    )
}
