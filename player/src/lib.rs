//! The player's rooms as a library: tagging of files, and listening to devices that tag.
#![deny(missing_docs)]

pub mod listen;
pub mod model;
pub mod report;
pub mod tag;
