//! Corpora: clips of music with tags.
//!
//! A corpus is only a list. Nothing is decoded here; [`crate::features`] does that.

mod debian;
pub mod describe;
mod error;
mod folder;
mod join;
mod load;
mod manifest;
pub mod published;
mod spec;
mod split;
pub mod synth;

use std::path::{Path, PathBuf};

pub use error::CorpusError;
pub use load::{Loaded, load};
pub(crate) use manifest::is_tag_column;
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
    /// What tells its album from all others, where the corpus says it.
    pub album: Option<String>,
    /// The part of the corpus it belongs to; set for every clip of a loaded corpus.
    pub split: Option<Split>,
    /// One value from 0 to 1 per tag; NaN means not labelled. The mean over [`Clip::windows`] where there are some.
    pub labels: Vec<f32>,
    /// Labels of parts of the audio, by rising start; empty where the labels hold for all of it.
    pub windows: Vec<LabelWindow>,
}

/// A part of a clip and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelWindow {
    /// Where it begins, in seconds from the beginning of the audio.
    pub start_seconds: f32,
    /// How long it is, in seconds; above 0.
    pub seconds: f32,
    /// One value from 0 to 1 per tag; NaN means not labelled.
    pub labels: Vec<f32>,
}

impl Corpus {
    /// Whether the labels are those of a teacher: of windows, or most of them neither 0 nor 1. Few of these reach the
    /// threshold of a yes, so that nothing should depend on how many do.
    pub fn taught(&self) -> bool {
        taught(&self.clips)
    }
}

/// See [`Corpus::taught`].
fn taught(clips: &[Clip]) -> bool {
    clips.iter().any(|clip| !clip.windows.is_empty())
        || mostly_soft(clips.iter().flat_map(|clip| clip.labels.iter().copied()))
}

/// Whether most of the labels that are there (not NaN) are neither 0 nor 1.
pub fn mostly_soft(labels: impl Iterator<Item = f32>) -> bool {
    let labels = labels.filter(|label| !label.is_nan());
    let (soft, all) = labels.fold((0usize, 0usize), |(soft, all), label| {
        (soft + usize::from(label != 0.0 && label != 1.0), all + 1)
    });
    2 * soft > all
}

/// Where the audio of a clip comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ClipSource {
    /// An audio file.
    File(PathBuf),
    /// The synthesiser.
    Synth(synth::SynthClip),
}

impl ClipSource {
    /// The audio file; nothing where there is none.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Synth(_) => None,
        }
    }
}

/// A group as its corpus calls it: a manifest's artist `x` is the group "artist x", lest an album has that name.
pub fn group_name(group: &str) -> &str {
    group.strip_prefix("artist ").unwrap_or(group)
}

/// What a clip is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
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
    /// How the splits come about, where the corpus says it of itself.
    split_rule: Option<String>,
}
