//! How the C library's allocator treats the big buffers of training.
//!
//! Every step allocates and frees the same activations, tens of megabytes each. glibc hands such blocks back to the
//! system at once, which then clears fresh pages for the next step: a tenth to a quarter of a step's time. Told to
//! keep them, it does not.

/// Blocks up to this size, in bytes, are kept when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 1 << 30;

/// Makes the allocator keep what is freed, up to a gigabyte a block. The process then takes as much memory as it once
/// needed until it ends. For programs that train, at their start; does nothing where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (option, value) in [(libc::M_MMAP_THRESHOLD, KEPT), (libc::M_TRIM_THRESHOLD, i32::MAX)] {
        // SAFETY: mallopt takes two numbers and may be called at any time; glibc refuses, by its result, what it does
        // not know, and then everything stays as it was.
        unsafe { libc::mallopt(option, value) };
    }
}
