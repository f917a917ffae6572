//! The header of a packed model, as postcard writes it.

use serde::{Deserialize, Serialize};

use crate::mel::{Compression, MelConfig, MelNorm, MelScale, PadMode};

/// What the header begins with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadRecord<'a> {
    /// Name of the network, for people.
    #[serde(borrow)]
    pub name: &'a str,
    /// How frames are computed from samples.
    pub front_end: FrontEndRecord,
    /// What the integers stand for that go into the first layer: the front end's codes, less 128.
    pub input: Affine,
    /// How many [`LayerRecord`]s follow.
    pub layers: u8,
    /// How many [`TagRecord`]s follow the layers.
    pub tags: u16,
}

/// Scale and zero point of 8-bit integers: `real = scale * (integer - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Step between two integers.
    pub scale: f32,
    /// Integer that stands for 0.
    pub zero_point: i8,
}

impl Affine {
    /// What an integer stands for.
    #[inline]
    pub fn real(&self, integer: i8) -> f32 {
        self.scale * f32::from(i16::from(integer) - i16::from(self.zero_point))
    }

    /// Whether the scale is a number to multiply by.
    pub(super) fn is_sound(&self) -> bool {
        self.scale.is_finite() && self.scale > 0.0
    }
}

/// One convolution over time with its pooling and its ELU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Channels that come in.
    pub inputs: u16,
    /// Channels that go out.
    pub outputs: u16,
    /// Frames under the kernel.
    pub kernel: u8,
    /// Frames of which the largest is kept.
    pub pool: u8,
    /// Where the weights begin, in bytes from the file's first.
    pub weights: u32,
    /// Where the biases and multipliers begin.
    pub rescale: u32,
    /// Where the table of ELU begins; none for the last layer.
    pub table: Option<u32>,
    /// What the pooled integers stand for; in the last layer, the logits.
    pub pooled: Affine,
    /// What the integers after ELU stand for; the last layer's are the pooled ones.
    pub output: Affine,
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagRecord<'a> {
    /// Its name.
    pub name: &'a str,
    /// The probability from which on it is taken as present, where the card says so.
    pub threshold: Option<f32>,
}

/// [`MelConfig`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontEndRecord {
    sample_rate: u32,
    n_fft: u16,
    hop_length: u16,
    mel_bands: u16,
    f_min: f32,
    f_max: f32,
    mel_scale: Scale,
    norm: Norm,
    pad: Pad,
    compression: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Scale {
    Slaney,
    Htk,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Norm {
    Slaney,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Pad {
    Reflect,
    Zeros,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Log {
    Decibel,
    Log10 { scale: f32, bias: f32 },
}

impl FrontEndRecord {
    /// The record of a configuration; none where a number is too large for it.
    pub fn of(config: &MelConfig) -> Option<Self> {
        Some(Self {
            sample_rate: config.sample_rate,
            n_fft: config.n_fft.try_into().ok()?,
            hop_length: config.hop_length.try_into().ok()?,
            mel_bands: config.mel_bands.try_into().ok()?,
            f_min: config.f_min,
            f_max: config.f_max,
            mel_scale: match config.mel_scale {
                MelScale::Slaney => Scale::Slaney,
                MelScale::Htk => Scale::Htk,
            },
            norm: match config.norm {
                MelNorm::Slaney => Norm::Slaney,
                MelNorm::None => Norm::None,
            },
            pad: match config.pad_mode {
                PadMode::Reflect => Pad::Reflect,
                PadMode::Zeros => Pad::Zeros,
            },
            compression: match config.compression {
                Compression::Decibel => Log::Decibel,
                Compression::Log10 { scale, bias } => Log::Log10 { scale, bias },
            },
        })
    }

    /// The configuration; [`MelConfig::validate`] tells whether it makes sense.
    pub fn mel_config(&self) -> MelConfig {
        MelConfig {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft.into(),
            hop_length: self.hop_length.into(),
            mel_bands: self.mel_bands.into(),
            f_min: self.f_min,
            f_max: self.f_max,
            mel_scale: match self.mel_scale {
                Scale::Slaney => MelScale::Slaney,
                Scale::Htk => MelScale::Htk,
            },
            norm: match self.norm {
                Norm::Slaney => MelNorm::Slaney,
                Norm::None => MelNorm::None,
            },
            pad_mode: match self.pad {
                Pad::Reflect => PadMode::Reflect,
                Pad::Zeros => PadMode::Zeros,
            },
            compression: match self.compression {
                Log::Decibel => Compression::Decibel,
                Log::Log10 { scale, bias } => Compression::Log10 { scale, bias },
            },
        }
    }
}
