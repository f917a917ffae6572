//! Which corpus, and with which choices.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CorpusError;
use super::published::Published;
use super::synth::{SECONDS, SynthSpec};

/// A corpus as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
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
    /// `debian:DIR`: what `trainer fetch debian --to DIR` got, without labels.
    Debian(PathBuf),
    /// `KIND[/CHOICE...]:DIR`: a published corpus, as `msd:DIR` or `jamendo/split-2/genre:DIR`.
    Published(Published),
    /// Several at once: tags meet by name, and one that a corpus does not have is not labelled in it. In a run's file a
    /// list, on the command line the flag given more than once.
    Several(Vec<CorpusSpec>),
}

impl CorpusSpec {
    /// All of `specs` as one corpus; none where there is none.
    pub fn all_of(mut specs: Vec<Self>) -> Option<Self> {
        match specs.len() {
            0 | 1 => specs.pop(),
            _ => Some(Self::Several(specs)),
        }
    }

    /// The corpora that this one is made of; itself where it is one.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Several(specs) => specs,
            one => std::slice::from_ref(one),
        }
    }
}

/// A spec in a file: a text, or a list of texts.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
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
            Some(("folder" | "manifest" | "debian", "")) => Err(wrong("the path is missing")),
            Some(("folder", dir)) => Ok(Self::Folder(dir.into())),
            Some(("manifest", file)) => Ok(Self::Manifest(file.into())),
            Some(("debian", dir)) => Ok(Self::Debian(dir.into())),
            Some((kind, dir)) => match Published::parse(kind, dir) {
                Some(published) => published.map(Self::Published).map_err(wrong),
                None => Err(wrong("no such kind of corpus")),
            },
            None => Err(wrong("no such kind of corpus")),
        }
    }
}

impl fmt::Display for CorpusSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synth { clips } => write!(f, "synth:{clips}"),
            Self::Folder(dir) => write!(f, "folder:{}", dir.display()),
            Self::Manifest(file) => write!(f, "manifest:{}", file.display()),
            Self::Debian(dir) => write!(f, "debian:{}", dir.display()),
            Self::Published(published) => published.fmt(f),
            Self::Several(specs) => {
                let names: Vec<String> = specs.iter().map(Self::to_string).collect();
                f.write_str(&names.join(" + "))
            }
        }
    }
}

impl Default for CorpusSpec {
    /// `synth`.
    fn default() -> Self {
        Self::Synth { clips: SynthSpec::default().clips }
    }
}

impl TryFrom<Written> for CorpusSpec {
    type Error = CorpusError;

    fn try_from(written: Written) -> Result<Self, CorpusError> {
        let texts = match written {
            Written::One(text) => return text.parse(),
            Written::Several(texts) => texts,
        };
        let specs = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let none = || CorpusError::Spec { text: String::new(), reason: "the list of corpora is empty" };
        Self::all_of(specs).ok_or_else(none)
    }
}

impl From<CorpusSpec> for Written {
    fn from(spec: CorpusSpec) -> Written {
        match spec {
            CorpusSpec::Several(specs) => Written::Several(specs.iter().map(CorpusSpec::to_string).collect()),
            one => Written::One(one.to_string()),
        }
    }
}

/// Choices about loading a corpus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorpusOptions {
    /// Seed of the synthesiser and of drawn splits.
    pub seed: u64,
    /// A label counts as present from here on, when tags are counted.
    pub positive_threshold: f32,
    /// Tags with fewer positive clips are dropped; 0 keeps all. Where a teacher gave the labels
    /// ([`super::Corpus::taught`]), few of which are a yes, every tag with a label is kept instead.
    pub min_positives: usize,
    /// Only the most frequent tags are kept, this many: by positive clips, or by a teacher's mean label.
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
