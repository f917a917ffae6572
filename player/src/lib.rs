//! The player's rooms as a library: hearing and tagging of files, a library of songs, what is alike in it, and listening to
//! devices that tag.
#![deny(missing_docs)]

pub mod files;
pub mod follow;
pub mod hear;
pub mod library;
pub mod listen;
pub mod model;
pub mod near;
pub mod play;
pub mod report;
pub mod sense;
pub mod serve;
pub mod sidecar;
pub mod tag;
pub mod taggram;
pub mod write;
