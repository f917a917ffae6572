//! What can be wrong with a packed model.

use crate::mel::MelError;

/// Why bytes are no packed model, or one that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PackedError {
    /// Other bytes at the beginning.
    #[error("not a packed model: it does not begin with \"MINIMBIN\"")]
    Magic,
    /// A version that this code does not read.
    #[error("a packed model of version {found}; this reads version {known}")]
    Version {
        /// The file's.
        found: u32,
        /// The one known.
        known: u32,
    },
    /// The bytes end before the model, or go on after it.
    #[error("{found} bytes, but the model has {stated}: cut or extended")]
    Length {
        /// What the file says of itself.
        stated: u32,
        /// What is there.
        found: usize,
    },
    /// The checksum is another one.
    #[error("damaged: the CRC-32 is {found:08x}, the file says {stated:08x}")]
    Checksum {
        /// What the file says.
        stated: u32,
        /// What it is.
        found: u32,
    },
    /// The header does not decode.
    #[error("the header is damaged at its {part}")]
    Header {
        /// Where.
        part: &'static str,
    },
    /// The front end describes no spectrogram.
    #[error("front end: {0}")]
    FrontEnd(#[from] MelError),
    /// A number that a layer, or what the file has of it, may not have.
    #[error("layer {layer}: {what}")]
    Layer {
        /// The layer, from 1 on.
        layer: u8,
        /// What is wrong.
        what: &'static str,
    },
    /// A number of the whole that makes no sense.
    #[error("{what}")]
    Model {
        /// What is wrong.
        what: &'static str,
    },
}
