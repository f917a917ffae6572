//! Music tagging that fits on the device: PCM to log-mel frames, and frames to tags.
//!
//! Without features this is `#![no_std]`, allocates nothing and holds what a microcontroller needs.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(missing_docs)]
// But for the kernels' SIMD modules and the C interface, which say so.
#![deny(unsafe_code)]

#[cfg(feature = "onnx")]
pub mod card;
mod crc;
#[cfg(feature = "decode")]
pub mod decode;
pub mod engine;
#[cfg(feature = "ffi")]
pub mod ffi;
pub mod frames;
pub mod listen;
pub mod mel;
pub mod packed;
pub mod pcm;
pub mod resample;
pub mod sense;
#[cfg(feature = "onnx")]
pub mod tagger;
