//! Why a remix cannot be made.

use std::path::PathBuf;

/// Nothing was made, or not all; what is in the folder is whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemixError {
    /// No track can be used.
    #[error("there is no music to make pieces of")]
    NoMusic,
    /// A setting lies outside its bounds.
    #[error("{name} must be {bounds}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What it may be.
        bounds: &'static str,
    },
    /// A file would be on two sides.
    #[error("{}: it is in different splits of two corpora", path.display())]
    TwoSides {
        /// The file.
        path: PathBuf,
    },
    /// The folder was begun with other settings.
    #[error(
        "{}: it was begun with other settings ({settings}); give those of its remix.json, or another folder",
        folder.display()
    )]
    OtherSettings {
        /// The folder.
        folder: PathBuf,
        /// Names of those that differ.
        settings: String,
    },
    /// The folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// File or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No piece could be made.
    #[error("no piece could be made: {first}")]
    NothingMade {
        /// The first problem.
        first: String,
    },
}
