//! From one sampling rate to another: a whole clip at a time, or as a stream on a device.

#[cfg(feature = "onnx")]
mod clip;
#[cfg(feature = "onnx")]
mod edge;
mod stream;

#[cfg(feature = "onnx")]
pub use clip::{HIGHEST_RATE, LOWEST_RATE, ResampleError, resample};
pub use stream::{Channels, Filter, HISTORY, History, Resampler, Sample, Source, SourceRateError};
