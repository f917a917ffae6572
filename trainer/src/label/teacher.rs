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
            sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            window_seconds: tagger.window_seconds(),
            hop_seconds: tagger.hop_seconds(),
            tags: tagger.tags().to_vec(),
            input: json(serde_json::to_value(&tagger.card().input))?,
            front_end: json(serde_json::to_value(&tagger.card().front_end))?,
        };
        Ok(Self { tagger, id })
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
