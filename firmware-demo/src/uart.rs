//! The boards' first serial line: a CMSDK APB UART.

const DATA: *mut u32 = 0x4000_4000 as *mut u32;
const STATE: *const u32 = 0x4000_4004 as *const u32;
const CTRL: *mut u32 = 0x4000_4008 as *mut u32;
const BAUDDIV: *mut u32 = 0x4000_4010 as *mut u32;

/// Bit of `STATE`: no room for another byte.
const FULL: u32 = 1;

pub struct Uart;

impl Uart {
    /// Switches the sender on.
    pub fn start() -> Self {
        // SAFETY: these are the registers of the only UART that the program uses, and only here.
        unsafe {
            BAUDDIV.write_volatile(217); // 115,200 baud at 25 MHz
            CTRL.write_volatile(1);
        }
        Self
    }

    pub fn send(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: as above.
            unsafe {
                while STATE.read_volatile() & FULL != 0 {}
                DATA.write_volatile(byte.into());
            }
        }
    }
}
