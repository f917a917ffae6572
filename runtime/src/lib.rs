//! Music tagging that fits on the device.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(missing_docs)]

#[cfg(feature = "decode")]
pub mod decode;
pub mod mel;
pub mod pcm;
#[cfg(feature = "onnx")]
pub mod resample;
