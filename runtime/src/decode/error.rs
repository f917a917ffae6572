//! Why a file could not be decoded.

use std::path::PathBuf;

/// A file that gives no audio, and the reason. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file could not be opened or looked at.
    #[error("{}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A directory, a pipe or a device: not something to decode.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("{}: the file is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// No container format was recognised, or its headers are broken.
    #[error("{}: not a readable audio file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the format reader said.
        reason: String,
    },
    /// The container holds no audio track.
    #[error("{}: no audio track", path.display())]
    NoAudioTrack {
        /// The file.
        path: PathBuf,
    },
    /// The container is known, the codec inside is not.
    #[error("{}: cannot decode this codec: {reason}", path.display())]
    UnsupportedCodec {
        /// The file.
        path: PathBuf,
        /// What the decoder registry said.
        reason: String,
    },
    /// The sampling rate lies outside 1 kHz to 384 kHz.
    #[error("{}: sampling rate of {rate} Hz", path.display())]
    SampleRate {
        /// The file.
        path: PathBuf,
        /// The rate that the file states, in hertz.
        rate: u32,
    },
    /// The sampling rate changes in the middle of the stream.
    #[error("{}: the sampling rate changes from {from} Hz to {to} Hz on the way", path.display())]
    RateChanged {
        /// The file.
        path: PathBuf,
        /// The rate at the start, in hertz.
        from: u32,
        /// The later rate, in hertz.
        to: u32,
    },
    /// The headers could be read, and not one packet gave samples.
    #[error("{}: nothing could be decoded: {reason}", path.display())]
    NothingDecoded {
        /// The file.
        path: PathBuf,
        /// The first complaint of the decoder.
        reason: String,
    },
    /// The decoding library panicked on these bytes.
    #[error("{}: the decoder gave up: {reason}", path.display())]
    Panicked {
        /// The file.
        path: PathBuf,
        /// The text of the panic.
        reason: String,
    },
}
