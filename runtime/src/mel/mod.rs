//! The front end: PCM to log-mel frames, as `librosa.feature.melspectrogram` defines them.
//!
//! Trainer, player and firmware all call this code, so that a network hears in training what it hears on the
//! device. A spectrogram is described by data, [`MelConfig`]; [`LogMel`] computes it as a stream:
//!
//! ```
//! use runtime::mel::{LogMel, MelConfig};
//! use runtime::pcm::Pcm;
//!
//! let mut front_end = LogMel::<512, 96>::new(&MelConfig::MINIM)?;
//! let one_second = [0.0; 12_000];
//! let mut frames = 0;
//! for piece in one_second.chunks(1_000) {
//!     front_end.push(Pcm::new(12_000, piece), |bands| frames += usize::from(bands.len() == 96))?;
//! }
//! front_end.flush(|_| frames += 1);
//! assert_eq!(frames, MelConfig::MINIM.frames(12_000));
//! # Ok::<(), runtime::mel::MelError>(())
//! ```
//!
//! Steps, per frame of `n_fft` samples centred on every `hop_length`-th sample:
//!
//! 1. times a periodic Hann window;
//! 2. real FFT, squared magnitude (a power spectrum);
//! 3. triangular filters, `mel_bands` of them, evenly spaced on the mel scale;
//! 4. logarithm ([`Compression`]).
//!
//! The same samples give the same bits on every target and in every build: arithmetic is plain IEEE `f32`
//! without fused operations, transcendental functions come from `libm` or from this crate.

#[cfg(feature = "std")]
mod clip;
mod codes;
mod config;
mod fft;
mod filters;
#[cfg(feature = "lanes")]
mod lanes;
mod log;
mod stream;
mod tables;
mod triangles;

#[cfg(feature = "std")]
pub use clip::{AnyLogMel, CLIP_MAX_BANDS, log_mel, log_mel_codes};
pub use codes::FrameCodes;
pub use config::{Compression, MelConfig, MelError, MelNorm, MelScale, PadMode};
pub use fft::{FftSize, Points};
pub use stream::LogMel;
pub use tables::MelTables;
