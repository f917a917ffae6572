//! Playing music, and hearing what is in it while it plays.
//!
//! [`session`] decodes each song once and hands the samples to two: a [`sink`], which plays them or, without a sound card,
//! lets time pass as if; and, on another thread, the tagger. The sink never waits for the tagger: where that falls behind,
//! it misses some of the music. What is known is in [`now`], for a terminal [`page`], for lines of JSON, for the web page.

pub mod now;
pub mod page;
pub mod queue;
pub mod session;
pub mod sink;
#[cfg(feature = "sound")]
pub mod sound;
mod tagging;
mod titles;
