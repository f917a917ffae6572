//! What came, and what failed: a line of JSON for each, added as it happens.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::fetch::FetchError;
use crate::files::open_journal;

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The file's name at the provider.
    pub id: String,
    /// Where it lies, below the folder; nothing where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Whether it is unlikely to be there another time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// The open ledger of a folder.
pub(super) struct Ledger {
    file: Mutex<File>,
    /// The last that was written of each file.
    known: HashMap<String, Entry>,
}

/// Its name in the folder.
pub(super) const NAME: &str = "fetched.jsonl";

impl Ledger {
    pub fn open(dir: &Path) -> Result<Self, FetchError> {
        let path = dir.join(NAME);
        let (known, file) = open_journal(&path).map_err(FetchError::file(&path))?;
        // A line that a power cut left torn says nothing; its file is asked for again.
        let lines = known.split(|&byte| byte == b'\n');
        let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        let known = entries.map(|entry| (entry.id.clone(), entry)).collect();
        Ok(Self { file: Mutex::new(file), known })
    }

    /// What is known of a file since before this run.
    pub fn known(&self, id: &str) -> Option<&Entry> {
        self.known.get(id)
    }

    pub fn add(&self, entry: &Entry) -> std::io::Result<()> {
        let line = serde_json::to_string(entry).map_err(std::io::Error::other)?;
        // In one write: lines of two threads never mix.
        self.file.lock().unwrap_or_else(|e| e.into_inner()).write_all(format!("{line}\n").as_bytes())
    }
}
