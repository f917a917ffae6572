//! Steps that change what is heard of a clip, so that a network does not learn a recording by heart.
//!
//! A step only draws numbers, a [`Change`]; [`apply`] changes values in memory by them, [`apply_on_device`] a tensor.
//! Everything is drawn from the seed, the epoch, the clip (or the batch, where clips are mixed) and the step's place in
//! the list, so that no step's numbers depend on which other steps there are before it or on when it is asked.
//! Values are standardised log-mels: a decibel is `1 / deviation` of them, and 0 is a band's mean.

mod apply;
mod level;
mod mask;
mod mixup;
mod parse;

pub use apply::{apply, apply_on_device};
pub use mixup::mix_labels;
pub use parse::Augments;

use super::batches::Draw;
use serde::{Deserialize, Serialize};

/// One step of augmentation. Written `NAME` or `NAME=NUMBERS`, on the command line and in files.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Augment {
    /// `gain=DB`: the whole crop is louder or softer, by an offset that is uniform in ±DB. The spectrogram is in
    /// decibels, so this is what turning the volume does, but for the floor of the codes.
    Gain {
        /// Largest offset in decibel.
        decibel: f32,
    },
    /// `eq=DB`: a smooth random curve over the bands. `sum over k = 1..4 of a_k / k * cos(pi k (b + 1/2) / B)`, the a_k
    /// uniform in ±DB, the whole divided by `1 + 1/2 + 1/3 + 1/4`, so that it never leaves ±DB; k = 1 is a tilt.
    Eq {
        /// Bound of the curve in decibel.
        decibel: f32,
    },
    /// `noise=DB`: in half of the crops, a steady noise floor shaped like the corpus's mean spectrum, between DB and
    /// DB + 20 decibel below it. The power of two sounds is taken as the louder one's: at most 3 dB too little.
    Noise {
        /// Decibel between the mean spectrum and the loudest floor.
        decibel: f32,
    },
    /// `spec-augment=BANDS:FRAMES:MASKS`: SpecAugment (Park et al. 2019) without its time warping. MASKS times a run of
    /// bands and a run of frames are set to the mean. A run's length is uniform in 0..=BANDS (or FRAMES, at most half of
    /// the crop), its place uniform among those where it fits.
    SpecAugment {
        /// Longest run of bands.
        bands: usize,
        /// Longest run of frames.
        frames: usize,
        /// Runs of each.
        masks: usize,
    },
    /// `mixup=ALPHA`: mixup (Zhang et al. 2018). Every clip of a batch is mixed with another one of it:
    /// `s x + (1 - s) x'`, s from Beta(ALPHA, ALPHA), and its loss is `s` times the loss against its own labels plus
    /// `1 - s` times that against the other's. Where one of the two has no label for a tag, the other's alone counts,
    /// by its share.
    Mixup {
        /// Both parameters of the Beta distribution.
        alpha: f32,
    },
}

/// What a step came to for one batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Added: [clips, bands].
    Offset(Vec<f32>),
    /// At least this: `[clips]`; minus infinity where there is no floor.
    Floor(Vec<f32>),
    /// Multiplied with: [clips, bands] and [clips, frames], each 0 or 1.
    Mask {
        /// By band.
        bands: Vec<f32>,
        /// By frame.
        frames: Vec<f32>,
    },
    /// Clip i becomes `share[i]` of itself and the rest of clip `other[i]`, both as they were before this change.
    Mix {
        /// The other clip's place in the batch.
        other: Vec<u32>,
        /// Share of the clip itself.
        share: Vec<f32>,
    },
}

/// The size of a batch, and where in a run it is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What the crops' numbers are drawn by: their clips' numbers, or [`super::hearing::Heard::key`]. They do not depend on the
    /// batch that the crops came into.
    pub clips: &'a [u64],
    /// Mel bands.
    pub bands: usize,
    /// Frames of the crop.
    pub frames: usize,
    /// Decibel of one standard deviation.
    pub deviation: f32,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Batch of the epoch, from 0.
    pub step: usize,
}

impl Augment {
    /// Draws the numbers of this step, the `nth` of the list.
    pub fn draw(&self, draw: &Draw, nth: usize, place: &Place<'_>) -> Change {
        let of_clip = |clip: u64| draw.augment(place.epoch, clip, nth);
        match *self {
            Self::Gain { decibel } => level::gain(decibel, of_clip, place),
            Self::Eq { decibel } => level::equalise(decibel, of_clip, place),
            Self::Noise { decibel } => level::noise(decibel, of_clip, place),
            Self::SpecAugment { bands, frames, masks } => mask::masks(bands, frames, masks, of_clip, place),
            Self::Mixup { alpha } => {
                mixup::mix(alpha, draw.mix(place.epoch, place.step as u64, nth), place.clips.len())
            }
        }
    }

    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let within = |what: &str, value: f32, low: f32, high: f32| {
            // Not a number is not within.
            if value > low && value <= high {
                return Ok(());
            }
            Err(format!("augment `{self}`: {what} is above {low} and at most {high}"))
        };
        match *self {
            Self::Gain { decibel } | Self::Eq { decibel } => within("DB", decibel, 0.0, 40.0),
            Self::Noise { decibel } => within("DB", decibel, -20.0, 80.0),
            Self::Mixup { alpha } => within("ALPHA", alpha, 0.0, 10.0),
            Self::SpecAugment { bands, frames, masks } => {
                if bands + frames == 0 || bands > 1024 || frames > 100_000 || !(1..=20).contains(&masks) {
                    return Err(format!(
                        "augment `{self}`: BANDS is at most 1024 and FRAMES at most 100000, one of them above 0, and MASKS from 1 to 20"
                    ));
                }
                Ok(())
            }
        }
    }
}
