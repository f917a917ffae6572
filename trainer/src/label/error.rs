//! What can go wrong before, beside and after the labelling of single files.

use std::path::PathBuf;

use crate::corpus::CorpusError;
use crate::jobs::ThreadsError;
use runtime::tagger::TaggerError;

/// Labels cannot be made or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The teacher cannot be used.
    #[error(transparent)]
    Teacher(#[from] TaggerError),
    /// A manifest would take a tag's name for something else.
    #[error(
        "{}: the teacher's tag {tag:?} cannot be a column of a manifest, where that name means something else",
        path.display()
    )]
    TagName {
        /// The teacher's file.
        path: PathBuf,
        /// The tag.
        tag: String,
    },
    /// A tag was to be left out that the teacher has not.
    #[error("{}: the teacher has no tag {tag:?} to leave out", path.display())]
    NoSuchTag {
        /// The teacher's file.
        path: PathBuf,
        /// The tag.
        tag: String,
    },
    /// Every tag was to be left out.
    #[error("{}: none of the teacher's tags is left", path.display())]
    NoTags {
        /// The teacher's file.
        path: PathBuf,
    },
    /// A corpus cannot be listed.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A corpus whose clips are no files: there is no path to put into a row.
    #[error(
        "corpus {name}: its clips are no files; write them with trainer synth --to DIR and name manifest:DIR/manifest.csv"
    )]
    NoFiles {
        /// The corpus.
        name: String,
    },
    /// The name of the output would be read as another format.
    #[error("{}: the name of the labels ends in .csv", path.display())]
    OutName {
        /// The path given.
        path: PathBuf,
    },
    /// Labels that are there are another teacher's.
    #[error(
        "{}: made by another teacher ({theirs}, not {ours}); name another file, or replace it with --force",
        path.display()
    )]
    OtherTeacher {
        /// The labels, or the part of them that an interrupted run left.
        path: PathBuf,
        /// Whose they are.
        theirs: String,
        /// Who was to label.
        ours: String,
    },
    /// Nothing says whose the labels are that are there.
    #[error(
        "{}: it does not say who made it ({} is not there); name another file, or replace it with --force",
        path.display(),
        report.display()
    )]
    UnknownTeacher {
        /// The labels.
        path: PathBuf,
        /// The file that would say it.
        report: PathBuf,
    },
    /// What is there is not what this program writes.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process labels into the same file.
    #[error("{}: another process is labelling into it", path.display())]
    Locked {
        /// The part file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No file gave labels.
    #[error("nothing could be labelled: {problems} problems, the first: {first}")]
    NothingLabelled {
        /// How many files failed.
        problems: usize,
        /// The first of them with its reason.
        first: String,
    },
    /// The jobs could not be started.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

impl LabelError {
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.into(), source }
    }
}
