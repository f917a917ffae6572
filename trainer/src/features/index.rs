//! The index of a file of codes: a line per clip.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::FeatureError;
use super::keys::{Key, from_hex};
use crate::files::write_atomically;
use crate::text::to_hex;

/// Where the codes of a clip lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub offset: u64,
    pub frames: usize,
    pub crc32: u32,
}

impl Entry {
    /// Its codes in the file of codes, of which as much as the index was read for is mapped.
    pub fn of<'m>(&self, codes: &'m [u8], bands: usize) -> &'m [u8] {
        let start = self.offset as usize;
        &codes[start..start + self.frames * bands]
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    offset: u64,
    frames: usize,
    crc32: u32,
}

/// What an index says.
pub(super) struct Index {
    /// Entries whose codes are there.
    pub entries: HashMap<Key, Entry>,
    /// Whether that was all that it says.
    pub whole: bool,
}

impl Index {
    /// Reads `path`, an index of `codes`, which need not exist. Another process may be writing to both.
    pub fn read(path: &Path, codes: &File, bands: usize) -> Result<Self, FeatureError> {
        let failed = |source| FeatureError::Cache { path: path.into(), source };
        let text = read_if_there(path)?;
        // In this order: what a line speaks of was there before the line was.
        let end = codes.metadata().map_err(failed)?.len();
        let mut entries = HashMap::new();
        let mut whole = text.is_empty() || text.ends_with(b"\n");
        for text in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let entry = serde_json::from_slice::<Line>(text).ok().and_then(|line| {
                let bytes = (line.frames as u64).checked_mul(bands as u64)?;
                let there = line.frames > 0 && line.offset.checked_add(bytes)? <= end;
                let entry = Entry { offset: line.offset, frames: line.frames, crc32: line.crc32 };
                there.then_some((from_hex(&line.key)?, entry))
            });
            whole &= entry.is_some();
            entries.extend(entry);
        }
        Ok(Self { entries, whole })
    }

    /// Puts what is there in the place of the index, in one step, and opens it to write on.
    pub fn rewrite(&self, path: &Path) -> Result<File, FeatureError> {
        let failed = |source| FeatureError::Cache { path: path.into(), source };
        let mut sorted: Vec<_> = self.entries.iter().collect();
        sorted.sort_by_key(|(_, entry)| entry.offset);
        let text: String = sorted.into_iter().map(|(key, entry)| line(key, entry)).collect();
        write_atomically(path, text.as_bytes()).map_err(failed)?;
        File::options().append(true).open(path).map_err(failed)
    }
}

/// The line of an entry, with its end.
pub(super) fn line(key: &Key, entry: &Entry) -> String {
    let line = Line { key: to_hex(key), offset: entry.offset, frames: entry.frames, crc32: entry.crc32 };
    // Text and whole numbers always have a JSON form.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The bytes of a file, none when there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Vec<u8>, FeatureError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| FeatureError::Cache { path: path.into(), source }),
    }
}
