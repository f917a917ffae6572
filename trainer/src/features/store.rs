//! The file of codes and its index.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use rayon::prelude::*;
use runtime::mel::MelConfig;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys::{Key, from_hex};
use super::{FeatureError, Progress, extract};
use crate::files::write_atomically;
use crate::text::to_hex;

/// Codes waiting for their line in the index; then both are brought to the disk.
const BATCH: usize = 8 << 20;

/// Where the codes of a clip lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub offset: u64,
    pub frames: usize,
    crc32: u32,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    offset: u64,
    frames: usize,
    crc32: u32,
}

/// An open cache for one front end, locked against other writers while it lives.
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
    /// Opens the folder for this front end, and waits while another process writes to it.
    pub fn open(cache: &Path, config: &MelConfig, progress: &dyn Progress) -> Result<Self, FeatureError> {
        let about = format!("codes {} of {config:?}", extract::VERSION);
        let dir = cache.join(&to_hex(&Sha256::digest(&about))[..16]);
        std::fs::create_dir_all(&dir).map_err(|source| FeatureError::Cache { path: dir.clone(), source })?;
        let open = |name: &str| {
            let path = dir.join(name);
            let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            file.map_err(|source| FeatureError::Cache { path, source })
        };
        let failed = |source| FeatureError::Cache { path: dir.clone(), source };
        let lock = open("lock")?;
        if lock.try_lock().is_err() {
            progress.note(&format!("waiting for another process to finish with {}", dir.display()));
            lock.lock().map_err(failed)?;
        }
        let (mut data, mut index) = (open("codes.bin")?, open("index.jsonl")?);
        let end = data.seek(SeekFrom::End(0)).map_err(failed)?;
        let (entries, whole) = read_index(&dir.join("index.jsonl"), config.mel_bands, end)?;
        if !whole {
            // Lines whose codes are lost must go: later codes will lie at the same place.
            index = rewrite_index(&dir, &entries)?;
        }
        index.seek(SeekFrom::End(0)).map_err(failed)?;
        std::fs::write(dir.join("about.txt"), about + "\n").map_err(failed)?;
        let (pending, pending_bytes) = (Vec::new(), 0);
        Ok(Self {
            bands: config.mel_bands,
            data,
            index,
            entries,
            end,
            pending,
            pending_bytes,
            _lock: lock,
            dir,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the codes of a key lie.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        self.entries.get(key).copied()
    }

    /// Those of the keys whose codes are here and have the right checksum; the others are forgotten.
    pub fn intact(
        &mut self,
        keys: &HashSet<Key>,
        pool: &rayon::ThreadPool,
    ) -> Result<HashSet<Key>, FeatureError> {
        let here: Vec<(Key, Entry)> = keys.iter().filter_map(|key| Some((*key, self.get(key)?))).collect();
        if here.is_empty() {
            return Ok(HashSet::new());
        }
        let (map, bands) = (self.map()?, self.bands);
        let right = |(_, entry): &&(Key, Entry)| {
            let start = entry.offset as usize;
            crc32fast::hash(&map[start..start + entry.frames * bands]) == entry.crc32
        };
        let intact: HashSet<Key> =
            pool.install(|| here.par_iter().filter(right).map(|(key, _)| *key).collect());
        for (key, _) in here.iter().filter(|(key, _)| !intact.contains(key)) {
            self.entries.remove(key);
        }
        Ok(intact)
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

    /// Maps the codes written so far.
    pub fn map(&self) -> Result<Mmap, FeatureError> {
        // SAFETY: a map is unsound when someone changes or shortens the file under it. Programs of ours only append
        // to this file, and only under the lock; bytes that an index line speaks of are never written again.
        // Reading instead would hold a corpus larger than the memory in memory.
        unsafe { Mmap::map(&self.data) }.map_err(|source| self.failed("codes.bin", source))
    }

    fn failed(&self, name: &str, source: std::io::Error) -> FeatureError {
        FeatureError::Cache { path: self.dir.join(name), source }
    }
}

fn line(key: &Key, entry: &Entry) -> String {
    let line = Line { key: to_hex(key), offset: entry.offset, frames: entry.frames, crc32: entry.crc32 };
    // Text and whole numbers always have a JSON form.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The entries of an index whose codes are there, and whether that was all of it.
fn read_index(path: &Path, bands: usize, end: u64) -> Result<(HashMap<Key, Entry>, bool), FeatureError> {
    let text = read_if_there(path)?;
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
    Ok((entries, whole))
}

/// Puts a new index in the place of the old one, in one step, and opens it.
fn rewrite_index(dir: &Path, entries: &HashMap<Key, Entry>) -> Result<File, FeatureError> {
    let failed = |source| FeatureError::Cache { path: dir.join("index.jsonl"), source };
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|(_, entry)| entry.offset);
    let text: String = sorted.into_iter().map(|(key, entry)| line(key, entry)).collect();
    let path = dir.join("index.jsonl");
    write_atomically(&path, text.as_bytes()).map_err(failed)?;
    File::options().append(true).open(&path).map_err(failed)
}

/// The bytes of a file, none when there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Vec<u8>, FeatureError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| FeatureError::Cache { path: path.into(), source }),
    }
}
