//! Robustness: the same clips, changed as music is changed on its way to a listener, scored again.
//!
//! After Won et al., Evaluation of CNN-based automatic music tagging models (2020), section 5, who play a test set slower and
//! faster, at another pitch, compressed and with noise; a codec and a low pass are added. Labels stay as they are: a good
//! tagger's answers hardly move. The amounts are in [`Change`]; figures of other publications are of other amounts.
mod answers;
mod change;
mod codec;
mod hear;
mod sound;

pub use answers::{Answered, AnswersError, Key};
pub use change::{Change, Compressor};
pub use codec::{CodecError, through_mp3};
pub use hear::{Failed, HeardChanged, MAX_SECONDS, Progress, hear};
pub use sound::Sound;
