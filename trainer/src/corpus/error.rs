//! What can be wrong with a corpus.

use std::path::PathBuf;

/// A corpus that cannot be used, and where the fault lies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The text names no kind of corpus, or a choice that it does not have.
    #[error(
        "corpus {text:?}: {reason}; write synth, synth:CLIPS, folder:DIR, manifest:FILE, debian:DIR, or msd, mtat, jamendo, \
         fma or gtzan with :DIR"
    )]
    Spec {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A folder or manifest could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A line of a manifest is not what it should be.
    #[error("{}: line {line}: {reason}", path.display())]
    Line {
        /// The manifest.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A cell of a manifest holds something impossible.
    #[error("{}: line {line}, column {column:?}: {value:?} is not {expected}", path.display())]
    Value {
        /// The manifest.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// Name of the column or key.
        column: String,
        /// What the cell holds.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two lines of a manifest name the same file.
    #[error("{}: line {line}: {clip:?} was on line {first} already", path.display())]
    Duplicate {
        /// The manifest.
        path: PathBuf,
        /// The later line.
        line: u64,
        /// The earlier line.
        first: u64,
        /// The path that both give.
        clip: String,
    },
    /// A published corpus without a file that belongs to it.
    #[error("{}: not {title} as it was published: there is no {missing}", dir.display())]
    Layout {
        /// The folder.
        dir: PathBuf,
        /// The corpus.
        title: &'static str,
        /// What is not there.
        missing: String,
    },
    /// A database that cannot be read.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Nothing is left to work with.
    #[error("corpus {name}: nothing usable: {reason}")]
    Empty {
        /// The corpus as it was asked for.
        name: String,
        /// Why, with the first problem if there was one.
        reason: String,
    },
}
