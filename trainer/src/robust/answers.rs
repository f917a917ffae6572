//! What a model answered, kept on disk as it comes: hearing a corpus ten times over takes hours, and an interrupted run goes on.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::change::Change;
use crate::files::open_journal;

/// Why answers cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep answers in {}: {source}", .path.display())]
pub struct AnswersError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: std::io::Error,
}

/// A clip as it was when it was heard, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Its file, with size and time of change, or its description.
    pub clip: String,
    /// What was done.
    pub change: Change,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    key: Key,
    /// `[tags]`.
    p: Vec<f32>,
}

/// The answers of one model, in a file of JSON lines.
pub struct Answered {
    path: PathBuf,
    file: Mutex<File>,
    known: HashMap<Key, Vec<f32>>,
}

impl Answered {
    /// Opens or begins the file; answers that are not of `tags` numbers from 0 to 1 are passed over.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, tags: usize) -> Result<Self, AnswersError> {
        let failed = |source| AnswersError { path: path.into(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let (text, file) = open_journal(path).map_err(failed)?;
        let lines =
            text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let usable = |line: &Line| line.p.len() == tags && line.p.iter().all(|p| (0.0..=1.0).contains(p));
        let known = lines.filter(usable).map(|line| (line.key, line.p)).collect();
        Ok(Self { path: path.into(), file: Mutex::new(file), known })
    }

    /// What was answered before.
    pub fn known(&self, key: &Key) -> Option<&[f32]> {
        self.known.get(key).map(Vec::as_slice)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, key: Key, p: &[f32]) -> Result<(), AnswersError> {
        // Text and finite numbers always have a JSON form.
        let line = serde_json::to_string(&Line { key, p: p.to_vec() }).unwrap_or_default() + "\n";
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(|source| AnswersError { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_again_and_torn_lines_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/answers.jsonl");
        let key = |clip: &str, change| Key { clip: clip.into(), change };
        let p = [0.1_f32, 1.0 / 3.0];
        let answered = Answered::open(&path, 2).unwrap();
        assert_eq!(answered.known(&key("a", Change::Mp3)), None);
        answered.add(key("a", Change::Mp3), &p).unwrap();
        answered.add(key("b", Change::Mp3), &[0.5, 0.5]).unwrap();
        drop(answered);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let answered = Answered::open(&path, 2).unwrap();
        assert_eq!(answered.known(&key("a", Change::Mp3)), Some(&p[..]));
        assert_eq!(answered.known(&key("a", Change::Slower)), None);
        assert_eq!(answered.known(&key("b", Change::Mp3)), None);
        answered.add(key("b", Change::Mp3), &[0.5, 0.5]).unwrap();
        drop(answered);
        assert!(Answered::open(&path, 2).unwrap().known(&key("b", Change::Mp3)).is_some());
        // Another number of tags.
        assert!(Answered::open(&path, 3).unwrap().known(&key("a", Change::Mp3)).is_none());
    }
}
