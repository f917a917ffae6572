//! How much memory the program takes: the linker says what is static, paint says how deep the stack went.

use core::ptr::{addr_of, read_volatile, write_volatile};

/// What untouched memory is painted with.
const PAINT: u32 = 0xc0ff_ee11;
/// Left alone below the stack pointer: what painting itself uses.
const MARGIN: usize = 512;

unsafe extern "C" {
    static __sdata: u32;
    static __ebss: u32;
    static __sidata: u32;
    static __edata: u32;
    static _stack_start: u32;
}

/// Memory in bytes.
pub struct Used {
    pub flash: usize,
    pub statics: usize,
    pub stack: usize,
}

fn bounds() -> (usize, usize) {
    (addr_of!(__ebss) as usize, addr_of!(_stack_start) as usize)
}

/// Paints all that is free, up to just below the stack.
#[inline(never)]
pub fn paint() {
    let (bottom, _) = bounds();
    let top = cortex_m::register::msp::read() as usize - MARGIN;
    for address in (bottom..top).step_by(4) {
        // SAFETY: between the statics and the stack nothing lives: there is no heap, and interrupts are off.
        unsafe { write_volatile(address as *mut u32, PAINT) }
    }
}

/// What has been used since.
pub fn used() -> Used {
    let (bottom, top) = bounds();
    // SAFETY: these are words of RAM.
    let painted = |address: &usize| unsafe { read_volatile(*address as *const u32) == PAINT };
    let deepest = (bottom..top).step_by(4).find(|address| !painted(address)).unwrap_or(top);
    let data = addr_of!(__sdata) as usize;
    // Flash ends where the initial values of .data do.
    let flash = addr_of!(__sidata) as usize + addr_of!(__edata) as usize - data;
    Used { flash, statics: bottom - data, stack: top - deepest }
}
