//! The C interface as a static library, target/debug/examples/libminim.a: see examples/c/build.sh.

pub use runtime::ffi::*;
