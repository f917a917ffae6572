//! Audio files to mono PCM at their own rate, through symphonia; and mp3 by a decoder of our own where a listener hears a
//! band alone, as every tagger does.
//!
//! mp3, flac, ogg vorbis, opus, wav (integer, float, ADPCM), aiff and aac in m4a. The delay and padding that encoders
//! add are cut where the format states them and symphonia applies it (mp3 with a LAME tag, vorbis, opus); aac in m4a
//! keeps its priming samples (1024 to 2112 of them, 25 to 50 ms).

mod audio;
mod band;
mod error;
pub mod mp3;
mod open;
mod opus;
mod stream;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub use audio::{AudioStream, Block};
pub use error::DecodeError;

use crate::pcm::Pcm;

/// Where decoding of any file stops: 2^29 samples, 3.4 hours at 44.1 kHz, 2 GiB in memory.
pub const MAX_SAMPLES: usize = 1 << 29;

/// A decoded file: mono (the mean over the channels), at the rate of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedAudio {
    /// Sampling rate in hertz: the file's, or that of [`decode_file_for`].
    pub sample_rate: u32,
    /// Mono samples, full scale is -1.0 to 1.0 and all are finite (float files may exceed full scale).
    pub samples: Vec<f32>,
    /// How many channels the first packet had.
    pub channels: usize,
    /// Packets that the decoder refused and that were left out; the audio after them follows without a gap. Damage
    /// that a format reader passes over by itself is not counted.
    pub skipped_packets: usize,
    /// True when decoding stopped at the limit and the file goes on.
    pub limited: bool,
}

impl DecodedAudio {
    /// The samples with their rate.
    pub fn pcm(&self) -> Pcm<'_> {
        Pcm::new(self.sample_rate, &self.samples)
    }
}

/// Decodes a whole file to mono, up to [`MAX_SAMPLES`].
///
/// A damaged packet is skipped and counted as long as anything decodes.
///
/// # Errors
/// [`DecodeError`], which names the file and the reason. No input makes this panic: a panic inside the decoding
/// library comes back as [`DecodeError::Panicked`] (the panic hook still prints its line).
pub fn decode_file(path: &Path) -> Result<DecodedAudio, DecodeError> {
    guarded(path, || whole::decode(path, f64::INFINITY))
}

/// Decodes at most the first `max_seconds` of a file; otherwise as [`decode_file`].
///
/// # Errors
/// As [`decode_file`].
pub fn decode_file_limited(path: &Path, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    guarded(path, || whole::decode(path, max_seconds))
}

/// Decodes at most the first `max_seconds` of a file for a listener at `rate` hertz, who hears nothing above half of it: samples
/// are right up to there, and of an mp3 they may come at a lower rate than the file's, in a seventh of the time
/// ([`mp3::BandDecoder`]). Otherwise as [`decode_file`].
///
/// # Errors
/// As [`decode_file`].
pub fn decode_file_for(path: &Path, rate: u32, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    guarded(path, || whole::decode_for(path, rate, max_seconds))
}

/// Decodes at most `seconds` of a file from second `from` on, without decoding what comes before where the format can
/// seek; otherwise as [`decode_file`]. The place is exact to a packet (some 30 ms), the same every time.
///
/// # Errors
/// As [`decode_file`]; [`DecodeError::NothingDecoded`] where the file ends before `from`.
pub fn decode_file_part(path: &Path, from: f64, seconds: f64) -> Result<DecodedAudio, DecodeError> {
    guarded(path, || whole::decode_part(path, from.max(0.0), seconds))
}

/// Length of a file in seconds as its headers say, without decoding: nothing where they do not. That of an mp3 without
/// such a header is an estimate from its bit rate.
///
/// # Errors
/// As [`decode_file`], as far as opening goes: a codec that is not known is found, damage is not.
pub fn stated_seconds(path: &Path) -> Result<Option<f64>, DecodeError> {
    guarded(path, || whole::duration(path))
}

fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    // Nothing is shared with the closure, so no half-changed state can be seen after a panic.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(DecodeError::Panicked { path: path.into(), reason: text.unwrap_or_else(|| "a panic".into()) })
    })
}
