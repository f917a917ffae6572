//! One clip to its codes.

use runtime::decode::decode_file_limited;
use runtime::mel::{MelConfig, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::resample::resample;

use crate::corpus::{Clip, ClipSource};

/// No more than this is used of a file: half an hour, so that a file of any size stays a bounded piece of memory.
const MAX_SECONDS: f64 = 1800.0;

/// Part of the name of a cache folder: raised whenever decoding, resampling or the codes change.
pub(super) const VERSION: u32 = 1;

/// The codes of a clip, frame-major; never empty.
pub(super) fn codes(clip: &Clip, config: &MelConfig) -> Result<Vec<u8>, String> {
    let codes = match &clip.source {
        ClipSource::File(path) => {
            let audio = decode_file_limited(path, MAX_SECONDS).map_err(|error| error.to_string())?;
            of_pcm(audio.pcm(), config)?
        }
        ClipSource::Synth(clip) => {
            let (rate, samples) = clip.render();
            of_pcm(Pcm::new(rate, &samples), config)?
        }
    };
    if codes.is_empty() { Err("it has no samples".into()) } else { Ok(codes) }
}

fn of_pcm(pcm: Pcm<'_>, config: &MelConfig) -> Result<Vec<u8>, String> {
    let samples = resample(pcm, config.sample_rate).map_err(|error| error.to_string())?;
    log_mel_codes(config, Pcm::new(config.sample_rate, &samples)).map_err(|error| error.to_string())
}
