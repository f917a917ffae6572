//! The player's rooms as a library: so far tagging of files.
#![deny(missing_docs)]

pub mod model;
pub mod report;
pub mod tag;
