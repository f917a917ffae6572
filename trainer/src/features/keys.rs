//! What identifies the sound of a clip: the SHA-256 of its file, or of its description.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::FeatureError;
use crate::corpus::synth::{GENERATOR_VERSION, SynthClip};
use crate::corpus::{Clip, ClipSource};
use crate::text::to_hex;

/// Identifies the sound of a clip.
pub(super) type Key = [u8; 32];

/// A file that was hashed before.
#[derive(Serialize, Deserialize)]
struct Line {
    path: PathBuf,
    size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    changed: u64,
    key: String,
}

/// Keys of files by path, size and time of change, so that unchanged files are not read again.
pub(super) struct FileKeys {
    path: PathBuf,
    /// With size and time of change: lists of several machines may know a file at several times.
    known: HashMap<(PathBuf, u64, u64), Key>,
    fresh: Mutex<Vec<Line>>,
}

impl FileKeys {
    /// Reads the lists in the folders, of which the first is the one to write to. Lines that do not parse are passed over:
    /// they only save time, and another machine may be writing them.
    pub fn open<'a>(dirs: impl Iterator<Item = &'a Path>) -> Result<Self, FeatureError> {
        let paths: Vec<PathBuf> = dirs.map(|dir| dir.join("files.jsonl")).collect();
        let mut known = HashMap::new();
        for path in &paths {
            let text = super::index::read_if_there(path)?;
            for line in text.split(|&byte| byte == b'\n') {
                if let Ok(line) = serde_json::from_slice::<Line>(line)
                    && let Some(key) = from_hex(&line.key)
                {
                    known.insert((line.path, line.size, line.changed), key);
                }
            }
        }
        let path = paths.into_iter().next().unwrap_or_default();
        Ok(Self { path, known, fresh: Mutex::new(Vec::new()) })
    }

    /// The key of a clip; an unreadable file gives its reason.
    pub fn of(&self, clip: &Clip) -> Result<Key, String> {
        match &clip.source {
            ClipSource::Synth(clip) => Ok(synth(clip)),
            ClipSource::File(path) => self.file(path).map_err(|error| format!("{}: {error}", path.display())),
        }
    }

    fn file(&self, path: &Path) -> std::io::Result<Key> {
        let meta = std::fs::metadata(path)?;
        if !meta.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        let changed_at = meta.modified()?;
        let changed = changed_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        // The working folder may differ next time.
        let full = std::path::absolute(path)?;
        let known = (full, meta.len(), changed);
        if let Some(key) = self.known.get(&known) {
            return Ok(*key);
        }
        let full = known.0;
        let key = hash(&mut File::open(path)?)?;
        // A file that changed a moment ago may change again within the same tick of the file system's clock.
        let age = SystemTime::now().duration_since(changed_at).unwrap_or_default();
        if age > Duration::from_secs(2) && full.to_str().is_some() {
            let line = Line { path: full, size: meta.len(), changed, key: to_hex(&key) };
            self.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
        }
        Ok(key)
    }

    /// Appends the files that were hashed now.
    pub fn save(&mut self) -> Result<(), FeatureError> {
        let fresh = std::mem::take(self.fresh.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        if fresh.is_empty() {
            return Ok(());
        }
        let failed = |source| FeatureError::Cache { path: self.path.clone(), source };
        // A line break first, in case the last run ended within a line.
        let mut text = vec![b'\n'];
        for line in &fresh {
            serde_json::to_writer(&mut text, line).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
        }
        let mut file = File::options().create(true).append(true).open(&self.path).map_err(failed)?;
        file.write_all(&text).map_err(failed)
    }
}

fn hash(file: &mut File) -> std::io::Result<Key> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn synth(clip: &SynthClip) -> Key {
    let hash = Sha256::new()
        .chain_update(b"minim synth ")
        .chain_update(GENERATOR_VERSION.to_le_bytes())
        .chain_update(clip.seed.to_le_bytes())
        .chain_update(clip.index.to_le_bytes())
        .chain_update((clip.samples as u64).to_le_bytes());
    hash.finalize().into()
}

/// The inverse of [`to_hex`](crate::text::to_hex) for keys.
pub(super) fn from_hex(text: &str) -> Option<Key> {
    let mut key = Key::default();
    if text.len() != 2 * key.len() || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}
