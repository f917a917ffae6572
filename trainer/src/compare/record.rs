//! What a run of a comparison leaves in its folder.

use crate::files::write_atomically;
use safetensors::Dtype;
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the run was asked to do; nothing is skipped or continued whose settings are others.
pub const SETTINGS: &str = "settings.json";
/// What it came to; only there when the run has ended.
pub const RESULT: &str = "result.json";
/// Its answers on the test clips.
pub const ANSWERS: &str = "test.safetensors";
/// Where a run that was stopped goes on.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// A run that was trained and scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Mean AUC over the tags, on the test clips.
    pub mean_auc: f64,
    /// The best on the validation clips, by which the epoch was chosen.
    pub validation_auc: Option<f64>,
    /// The epoch whose weights were scored.
    pub best_epoch: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Seconds of training, without validation.
    pub seconds: f64,
    /// Seconds of training per 2500 clips: the median over the epochs.
    pub seconds_per_2500: f64,
    /// Threads that it had.
    pub threads: usize,
    /// Where it was computed.
    pub device: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "lowercase")]
pub enum RunResult {
    /// With a network.
    Finished(Finished),
    /// Without one: the loss diverged, the memory was too small.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Why a run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file is not one of ours, or damaged.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder holds a run of other settings.
    #[error(
        "{} holds a run of other settings ({what}): take another --out, or do it again with --overwrite",
        path.display()
    )]
    OtherSettings {
        /// The folder.
        path: PathBuf,
        /// The first that differs.
        what: String,
    },
}

/// Reads JSON; nothing where there is no such file.
///
/// # Errors
/// When it cannot be read or is something else.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| RecordError::Damaged { path: path.into(), reason: e.to_string() }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RecordError::Io { path: path.into(), source }),
    }
}

/// Writes JSON, whole or not at all.
///
/// # Errors
/// When the file system refuses.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RecordError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| RecordError::Damaged { path: path.into(), reason: e.to_string() })?;
    write_atomically(path, (text + "\n").as_bytes())
        .map_err(|source| RecordError::Io { path: path.into(), source })
}

/// Makes sure that what is in `folder` was asked to do what `settings` say: writes them where there are none, and
/// clears the folder of other runs' files if `overwrite`.
///
/// # Errors
/// When it holds a run of other settings, or cannot be written.
pub fn claim(folder: &Path, settings: &serde_json::Value, overwrite: bool) -> Result<(), RecordError> {
    let path = folder.join(SETTINGS);
    match read_json::<serde_json::Value>(&path) {
        Ok(Some(old)) if old == *settings => return Ok(()),
        Ok(None) if !folder.join(CHECKPOINT).exists() && !folder.join(RESULT).exists() => {}
        Ok(old) if !overwrite => {
            let what = old.map_or("it does not tell them".into(), |old| difference("", &old, settings));
            return Err(RecordError::OtherSettings { path: folder.into(), what });
        }
        Err(error) if !overwrite => return Err(error),
        Ok(_) | Err(_) => {
            for file in [RESULT, ANSWERS, CHECKPOINT].map(|name| folder.join(name)) {
                match std::fs::remove_file(&file) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(RecordError::Io { path: file, source });
                    }
                    _ => {}
                }
            }
        }
    }
    write_json(&path, settings)
}

/// The first value that differs, by its name.
fn difference(name: &str, old: &serde_json::Value, new: &serde_json::Value) -> String {
    if let (Some(old), Some(new)) = (old.as_object(), new.as_object()) {
        let nothing = serde_json::Value::Null;
        let names = old.keys().chain(new.keys());
        let of = |map: &serde_json::Map<String, _>, key: &str| map.get(key).unwrap_or(&nothing).clone();
        if let Some(key) = names.into_iter().find(|key| of(old, key) != of(new, key)) {
            let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
            return difference(&name, &of(old, key), &of(new, key));
        }
    }
    format!("{name}: there {old}, now {new}")
}

/// Writes a run's answers [clips, tags].
///
/// # Errors
/// When the file system refuses.
pub fn write_answers(path: &Path, tags: usize, answers: &[f32]) -> Result<(), RecordError> {
    let damaged = |reason: String| RecordError::Damaged { path: path.into(), reason };
    let bytes: Vec<u8> = answers.iter().flat_map(|p| p.to_le_bytes()).collect();
    let shape = vec![answers.len() / tags.max(1), tags];
    let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(|e| damaged(e.to_string()))?;
    let file = safetensors::serialize([("probabilities", view)], None).map_err(|e| damaged(e.to_string()))?;
    write_atomically(path, &file).map_err(|source| RecordError::Io { path: path.into(), source })
}

/// Reads a run's answers.
///
/// # Errors
/// When they are not there or damaged.
pub fn read_answers(path: &Path) -> Result<Vec<f32>, RecordError> {
    let damaged = |reason: String| RecordError::Damaged { path: path.into(), reason };
    let file = std::fs::read(path).map_err(|source| RecordError::Io { path: path.into(), source })?;
    let tensors = SafeTensors::deserialize(&file).map_err(|e| damaged(e.to_string()))?;
    let view = tensors.tensor("probabilities").map_err(|e| damaged(e.to_string()))?;
    if view.dtype() != Dtype::F32 {
        return Err(damaged("its probabilities are not float32".into()));
    }
    Ok(view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_folder_is_claimed_once_and_other_settings_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k2c1-0.1M-s1");
        let settings =
            |rate: f64| json!({"run": {"recipe": {"learning_rate": rate, "seed": 1}}, "data": "abc"});
        claim(&path, &settings(0.004), false).unwrap();
        claim(&path, &settings(0.004), false).unwrap();
        std::fs::write(path.join(RESULT), "{}").unwrap();
        let error = claim(&path, &settings(0.01), false).unwrap_err().to_string();
        assert!(error.contains("run.recipe.learning_rate: there 0.004, now 0.01"), "{error}");
        assert!(path.join(RESULT).exists());
        claim(&path, &settings(0.01), true).unwrap();
        assert!(!path.join(RESULT).exists());
        // Results of nobody knows what are not taken for ours.
        std::fs::write(path.join(RESULT), "{}").unwrap();
        std::fs::remove_file(path.join(SETTINGS)).unwrap();
        assert!(claim(&path, &settings(0.01), false).is_err());
        std::fs::write(path.join(SETTINGS), "{").unwrap();
        assert!(claim(&path, &settings(0.01), false).unwrap_err().to_string().contains(SETTINGS));
    }

    #[test]
    fn answers_come_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(ANSWERS);
        let answers = [0.1f32, 0.25, 1.0, 0.0, f32::MIN_POSITIVE, 0.3];
        write_answers(&path, 3, &answers).unwrap();
        assert_eq!(read_answers(&path).unwrap(), answers);
        std::fs::write(&path, b"nonsense").unwrap();
        assert!(read_answers(&path).unwrap_err().to_string().contains(ANSWERS));
    }
}
