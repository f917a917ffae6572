//! Who labels.

use std::path::Path;

use runtime::tagger::{Precision, Tagger, TaggerError, TaggerOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::LabelError;

/// A tagger whose tags can be columns of a manifest.
#[derive(Debug)]
pub struct Teacher {
    tagger: Tagger,
    /// Which of the tagger's tags are written, as indices into its own.
    columns: Vec<usize>,
    id: TeacherId,
}

/// What labels depend on: two teachers that are equal here give the same numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeacherId {
    /// Name on its card.
    pub name: String,
    /// SHA-256 of its ONNX file, in lower-case hexadecimal.
    pub sha256: String,
    /// Length of a window in seconds.
    pub window_seconds: f64,
    /// Seconds from the start of one window to the start of the next.
    pub hop_seconds: f64,
    /// Names of its tags, in the order of the columns.
    pub tags: Vec<String>,
    /// The card's `input`.
    pub input: Value,
    /// The card's `front_end`.
    pub front_end: Value,
}

impl TeacherId {
    /// Whether labels of both may stand in one file. The name is only for people.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Self { name: other.name.clone(), ..self.clone() } == *other
    }

    /// How messages call it.
    pub(super) fn short(&self) -> String {
        format!("{}, SHA-256 {}...", self.name, self.sha256.get(..12).unwrap_or(&self.sha256))
    }
}

impl Teacher {
    /// Loads a model folder or an ONNX file with its card. Of a folder with both, the float file teaches.
    ///
    /// # Errors
    /// [`LabelError::Teacher`] when the model cannot be used, [`LabelError::TagName`] when a manifest could not name
    /// its tags.
    pub fn load(path: &Path) -> Result<Self, LabelError> {
        let load = |precision| Tagger::load_with(path, &TaggerOptions { precision, ..Default::default() });
        let tagger = match load(Precision::Float) {
            Err(TaggerError::NoModel { .. }) => load(Precision::Auto)?,
            loaded => loaded?,
        };
        let wrong = |tag: &&String| !crate::corpus::is_tag_column(tag);
        if let Some(tag) = tagger.tags().iter().find(wrong) {
            return Err(LabelError::TagName { path: tagger.path().into(), tag: tag.clone() });
        }
        let bytes = std::fs::read(tagger.path()).map_err(LabelError::io(tagger.path()))?;
        let json = |value: serde_json::Result<Value>| {
            value.map_err(|error| LabelError::Damaged {
                path: tagger.path().into(),
                reason: format!("its card cannot be written: {error}"),
            })
        };
        let id = TeacherId {
            name: tagger.card().name.clone(),
            sha256: crate::text::to_hex(&Sha256::digest(&bytes)),
            window_seconds: tagger.window_seconds(),
            hop_seconds: tagger.hop_seconds(),
            tags: tagger.tags().to_vec(),
            input: json(serde_json::to_value(&tagger.card().input))?,
            front_end: json(serde_json::to_value(&tagger.card().front_end))?,
        };
        let columns = (0..tagger.tags().len()).collect();
        Ok(Self { tagger, columns, id })
    }

    /// The same teacher with no say on some tags: what stands in their place is another's to give, and a corpus of both
    /// teachers' labels has a tag's from whoever has it.
    ///
    /// # Errors
    /// [`LabelError::NoSuchTag`] for a tag that it has not, [`LabelError::NoTags`] where none would be left.
    pub fn without(mut self, tags: &[String]) -> Result<Self, LabelError> {
        if let Some(tag) = tags.iter().find(|tag| !self.id.tags.contains(tag)) {
            return Err(LabelError::NoSuchTag { path: self.tagger.path().into(), tag: tag.clone() });
        }
        let names = self.tagger.tags();
        self.columns.retain(|&column| !tags.contains(&names[column]));
        if self.columns.is_empty() {
            return Err(LabelError::NoTags { path: self.tagger.path().into() });
        }
        self.id.tags = self.columns.iter().map(|&column| names[column].clone()).collect();
        Ok(self)
    }

    /// What it says of a window, from the probabilities of all its network's tags: those that are written.
    pub(super) fn says<'a>(&'a self, window: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.columns.iter().map(|&column| window[column])
    }

    /// The network.
    pub fn tagger(&self) -> &Tagger {
        &self.tagger
    }

    /// What its labels depend on.
    pub fn id(&self) -> &TeacherId {
        &self.id
    }
}
