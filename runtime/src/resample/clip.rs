//! A whole clip at a time.

use super::edge;

use std::borrow::Cow;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use crate::pcm::{self, Pcm};

/// Lowest rate that can be resampled, in hertz.
pub const LOWEST_RATE: u32 = 1_000;
/// Highest rate that can be resampled, in hertz.
pub const HIGHEST_RATE: u32 = 384_000;

/// Samples per block, at the lower of both rates, or more: the filter passes 98 % of the band then, more than the
/// [edge](edge) does.
const SHORTEST_BLOCK: usize = 1024;

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
    /// The resampler refused.
    #[error("cannot resample from {from} Hz to {to} Hz: {reason}")]
    Resampler {
        /// The clip's rate.
        from: u32,
        /// The rate asked for.
        to: u32,
        /// What the resampler said.
        reason: String,
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
    let (from, to) = (pcm.sample_rate, to_rate);
    let rates = LOWEST_RATE..=HIGHEST_RATE;
    if !rates.contains(&from) || !rates.contains(&to) {
        return Err(ResampleError::Rate { from, to });
    }
    if from == to || pcm.samples.is_empty() {
        return Ok(Cow::Borrowed(pcm.samples));
    }
    let failed = |reason: String| ResampleError::Resampler { from, to, reason };
    let mut samples = sane(pcm.samples);
    if from < to {
        edge::soften(samples.to_mut());
    }
    let clip =
        InterleavedSlice::new(&samples, 1, samples.len()).map_err(|error| failed(error.to_string()))?;
    let mut resampled = resampler(from as usize, to as usize)
        .map_err(|error| failed(error.to_string()))?
        .process_all(&clip, samples.len(), None)
        .map_err(|error| failed(error.to_string()))?
        .take_data();
    let length = (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from));
    // The resampler rounds the length up in floating point, and so may give one sample more.
    resampled.resize(length as usize, 0.0);
    if from > to {
        edge::soften(&mut resampled);
    }
    Ok(Cow::Owned(resampled))
}

fn resampler(from: usize, to: usize) -> Result<Fft<f32>, rubato::ResamplerConstructionError> {
    let divisor = greatest_common_divisor(from, to);
    let shortest = from.min(to) / divisor;
    // An even number of the shortest possible blocks: the delay, half a block, is then a whole number of samples
    // at both rates, and nothing is left of it when it is taken off.
    let blocks = SHORTEST_BLOCK.div_ceil(shortest).next_multiple_of(2);
    let block = from / divisor * blocks;
    Fft::new_custom(from, to, block, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
}

fn sane(samples: &[f32]) -> Cow<'_, [f32]> {
    if samples.iter().all(|&sample| pcm::sane(sample) == sample) {
        Cow::Borrowed(samples)
    } else {
        samples.iter().map(|&sample| pcm::sane(sample)).collect()
    }
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
