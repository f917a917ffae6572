//! Writing what was heard where other players read it: genre and mood in the files' own tags.
//!
//! [`fields`] reads and writes the two in every format, [`plan`] says what shall be written, [`apply`] does it so that
//! nothing is lost, and undoes it.

pub mod apply;
pub mod fields;
mod id3v23;
pub mod plan;

use std::path::PathBuf;

/// Why tags were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file's tags cannot be read, or not be written.
    #[error("{}: {reason}", path.display())]
    Tags {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file or its folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The copy with the new tags does not hold the same sound; it was thrown away.
    #[error("{}: with new tags it would not sound the same; it was left as it is", path.display())]
    Sound {
        /// The file.
        path: PathBuf,
    },
    /// Someone has changed what was written.
    #[error("{}: its tags were changed since; --force undoes it all the same", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The library failed.
    #[error(transparent)]
    Library(#[from] crate::library::LibraryError),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Library(error.into())
    }
}
