//! One clip to its codes.

use std::path::Path;

use runtime::decode::{DecodedAudio, decode_file_limited};
use runtime::mel::{MelConfig, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::resample::resample;

use crate::corpus::{Clip, ClipSource};

/// No more than this is used of a file: half an hour, so that a file of any size stays a bounded piece of memory.
pub const MAX_SECONDS: f64 = 1800.0;

/// About what a packet of a compressed file holds.
const PACKET_SECONDS: f64 = 0.026;

/// Share of a file that may be lost. Clips cut out of longer files begin with a piece or two that need what was before
/// them; a file that lost more than this is damaged.
const MOST_LOST: f64 = 0.05;

/// Part of the name of a cache folder: raised whenever decoding, resampling or the codes change.
pub(super) const VERSION: u32 = 4;

/// The codes of a clip, frame-major; never empty.
pub(super) fn codes(clip: &Clip, config: &MelConfig) -> Result<Vec<u8>, String> {
    let codes = match &clip.source {
        ClipSource::File(path) => of_pcm(decode_usable(path)?.pcm(), config)?,
        ClipSource::Synth(clip) => {
            let (rate, samples) = clip.render();
            of_pcm(Pcm::new(rate, &samples), config)?
        }
    };
    if codes.is_empty() { Err("it has no samples".into()) } else { Ok(codes) }
}

/// Decodes what is used of a file: at most [`MAX_SECONDS`] of it.
///
/// # Errors
/// Why it cannot be read, or that it is damaged; the reason names the file.
pub fn decode_usable(path: &Path) -> Result<DecodedAudio, String> {
    let audio = decode_file_limited(path, MAX_SECONDS).map_err(|error| error.to_string())?;
    let lost = audio.skipped_packets as f64 * PACKET_SECONDS;
    let seconds = audio.samples.len() as f64 / f64::from(audio.sample_rate.max(1));
    if lost > MOST_LOST * (seconds + lost) {
        let pieces = audio.skipped_packets;
        return Err(format!("{}: damaged: {pieces} pieces of it cannot be decoded", path.display()));
    }
    Ok(audio)
}

fn of_pcm(pcm: Pcm<'_>, config: &MelConfig) -> Result<Vec<u8>, String> {
    let samples = resample(pcm, config.sample_rate).map_err(|error| error.to_string())?;
    log_mel_codes(config, Pcm::new(config.sample_rate, &samples)).map_err(|error| error.to_string())
}
