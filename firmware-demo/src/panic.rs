//! A panic says so and ends the program with an error.

use crate::semihosting::exit;
use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("", 0), |place| (place.file(), place.line()));
    crate::speaker::say_panicked(file, line);
    exit(false)
}
