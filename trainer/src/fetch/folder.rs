//! The folder that music is fetched to: where each file goes, and which are there.

use super::{FetchError, List, Track};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// Sums of the files that were written, as `sha256sum --check` reads them.
const SUMS: &str = "SHA256SUMS";

/// Where a track goes, relative to the folder: `audio/PACKAGE/REST`, REST being what its path has beyond the folders
/// that all music of the package is in.
pub fn audio_path(list: &List, track: &Track) -> PathBuf {
    let folders =
        |path: &str| path.rsplit_once('/').map_or(String::new(), |(folders, _)| format!("{folders}/"));
    let mut common = folders(&track.path);
    for other in list.tracks_of(&track.package) {
        while !other.path.starts_with(&common) {
            common = folders(common.trim_end_matches('/'));
        }
    }
    Path::new("audio").join(&track.package).join(&track.path[common.len()..])
}

/// What of a list a folder holds.
pub(super) struct Folder<'a> {
    pub dir: &'a Path,
    /// Sums by relative path, of files that were checked when they were written.
    sums: Mutex<HashMap<String, String>>,
}

impl<'a> Folder<'a> {
    /// Makes the folder where it is not there, and reads which files were written.
    pub fn open(dir: &'a Path) -> Result<Self, FetchError> {
        std::fs::create_dir_all(dir.join("audio")).map_err(FetchError::file(dir))?;
        let path = dir.join(SUMS);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(FetchError::file(path)(error)),
        };
        // A last line that a power cut left torn names no file that is there, and its file is hashed again.
        let entry = |line: &str| line.split_once("  ").map(|(sum, path)| (path.into(), sum.into()));
        let sums = Mutex::new(text.lines().filter_map(entry).collect());
        Ok(Self { dir, sums })
    }

    /// Whether the track is there: its size and remembered sum are the list's. A file without a remembered sum is read.
    pub fn holds(&self, list: &List, track: &Track) -> bool {
        let path = audio_path(list, track);
        let full = self.dir.join(&path);
        if !std::fs::metadata(&full).is_ok_and(|meta| meta.is_file() && meta.len() == track.bytes) {
            return false;
        }
        let remembered = self.lock().get(&key(&path)).cloned();
        match remembered {
            Some(sum) => sum == track.sha256,
            None => {
                let fine = sum_of(&full).is_ok_and(|sum| sum == track.sha256);
                fine && self.remember(&path, &track.sha256).is_ok()
            }
        }
    }

    /// Writes a file whole or not at all: at most `track.bytes` of `from`, if they have the track's sum.
    ///
    /// Returns whether they had. Errors are those of the disk and of `from`.
    pub fn write(&self, list: &List, track: &Track, from: &mut dyn Read) -> Result<bool, FetchError> {
        let path = audio_path(list, track);
        let full = self.dir.join(&path);
        let folder = full.parent().unwrap_or(self.dir);
        std::fs::create_dir_all(folder).map_err(FetchError::file(folder))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder).map_err(FetchError::file(folder))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        // One byte more than expected tells a longer file.
        let mut from = from.take(track.bytes + 1);
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(FetchError::Package {
                        path: track.path.clone().into(),
                        reason: error.to_string(),
                    });
                }
            };
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(FetchError::file(&full))?;
        }
        if hex(hasher) != track.sha256 {
            return Ok(false);
        }
        file.as_file().sync_data().map_err(FetchError::file(&full))?;
        file.persist(&full).map_err(|error| FetchError::File { path: full.clone(), source: error.error })?;
        self.remember(&path, &track.sha256)?;
        Ok(true)
    }

    fn remember(&self, path: &Path, sum: &str) -> Result<(), FetchError> {
        let mut sums = self.lock();
        let at = self.dir.join(SUMS);
        let line = format!("{sum}  {}\n", key(path));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&at);
        // One write call per line, so that lines of several threads or programs do not mix.
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(FetchError::file(at))?;
        sums.insert(key(path), sum.into());
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        // Nothing panics while it holds the lock, and a map is whole after every insertion.
        self.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn key(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// SHA-256 of a file in lower-case hexadecimal.
pub(super) fn sum_of(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(hasher)),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(hasher: Sha256) -> String {
    crate::text::to_hex(&hasher.finalize())
}
