//! Why a packet gave no samples.

/// A packet that was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BandError {
    /// Layer I or II, a free bit rate, or no MPEG audio at all: another decoder has to read the whole file.
    #[error("not MPEG audio Layer III at a fixed bit rate")]
    NotLayer3,
    /// A damaged packet, or one whose bits are not all there: it is left out, and the next may well be decoded.
    #[error("mp3: {0}")]
    Refused(&'static str),
}
