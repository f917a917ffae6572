//! From one sampling rate to another: a whole clip at a time, or as a stream on a device.

#[cfg(feature = "onnx")]
mod clip;
#[cfg(feature = "onnx")]
mod edge;
#[cfg(feature = "onnx")]
mod pieces;
mod stream;

#[cfg(feature = "onnx")]
pub use clip::{HIGHEST_RATE, LOWEST_RATE, ResampleError, resample};
#[cfg(feature = "onnx")]
pub use pieces::PieceResampler;
pub use stream::{Channels, Filter, HISTORY, History, Resampler, Sample, Source, SourceRateError};
