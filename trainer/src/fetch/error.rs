//! What can go wrong when music is fetched.

use std::path::PathBuf;

/// A package or list that could not be had, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A list that cannot be used.
    #[error("{list}: {reason}")]
    List {
        /// Which list.
        list: &'static str,
        /// What is wrong in it, with the line or name.
        reason: String,
    },
    /// No package of that name is in the list.
    #[error("no package {0:?} with music in the list; it knows {1}")]
    NoSuchPackage(String, String),
    /// There is no apt here and no mirror was named.
    #[error("there is no apt-get here: name a mirror, such as --mirror https://deb.debian.org/debian")]
    NoSource,
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// apt-get did not get the package.
    #[error("apt-get download {package}: {reason}; --mirror https://deb.debian.org/debian does without apt")]
    Apt {
        /// The package.
        package: String,
        /// The last that apt said.
        reason: String,
    },
    /// The mirror does not have it, or did not deliver it.
    #[error("{url}: {reason}")]
    Http {
        /// What was asked for.
        url: String,
        /// What came instead.
        reason: String,
    },
    /// A download is not what the list says, twice.
    #[error("{url}: its SHA-256 is {found}, the list says {expected}")]
    Sum {
        /// Where it came from.
        url: String,
        /// Its sum.
        found: String,
        /// The sum of the list.
        expected: String,
    },
    /// A package that is no package, or damaged.
    #[error("{}: {reason}", path.display())]
    Package {
        /// The package.
        path: PathBuf,
        /// Where and how reading it failed.
        reason: String,
    },
}

impl FetchError {
    /// For `map_err`: an error of the operating system on `path`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
