//! A clip's sound with its two sides.

use std::path::Path;

use runtime::decode::{AudioStream, DecodeError};

use crate::corpus::ClipSource;

/// A clip at the rate of its file. Of stereo, half the sum and half the difference of both channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Hertz.
    pub sample_rate: u32,
    /// The mean over the channels, as everywhere else.
    pub mono: Vec<f32>,
    /// Half of left less right, as long as `mono`; empty where the clip is not stereo.
    pub side: Vec<f32>,
}

impl Sound {
    /// A sound without sides.
    pub fn mono(sample_rate: u32, mono: Vec<f32>) -> Self {
        Self { sample_rate, mono, side: Vec::new() }
    }

    /// The sound of a clip, at most its first `max_seconds`.
    ///
    /// # Errors
    /// When its file cannot be decoded.
    pub fn of(source: &ClipSource, max_seconds: f64) -> Result<Self, DecodeError> {
        match source {
            ClipSource::File(path) => Self::decode(path, max_seconds),
            ClipSource::Synth(clip) => {
                let (rate, samples) = clip.render();
                Ok(Self::mono(rate, samples))
            }
        }
    }

    fn decode(path: &Path, max_seconds: f64) -> Result<Self, DecodeError> {
        let mut audio = AudioStream::open(path)?;
        let mut sound = Self::mono(0, Vec::new());
        let mut both = Vec::new();
        let mut stereo = false;
        while let Some(block) = audio.next()? {
            sound.sample_rate = block.sample_rate;
            let before = sound.mono.len();
            sound.mono.extend_from_slice(block.mono);
            // Blocks of another number of channels have no sides.
            if block.channels == 2 {
                stereo = true;
                both.clear();
                block.append_interleaved(&mut both);
                let half = |sample: f32| if sample.is_finite() { sample / 2.0 } else { 0.0 };
                sound.side.resize(before, 0.0);
                sound
                    .side
                    .extend(both.as_chunks::<2>().0.iter().map(|&[left, right]| half(left) - half(right)));
            }
            if sound.mono.len() as f64 >= max_seconds * f64::from(block.sample_rate) {
                sound.mono.truncate((max_seconds * f64::from(block.sample_rate)) as usize);
                break;
            }
        }
        let length = if stereo { sound.mono.len() } else { 0 };
        sound.side.resize(length, 0.0);
        Ok(sound)
    }

    /// Whether there are two channels.
    pub fn is_stereo(&self) -> bool {
        !self.side.is_empty()
    }
}
