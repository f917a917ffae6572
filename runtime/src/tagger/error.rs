//! What can go wrong, with the file or the song named.

use crate::card::CardError;
use crate::mel::MelError;
use crate::packed::PackedError;
use crate::resample::ResampleError;
use std::path::PathBuf;

/// Why a model could not be loaded (the message names the file) or a song could not be tagged (the caller knows which).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaggerError {
    /// A file or folder cannot be read, or is not there.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A folder without the model that was asked for.
    #[error("{}: no model here; looked for {looked_for}", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
        /// Names of the files.
        looked_for: String,
    },
    /// The file is larger than any network that this is for.
    #[error("{}: {bytes} bytes; at most {limit} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes are no ONNX file.
    #[error("{}: not an ONNX file: {reason}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A packed model is damaged, or no packed model.
    #[error("{}: {source}", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PackedError,
    },
    /// The file is for another engine than was asked for.
    #[error("{}: this file runs in {}", path.display(), engine_name(*needs))]
    OtherEngine {
        /// The file.
        path: PathBuf,
        /// What runs it.
        needs: super::EngineChoice,
    },
    /// Nothing says what the network hears and what its outputs mean.
    #[error(
        "{}: no card: neither \"minim.card\" in the file's metadata nor card.json beside it", path.display()
    )]
    NoCard {
        /// The ONNX file.
        path: PathBuf,
    },
    /// The card makes no sense, or asks for what this code does not do.
    #[error("{}: {source}", path.display())]
    Card {
        /// Where the card is: the JSON file, or the ONNX file with the card inside.
        path: PathBuf,
        /// What is wrong with it.
        source: CardError,
    },
    /// The card and the network disagree.
    #[error("{}: the card does not fit the network: {reason}", path.display())]
    Mismatch {
        /// The ONNX file.
        path: PathBuf,
        /// On what.
        reason: String,
    },
    /// The network is damaged, or holds what cannot be run.
    #[error("{}: cannot prepare the network: {reason}", path.display())]
    Network {
        /// The ONNX file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There are no samples.
    #[error("the audio is empty")]
    Empty,
    /// There is nothing to hear: see [`SILENCE`](super::SILENCE).
    #[error("the audio is silent: its highest peak is {peak:e} of full scale, and music starts at {threshold:e}", threshold = super::SILENCE)]
    Silent {
        /// The largest absolute sample.
        peak: f32,
    },
    /// A sample or frame value is infinite or no number.
    #[error("the audio is damaged: value {index} is not a finite number")]
    NotFinite {
        /// Index of the first such value.
        index: usize,
    },
    /// Frames that were handed over have another size than the network's.
    #[error("{values} values are no whole number of frames of {mel_bands} bands")]
    Frames {
        /// How many values there were.
        values: usize,
        /// How many make a frame.
        mel_bands: usize,
    },
    /// The rate of the samples is none of audio, or the resampler failed.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The spectrogram failed.
    #[error(transparent)]
    FrontEnd(#[from] MelError),
    /// The network failed on this song, or gave another shape than it had promised.
    #[error("the network failed: {reason}")]
    Run {
        /// What happened.
        reason: String,
    },
    /// The network's answers are no probabilities: a damaged network, or an output that is not what the card says.
    #[error("the network's answer for the tag \"{tag}\" is {value}, which is no probability")]
    NoProbability {
        /// The tag.
        tag: String,
        /// The answer.
        value: f32,
    },
}

fn engine_name(engine: super::EngineChoice) -> &'static str {
    match engine {
        super::EngineChoice::Tract => "tract (--engine tract)",
        _ => "the integer engine (--engine int8)",
    }
}
