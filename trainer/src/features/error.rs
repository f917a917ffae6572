//! Why features could not be prepared.

use std::path::PathBuf;

/// The cache or the front end cannot be used, or the corpus has no usable clip.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// Reading or writing the cache failed.
    #[error("feature cache {}: {source}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The front end is impossible.
    #[error(transparent)]
    Mel(#[from] runtime::mel::MelError),
    /// No clip of the corpus gave features.
    #[error("no usable clip: {problems} problems, the first: {first}")]
    NothingUsable {
        /// How many clips failed.
        problems: usize,
        /// The first of them with its reason.
        first: String,
    },
    /// The threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}
