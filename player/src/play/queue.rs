//! What is played: files, folders and playlists.

use crate::library::walk::audio_files;
use std::path::{Path, PathBuf};

/// Endings of playlists.
const PLAYLISTS: [&str; 2] = ["m3u", "m3u8"];

/// Why nothing comes of a path.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It cannot be read.
    #[error("{}: {reason}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no music in it.
    #[error("{}: no music in it", path.display())]
    Empty {
        /// The folder or playlist.
        path: PathBuf,
    },
}

/// The songs that a path stands for: the file, the folder's files in order of their names, or a playlist's entries.
///
/// # Errors
/// [`QueueError`], which names the path.
pub fn songs(path: &Path) -> Result<Vec<PathBuf>, QueueError> {
    let read = |reason: String| QueueError::Read { path: path.into(), reason };
    let meta = std::fs::metadata(path).map_err(|error| read(error.to_string()))?;
    let is_playlist = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|extension| PLAYLISTS.iter().any(|known| known.eq_ignore_ascii_case(extension)));
    let songs = if meta.is_dir() {
        audio_files(path).filter_map(Result::ok).collect()
    } else if is_playlist {
        let bytes = std::fs::read(path).map_err(|error| read(error.to_string()))?;
        entries(&bytes, path.parent().unwrap_or(Path::new("")))
    } else {
        vec![path.into()]
    };
    if songs.is_empty() { Err(QueueError::Empty { path: path.into() }) } else { Ok(songs) }
}

/// The files of an M3U: a path a line, as seen from the playlist's folder. Old ones are in Latin-1.
fn entries(bytes: &[u8], folder: &Path) -> Vec<PathBuf> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| folder.join(line.strip_prefix("file://").unwrap_or(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_read_from_where_they_are() {
        let text = "\u{feff}#EXTM3U\r\n#EXTINF:3,x\r\na.mp3\r\n\r\nsub/b c.ogg\n/abs/d.flac\nfile:///e.wav\n";
        let want = ["/m/a.mp3", "/m/sub/b c.ogg", "/abs/d.flac", "/e.wav"].map(PathBuf::from);
        assert_eq!(entries(text.as_bytes(), Path::new("/m")), want);
        assert_eq!(entries(b"caf\xe9.mp3", Path::new("")), [PathBuf::from("caf\u{e9}.mp3")]);
    }

    #[test]
    fn what_cannot_be_played_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(songs(folder.path()), Err(QueueError::Empty { .. })));
        let error = songs(&folder.path().join("no.mp3")).unwrap_err();
        assert!(error.to_string().contains("no.mp3"));
    }
}
