//! A file of codes that is written to.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::index::{Entry, Index, line};
use super::keys::Key;
use super::{FeatureError, Progress};

/// Codes waiting for their line in the index; then both are brought to the disk.
const BATCH: usize = 8 << 20;

/// A folder of codes, locked against other writers while it is open.
pub(super) struct Store {
    dir: PathBuf,
    bands: usize,
    data: File,
    index: File,
    entries: HashMap<Key, Entry>,
    /// End of the codes file.
    end: u64,
    /// Entries whose codes are written and not yet on the disk.
    pending: Vec<(Key, Entry)>,
    pending_bytes: usize,
    /// Unlocks when dropped.
    _lock: File,
}

impl Store {
    /// Opens the folder, makes it when needed, and waits while another process writes to it. `about` describes the front
    /// end to people.
    pub fn open(
        dir: PathBuf,
        about: &str,
        bands: usize,
        progress: &dyn Progress,
    ) -> Result<Self, FeatureError> {
        std::fs::create_dir_all(&dir).map_err(|source| FeatureError::Cache { path: dir.clone(), source })?;
        let open = |name: &str| {
            let path = dir.join(name);
            let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            file.map_err(|source| FeatureError::Cache { path, source })
        };
        let failed = |source| FeatureError::Cache { path: dir.clone(), source };
        let lock = open("lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress.note(&format!("waiting for another process to finish with {}", dir.display()));
                lock.lock().map_err(failed)?;
            }
            // Some file systems that machines share have no locks. Two writers would spoil each other's codes there, which
            // is found by their checksums.
            Err(TryLockError::Error(error)) => progress.note(&format!(
                "{} cannot be locked ({error}): see to it that nothing else writes to it",
                dir.display()
            )),
        }
        let (mut data, mut index) = (open("codes.bin")?, open("index.jsonl")?);
        let end = data.seek(SeekFrom::End(0)).map_err(failed)?;
        let path = dir.join("index.jsonl");
        let found = Index::read(&path, &data, bands)?;
        if !found.whole {
            // Lines whose codes are lost must go: later codes will lie at the same place.
            index = found.rewrite(&path)?;
        }
        index.seek(SeekFrom::End(0)).map_err(failed)?;
        let path = dir.join("about.txt");
        if std::fs::read(&path).ok().is_none_or(|old| old != about.as_bytes()) {
            std::fs::write(path, about).map_err(failed)?;
        }
        let (entries, pending, pending_bytes) = (found.entries, Vec::new(), 0);
        Ok(Self { bands, data, index, entries, end, pending, pending_bytes, _lock: lock, dir })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is here.
    pub fn entries(&self) -> &HashMap<Key, Entry> {
        &self.entries
    }

    /// The codes.
    pub fn data(&self) -> &File {
        &self.data
    }

    /// Takes what is known of a clip out of this one, not out of the file.
    pub fn forget(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    /// Writes codes; they count once [`Self::commit`] has run.
    pub fn append(&mut self, key: Key, codes: &[u8]) -> Result<(), FeatureError> {
        self.data.write_all(codes).map_err(|source| self.failed("codes.bin", source))?;
        let entry =
            Entry { offset: self.end, frames: codes.len() / self.bands, crc32: crc32fast::hash(codes) };
        self.end += codes.len() as u64;
        self.pending.push((key, entry));
        self.pending_bytes += codes.len();
        if self.pending_bytes >= BATCH { self.commit() } else { Ok(()) }
    }

    /// Brings the codes to the disk, and only then their lines.
    pub fn commit(&mut self) -> Result<(), FeatureError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.data.sync_data().map_err(|source| self.failed("codes.bin", source))?;
        let text: String = self.pending.iter().map(|(key, entry)| line(key, entry)).collect();
        self.index.write_all(text.as_bytes()).map_err(|source| self.failed("index.jsonl", source))?;
        self.entries.extend(self.pending.drain(..));
        self.pending_bytes = 0;
        Ok(())
    }

    fn failed(&self, name: &str, source: std::io::Error) -> FeatureError {
        FeatureError::Cache { path: self.dir.join(name), source }
    }
}
