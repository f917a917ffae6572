//! Corpora: clips of music with tags.
//!
//! A corpus is only a list. Nothing is decoded here; [`crate::features`] does that.

mod debian;
mod error;
mod folder;
mod load;
mod manifest;
mod spec;
mod split;
pub mod synth;

use std::path::PathBuf;

pub use error::CorpusError;
pub use load::{Loaded, load};
pub use spec::{CorpusOptions, CorpusSpec};

/// Clips and the tags they are labelled with.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// How the corpus was asked for.
    pub name: String,
    /// Names of the tags, in the order of [`Clip::labels`].
    pub tags: Vec<String>,
    /// The clips, in a fixed order.
    pub clips: Vec<Clip>,
    /// A sentence on how the clips came to be split, for the report.
    pub split_rule: String,
    /// True when a label is something else than 0, 1 or not labelled.
    pub soft_labels: bool,
}

/// One piece of audio and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Relative path or number: how messages call it.
    pub id: String,
    /// Where the audio comes from.
    pub source: ClipSource,
    /// Artist or album; a group never straddles splits that this crate draws.
    pub group: Option<String>,
    /// The part of the corpus it belongs to; set for every clip of a loaded corpus.
    pub split: Option<Split>,
    /// One value from 0 to 1 per tag; NaN means not labelled.
    pub labels: Vec<f32>,
}

/// Where the audio of a clip comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ClipSource {
    /// An audio file.
    File(PathBuf),
    /// The synthesiser.
    Synth(synth::SynthClip),
}

/// What a clip is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// Weights are fitted to these.
    Train,
    /// When to stop, and the thresholds, are chosen on these.
    Validation,
    /// Results are reported on these.
    Test,
}

/// A clip that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The clip, as its corpus calls it.
    pub id: String,
    /// What is wrong; names the file where that says more than the id.
    pub reason: String,
}

/// What a folder or manifest lists, before anything is checked.
#[derive(Default)]
struct Listing {
    tags: Vec<String>,
    clips: Vec<Clip>,
    problems: Vec<Problem>,
    /// What the groups of clips are.
    grouped_by: &'static str,
}
