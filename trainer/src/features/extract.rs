//! One clip to its codes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use runtime::decode::{AudioStream, DecodedAudio, decode_file_for};
use runtime::mel::{AnyLogMel, FrameCodes, MelConfig};
use runtime::pcm::Pcm;
use runtime::resample::PieceResampler;

use crate::corpus::{Clip, ClipSource};

/// No more than this is used of a file: half an hour, so that a file of any size stays a bounded piece of memory.
pub const MAX_SECONDS: f64 = 1800.0;

/// About what a packet of a compressed file holds.
const PACKET_SECONDS: f64 = 0.026;

/// Share of a file that may be lost. Clips cut out of longer files begin with a piece or two that need what was before
/// them; a file that lost more than this is damaged.
const MOST_LOST: f64 = 0.05;

/// Part of the name of a cache folder: raised whenever decoding, resampling or the codes change.
pub(super) const VERSION: u32 = 5;

/// Resamplers that are kept: one of an odd rate is large.
const FEW_RATES: usize = 4;
/// Frames that the front end makes at once.
const FRAMES_TOGETHER: usize = 16;

thread_local! {
    /// Making its tables is as much work as half a second of music: they stay for the next clip.
    static EAR: RefCell<Option<Ear>> = const { RefCell::new(None) };
}

/// The codes of a clip, frame-major; never empty.
pub(super) fn codes(clip: &Clip, config: &MelConfig) -> Result<Vec<u8>, String> {
    let kept = EAR.take().filter(|ear| ear.config == *config);
    let mut ear = kept.map_or_else(|| Ear::new(config), Ok)?;
    match &clip.source {
        ClipSource::File(path) => ear.hear_file(path)?,
        ClipSource::Synth(clip) => {
            let (rate, samples) = clip.render();
            ear.hear(rate, &samples)?;
        }
    }
    let codes = ear.finish();
    // Kept only now: one that failed in the middle of a clip would begin the next one there.
    EAR.set(Some(ear));
    if codes.is_empty() { Err("it has no samples".into()) } else { Ok(codes) }
}

/// Decodes what is used of a file by a listener at `rate` hertz: at most [`MAX_SECONDS`] of it.
///
/// # Errors
/// Why it cannot be read, or that it is damaged; the reason names the file.
pub fn decode_usable(path: &Path, rate: u32) -> Result<DecodedAudio, String> {
    let audio = decode_file_for(path, rate, MAX_SECONDS).map_err(|error| error.to_string())?;
    let seconds = audio.samples.len() as f64 / f64::from(audio.sample_rate.max(1));
    usable(path, audio.skipped_packets, seconds)?;
    Ok(audio)
}

/// An error where a file lost too much.
fn usable(path: &Path, skipped_packets: usize, seconds: f64) -> Result<(), String> {
    let lost = skipped_packets as f64 * PACKET_SECONDS;
    if lost > MOST_LOST * (seconds + lost) {
        return Err(format!("{}: damaged: {skipped_packets} pieces of it cannot be decoded", path.display()));
    }
    Ok(())
}

/// From samples to codes, piece by piece as they are decoded.
struct Ear {
    config: MelConfig,
    mel: AnyLogMel,
    encode: FrameCodes,
    /// By the rate of what is heard.
    resamplers: HashMap<u32, PieceResampler>,
    /// Samples at the front end's rate that wait until there are enough for several frames at a time, which is four times
    /// as fast as one after the other.
    waiting: Vec<f32>,
    /// Of the present clip: its rate, and its codes so far.
    rate: u32,
    codes: Vec<u8>,
}

impl Ear {
    fn new(config: &MelConfig) -> Result<Self, String> {
        Ok(Self {
            config: *config,
            mel: AnyLogMel::new(config).map_err(|error| error.to_string())?,
            encode: FrameCodes::of(config.compression),
            resamplers: HashMap::new(),
            waiting: Vec::new(),
            rate: 0,
            codes: Vec::new(),
        })
    }

