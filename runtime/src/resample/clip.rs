//! A whole clip at a time.

use std::borrow::Cow;

use super::pieces::PieceResampler;
use crate::pcm::Pcm;

/// Lowest rate that can be resampled, in hertz.
pub const LOWEST_RATE: u32 = 1_000;
/// Highest rate that can be resampled, in hertz.
pub const HIGHEST_RATE: u32 = 384_000;

/// Why a clip cannot be resampled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// A rate is 0, or none of audio: the memory needed grows with the rates and their ratio.
    #[error(
        "cannot resample from {from} Hz to {to} Hz: both rates must be from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
    )]
    Rate {
        /// The clip's rate.
        from: u32,
        /// The rate asked for.
        to: u32,
    },
}

/// The clip at `to_rate` hertz; borrowed when it is at that rate already.
///
/// Band-limited as librosa's default (`soxr_hq`) does it: all of the band up to 0.91 of half the lower rate, falling to
/// nothing at half of it. It is in place: sample `i` of the result lies at the time of sample
/// `i * from / to_rate` of the clip, for the filter's delay is taken off. `n` samples become
/// `ceil(n * to_rate / from)`. Beyond its ends the clip is taken to be silent. Samples that are not finite, or
/// beyond ±1e12, count as 0, as in the front end: otherwise one of them would spoil a whole block.
///
/// # Errors
/// Rates outside [`LOWEST_RATE`] to [`HIGHEST_RATE`].
pub fn resample(pcm: Pcm<'_>, to_rate: u32) -> Result<Cow<'_, [f32]>, ResampleError> {
    let mut resampler = PieceResampler::new(pcm.sample_rate, to_rate)?;
    if pcm.sample_rate == to_rate || pcm.samples.is_empty() {
        return Ok(Cow::Borrowed(pcm.samples));
    }
    let length = (pcm.samples.len() as u64 * u64::from(to_rate)).div_ceil(u64::from(pcm.sample_rate));
    let mut resampled = Vec::with_capacity(length as usize);
    resampler.push(pcm.samples, |piece| resampled.extend_from_slice(piece));
    resampler.flush(|piece| resampled.extend_from_slice(piece));
    Ok(Cow::Owned(resampled))
}
