//! Which corpus, and with which choices.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CorpusError;
use super::synth::{SECONDS, SynthSpec};

/// A corpus as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CorpusSpec {
    /// `synth` or `synth:CLIPS`: generated.
    Synth {
        /// Number of clips.
        clips: usize,
    },
    /// `folder:DIR`: sub-folders are tags.
    Folder(PathBuf),
    /// `manifest:FILE`: CSV or JSON lines.
    Manifest(PathBuf),
}

impl FromStr for CorpusSpec {
    type Err = CorpusError;

    fn from_str(text: &str) -> Result<Self, CorpusError> {
        let wrong = |reason| CorpusError::Spec { text: text.into(), reason };
        match text.split_once(':') {
            None if text == "synth" => Ok(Self::default()),
            Some(("synth", clips)) => match clips.parse() {
                // The smallest number with a clip in every split.
                Ok(clips) if (10..=1_000_000).contains(&clips) => Ok(Self::Synth { clips }),
                _ => Err(wrong("CLIPS is a whole number from 10 to 1000000")),
            },
            Some(("folder" | "manifest", "")) => Err(wrong("the path is missing")),
            Some(("folder", dir)) => Ok(Self::Folder(dir.into())),
            Some(("manifest", file)) => Ok(Self::Manifest(file.into())),
            _ => Err(wrong("no such kind of corpus")),
        }
    }
}

impl fmt::Display for CorpusSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synth { clips } => write!(f, "synth:{clips}"),
            Self::Folder(dir) => write!(f, "folder:{}", dir.display()),
            Self::Manifest(file) => write!(f, "manifest:{}", file.display()),
        }
    }
}

impl Default for CorpusSpec {
    /// `synth`.
    fn default() -> Self {
        Self::Synth { clips: SynthSpec::default().clips }
    }
}

impl TryFrom<String> for CorpusSpec {
    type Error = CorpusError;

    fn try_from(text: String) -> Result<Self, CorpusError> {
        text.parse()
    }
}

impl From<CorpusSpec> for String {
    fn from(spec: CorpusSpec) -> String {
        spec.to_string()
    }
}

/// Choices about loading a corpus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorpusOptions {
    /// Seed of the synthesiser and of drawn splits.
    pub seed: u64,
    /// A label counts as present from here on, when tags are counted.
    pub positive_threshold: f32,
    /// Tags with fewer positive clips are dropped; 0 keeps all.
    pub min_positives: usize,
    /// Only the most frequent tags are kept, this many.
    pub max_tags: Option<usize>,
    /// Keep clips for which no tag is labelled (for a teacher to label).
    pub keep_unlabelled: bool,
    /// Draw a test split where the corpus gives none; else such clips are train or validation.
    pub draw_test: bool,
    /// Length of synthetic clips in seconds.
    pub synth_seconds: f32,
}

impl Default for CorpusOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            positive_threshold: 0.5,
            min_positives: 1,
            max_tags: None,
            keep_unlabelled: false,
            draw_test: true,
            synth_seconds: SECONDS,
        }
    }
}