    fn hear_file(&mut self, path: &Path) -> Result<(), String> {
        let named = |error: &dyn std::fmt::Display| {
            let error = error.to_string();
            let name = path.display().to_string();
            if error.contains(&name) { error } else { format!("{name}: {error}") }
        };
        let mut audio =
            AudioStream::open_for(path, self.config.sample_rate).map_err(|error| named(&error))?;
        let (mut heard, mut rate) = (0, 0);
        while let Some(block) = audio.next().map_err(|error| named(&error))? {
            rate = block.sample_rate;
            let most = (MAX_SECONDS * f64::from(rate)).ceil() as usize;
            let samples = &block.mono[..block.mono.len().min(most - heard)];
            self.hear(rate, samples).map_err(|error| named(&error))?;
            heard += samples.len();
            if heard == most {
                break;
            }
        }
        usable(path, audio.skipped_packets(), heard as f64 / f64::from(rate.max(1)))
    }

    /// The next samples of the clip, at the same rate as those before.
    fn hear(&mut self, rate: u32, samples: &[f32]) -> Result<(), String> {
        let Self { config, mel, encode, resamplers, waiting, codes, .. } = self;
        self.rate = rate;
        if resamplers.len() >= FEW_RATES && !resamplers.contains_key(&rate) {
            resamplers.clear();
        }
        let resampler = match resamplers.entry(rate) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let new = PieceResampler::new(rate, config.sample_rate).map_err(|error| error.to_string())?;
                place.insert(new)
            }
        };
        let mut heard = Ok(());
        resampler.push(samples, |piece| {
            waiting.extend_from_slice(piece);
            let together = FRAMES_TOGETHER * config.hop_length;
            let ready = waiting.len() / together * together;
            let pcm = Pcm::new(config.sample_rate, &waiting[..ready]);
            let pushed = mel.push(pcm, |frame| codes.extend(frame.iter().map(|&value| encode.encode(value))));
            waiting.drain(..ready);
            heard = std::mem::replace(&mut heard, Ok(())).and(pushed);
        });
        heard.map_err(|error| error.to_string())
    }

    /// Ends the clip: its codes.
    fn finish(&mut self) -> Vec<u8> {
        let Self { config, mel, encode, resamplers, waiting, codes, .. } = self;
        let mut encoded = |frame: &[f32]| codes.extend(frame.iter().map(|&value| encode.encode(value)));
        if let Some(resampler) = resamplers.get_mut(&self.rate) {
            resampler.flush(|piece| waiting.extend_from_slice(piece));
        }
        // What the resampler gives is finite and at the rate of the front end: it is not refused.
        let _ = mel.push(Pcm::new(config.sample_rate, waiting), &mut encoded);
        mel.flush(encoded);
        waiting.clear();
        self.rate = 0;
        std::mem::take(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::mel::log_mel_codes;
    use runtime::resample::resample;

    /// Piece by piece, and by an ear that has heard others before, codes are those of the clip as a whole.
    #[test]
    fn codes_are_those_of_the_whole_clip() {
        let config = MelConfig::MINIM;
        let mut ear = Ear::new(&config).unwrap();
        for (rate, length) in
            [(44_100, 100_000), (12_000, 30_000), (14_700, 40_001), (44_100, 5_000), (8_000, 100)]
        {
            let samples: Vec<f32> =
                (0..length).map(|i| (1e-5 * f64::from(i) * f64::from(i)).sin() as f32 * 0.3).collect();
            for piece in samples.chunks(1152) {
                ear.hear(rate, piece).unwrap();
            }
            let whole = resample(Pcm::new(rate, &samples), config.sample_rate).unwrap();
            let right = log_mel_codes(&config, Pcm::new(config.sample_rate, &whole)).unwrap();
            assert_eq!(ear.finish(), right, "{rate} {length}");
        }
        assert!(ear.finish().is_empty());
    }
}
