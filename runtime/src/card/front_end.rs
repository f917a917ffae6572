//! The front end of a card, to and from [`MelConfig`].

use super::CardError;
use crate::mel::{CLIP_MAX_BANDS, Compression, MelConfig, MelNorm, MelScale, PadMode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// How frames are computed from samples, in librosa's words.
///
/// Text after the first word of `window` and `pad` is a remark, but for a window that says "symmetric". No key may be
/// left out: a default would be a silent guess.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontEnd {
    /// Sampling rate in hertz.
    pub sample_rate: u32,
    /// Length of window and FFT in samples.
    pub n_fft: usize,
    /// Samples from one frame to the next.
    pub hop_length: usize,
    /// Values per frame.
    pub mel_bands: usize,
    /// Lower edge of the lowest band in hertz.
    pub f_min: f32,
    /// Upper edge of the highest band in hertz.
    pub f_max: f32,
    /// "slaney" or "htk".
    pub mel_scale: String,
    /// "slaney", or null (or "none") for filters of peak 1.
    #[serde(deserialize_with = "present_or_null")]
    pub norm: Option<String>,
    /// Exponent of the magnitude: 2.
    pub power: f32,
    /// "hann", periodic.
    pub window: String,
    /// Whether frame `t` is centred on sample `t * hop_length`: true.
    pub centered: bool,
    /// "zeros" (or "constant") or "reflect".
    pub pad: String,
    /// "decibel" (or "10*log10(max(x,1e-10))"), or "log10(S*x+B)" with two numbers.
    pub compression: String,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

// With a function of its own, serde no longer takes a missing Option for null.
fn present_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

const DECIBEL: &str = "10*log10(max(x,1e-10))";

impl From<&MelConfig> for FrontEnd {
    fn from(config: &MelConfig) -> Self {
        Self {
            sample_rate: config.sample_rate,
            n_fft: config.n_fft,
            hop_length: config.hop_length,
            mel_bands: config.mel_bands,
            f_min: config.f_min,
            f_max: config.f_max,
            mel_scale: match config.mel_scale {
                MelScale::Slaney => "slaney".into(),
                MelScale::Htk => "htk".into(),
            },
            norm: match config.norm {
                MelNorm::Slaney => Some("slaney".into()),
                MelNorm::None => None,
            },
            power: 2.0,
            window: "hann (periodic)".into(),
            centered: true,
            pad: match config.pad_mode {
                PadMode::Reflect => "reflect".into(),
                PadMode::Zeros => "zeros".into(),
            },
            compression: match config.compression {
                Compression::Decibel => DECIBEL.into(),
                Compression::Log10 { scale, bias } => format!("log10({scale}*x+{bias})"),
            },
            other: Map::new(),
        }
    }
}

impl From<MelConfig> for FrontEnd {
    fn from(config: MelConfig) -> Self {
        Self::from(&config)
    }
}

impl TryFrom<&FrontEnd> for MelConfig {
    type Error = CardError;

    fn try_from(front_end: &FrontEnd) -> Result<Self, CardError> {
        front_end.mel_config()
    }
}

impl FrontEnd {
    /// Sampling rates that a card may ask for, in hertz: beyond them it is a slip or an attack on memory.
    pub const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

    /// The spectrogram in the terms of [`crate::mel`].
    ///
    /// # Errors
    /// [`CardError::Unsupported`] with the field that asks for something else. The numbers are not checked
    /// against each other: [`Card::validate`](super::Card::validate) and [`MelConfig::validate`] do that.
    pub fn mel_config(&self) -> Result<MelConfig, CardError> {
        if self.power != 2.0 {
            return Err(CardError::unsupported("front_end.power", self.power, "2"));
        }
        if first_word(&self.window) != "hann" || self.window.to_lowercase().contains("symmetric") {
            return Err(CardError::unsupported(
                "front_end.window",
                quoted(&self.window),
                "\"hann\" (periodic)",
            ));
        }
        if !self.centered {
            return Err(CardError::unsupported("front_end.centered", false, "true"));
        }
        Ok(MelConfig {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            hop_length: self.hop_length,
            mel_bands: self.mel_bands,
            f_min: self.f_min,
            f_max: self.f_max,
            mel_scale: match first_word(&self.mel_scale).as_str() {
                "slaney" => MelScale::Slaney,
                "htk" => MelScale::Htk,
                _ => {
                    let value = quoted(&self.mel_scale);
                    return Err(CardError::unsupported("front_end.mel_scale", value, "\"slaney\", \"htk\""));
                }
            },
            norm: match self.norm.as_deref().map(first_word).as_deref() {
                Some("slaney") => MelNorm::Slaney,
                None | Some("none") => MelNorm::None,
                Some(_) => {
                    let value = quoted(self.norm.as_deref().unwrap_or_default());
                    return Err(CardError::unsupported("front_end.norm", value, "\"slaney\", null"));
                }
            },
            pad_mode: match first_word(&self.pad).as_str() {
                "zeros" | "constant" => PadMode::Zeros,
                "reflect" => PadMode::Reflect,
                _ => {
                    let value = quoted(&self.pad);
                    return Err(CardError::unsupported("front_end.pad", value, "\"zeros\", \"reflect\""));
                }
            },
            compression: compression(&self.compression).ok_or_else(|| {
                let supported = "\"decibel\", which is \"10*log10(max(x,1e-10))\", and \"log10(S*x+B)\"";
                CardError::unsupported("front_end.compression", quoted(&self.compression), supported)
            })?,
        })
    }

    pub(super) fn validate(&self) -> Result<(), CardError> {
        self.mel_config()?.validate()?;
        if !Self::SAMPLE_RATES.contains(&self.sample_rate) {
            let supported = "1000 to 384000 Hz";
            return Err(CardError::unsupported("front_end.sample_rate", self.sample_rate, supported));
        }
        if self.mel_bands > CLIP_MAX_BANDS {
            return Err(CardError::unsupported("front_end.mel_bands", self.mel_bands, "1 to 256"));
        }
        Ok(())
    }
}

fn first_word(text: &str) -> String {
    let end = |c: char| !(c.is_alphanumeric() || c == '_');
    text.trim().split(end).next().unwrap_or_default().to_lowercase()
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn compression(text: &str) -> Option<Compression> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    if text == "decibel" || text == DECIBEL {
        return Some(Compression::Decibel);
    }
    let (scale, bias) = text.strip_prefix("log10(")?.strip_suffix(')')?.split_once("*x+")?;
    Some(Compression::Log10 { scale: scale.parse().ok()?, bias: bias.parse().ok()? })
}
