//! The card: what a network hears and what its outputs mean, as JSON.
//!
//! A network without its card is a function without a name: the same file fed with another mel scale gives
//! plausible, wrong tags. The card travels in the ONNX metadata under [`Card::METADATA_KEY`] and lies beside the
//! file as `card.json`. Keys that this version does not know are kept.
//!
//! ```
//! use runtime::card::Card;
//! use runtime::mel::MelConfig;
//!
//! let card = Card::parse(r#"{
//!     "name": "example",
//!     "input": {"name": "melgram", "layout": ["batch", "mel_bands", "frames"], "frames": 1279, "hop_frames": 256,
//!               "sliding": true, "codes": true},
//!     "outputs": {"tags": "tags", "embedding": "embedding"},
//!     "front_end": {"sample_rate": 12000, "n_fft": 512, "hop_length": 256, "mel_bands": 96, "f_min": 0,
//!                   "f_max": 6000, "mel_scale": "slaney", "norm": "slaney", "power": 2, "window": "hann",
//!                   "centered": true, "pad": "reflect", "compression": "decibel"},
//!     "tags": ["rock", "jazz"]
//! }"#)?;
//! card.validate()?;
//! assert_eq!(card.front_end.mel_config()?, MelConfig::MINIM);
//! # Ok::<(), runtime::card::CardError>(())
//! ```

mod error;
mod front_end;

pub use error::CardError;
pub use front_end::FrontEnd;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Description of a network: input, front end, outputs, tags and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name of the network.
    pub name: String,
    /// Version of this format; 1 where it is left out.
    #[serde(default = "first_format")]
    pub format: u32,
    /// What goes in.
    pub input: InputSpec,
    /// What comes out.
    pub outputs: OutputSpec,
    /// How frames are computed from samples.
    pub front_end: FrontEnd,
    /// Names of the tags, in the order of the output.
    pub tags: Vec<String>,
    /// Per tag, the probability from which on it is taken as present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f32>>,
    /// Widths, pooling and the like, for people and for the trainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Value>,
    /// Number of trained parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Scales of the int8 form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantisation: Option<Value>,
    /// What it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// How well it does, with confidence intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Value>,
    /// Licence of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where the network comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn first_format() -> u32 {
    Card::FORMAT
}

/// The input of a network: frames, float32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSpec {
    /// Name of the ONNX input.
    pub name: String,
    /// Its axes; each of the three once.
    pub layout: Vec<Axis>,
    /// Frames in one window.
    pub frames: usize,
    /// Frames from the start of one window to the start of the next.
    pub hop_frames: usize,
    /// Whether a longer input gives more windows, so that whole songs go through in one pass. Otherwise the input
    /// always holds one window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sliding: bool,
    /// Whether the network was trained on frames rounded to [`FrameCodes`](crate::mel::FrameCodes).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub codes: bool,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// An axis of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Windows or songs side by side.
    Batch,
    /// Time.
    Frames,
    /// Frequency.
    MelBands,
}

/// The outputs of a network by their ONNX names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// Probabilities: `[batch, windows, tags]` where the input is sliding, else `[batch, tags]`.
    pub tags: String,
    /// What the last hidden layer says: `[batch, windows, width]` or `[batch, width]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<String>,
    /// How much each step of a window counted for its tags: `[batch, windows, steps]` or `[batch, steps]`, each row adding
    /// up to 1. Networks with attention have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Card {
    /// Key of the card in the metadata of an ONNX file.
    pub const METADATA_KEY: &'static str = "minim.card";
    /// Name of the card's file in a model folder.
    pub const FILE_NAME: &'static str = "card.json";
    /// The version of the format that this code writes.
    pub const FORMAT: u32 = 1;
    /// Most frames in a window, and from one to the next: three quarters of an hour of music.
    pub const MAX_FRAMES: usize = 1 << 17;

    /// Reads a card. [`validate`](Self::validate) tells whether it makes sense.
    ///
    /// # Errors
    /// [`CardError::Json`] when it is not JSON, lacks a key or has a value of the wrong type.
    pub fn parse(json: &str) -> Result<Self, CardError> {
        // Byte order marks come from editors.
        serde_json::from_str(json.trim_start_matches('\u{feff}')).map_err(CardError::Json)
    }

    /// The card as JSON over several lines, ending in a newline.
    ///
    /// # Errors
    /// [`CardError::Json`] where [`other`](Self::other) repeats a known key in a way that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, CardError> {
        let mut json = serde_json::to_string_pretty(self).map_err(CardError::Json)?;
        json.push('\n');
        Ok(json)
    }

    /// Checks that this code can feed the network and read its tags.
    ///
    /// # Errors
    /// The first field that is wrong or not supported, and why.
    pub fn validate(&self) -> Result<(), CardError> {
        if self.format != Self::FORMAT {
            return Err(CardError::unsupported("format", self.format, "1"));
        }
        self.input.validate()?;
        if self.outputs.tags.is_empty() {
            return Err(CardError::field("outputs.tags", "is empty"));
        }
        for (field, name) in
            [("outputs.embedding", &self.outputs.embedding), ("outputs.attention", &self.outputs.attention)]
        {
            if name.as_deref() == Some("") {
                return Err(CardError::field(field, "is empty"));
            }
        }
        self.front_end.validate()?;
        self.validate_tags()?;
        let Some(thresholds) = &self.thresholds else { return Ok(()) };
        if thresholds.len() != self.tags.len() {
            let reason = format!("{} of them for {} tags", thresholds.len(), self.tags.len());
            return Err(CardError::field("thresholds", reason));
        }
        match thresholds.iter().position(|t| !(0.0..=1.0).contains(t)) {
            Some(i) => Err(CardError::field(format!("thresholds[{i}]"), "is not within 0 to 1")),
            None => Ok(()),
        }
    }

    fn validate_tags(&self) -> Result<(), CardError> {
        if self.tags.is_empty() {
            return Err(CardError::field("tags", "is empty"));
        }
        let mut seen = std::collections::HashMap::new();
        for (i, tag) in self.tags.iter().enumerate() {
            if tag.trim().is_empty() {
                return Err(CardError::field(format!("tags[{i}]"), "is empty"));
            }
            if let Some(first) = seen.insert(tag.to_lowercase(), tag) {
                let reason = format!("\"{tag}\" is there twice (\"{first}\"); case does not tell tags apart");
                return Err(CardError::field(format!("tags[{i}]"), reason));
            }
        }
        Ok(())
    }
}

impl OutputSpec {
    /// The names of all outputs, the tags' first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.tags).chain(self.embedding.as_deref()).chain(self.attention.as_deref())
    }
}

impl InputSpec {
    fn validate(&self) -> Result<(), CardError> {
        if self.name.is_empty() {
            return Err(CardError::field("input.name", "is empty"));
        }
        let all = [Axis::Batch, Axis::Frames, Axis::MelBands];
        if self.layout.len() != all.len() || !all.iter().all(|axis| self.layout.contains(axis)) {
            let reason = "must hold \"batch\", \"frames\" and \"mel_bands\" once each, in the order of the input's axes";
            return Err(CardError::field("input.layout", reason));
        }
        for (field, value) in [("input.frames", self.frames), ("input.hop_frames", self.hop_frames)] {
            if value == 0 || value > Card::MAX_FRAMES {
                return Err(CardError::field(
                    field,
                    format!("is {value}, not from 1 to {}", Card::MAX_FRAMES),
                ));
            }
        }
        Ok(())
    }
}
