//! How songs and tracks lie in their rows.

use super::{Song, Track};
use crate::library::meta::Meta;
use rusqlite::Row;
use std::path::{Path, PathBuf};

/// Every track; read by [`read_track`].
pub(super) const TRACKS: &str = "SELECT files.id, files.song, files.path, songs.seconds, title, artist, album, genre, mood, year \
                      FROM files JOIN songs ON songs.id = files.song AND files.gone = 0";

pub(super) fn read_track(row: &Row<'_>) -> rusqlite::Result<Track> {
    Ok(Track {
        file: row.get(0)?,
        song: row.get(1)?,
        path: path_of(row.get_ref(2)?.as_blob()?),
        seconds: row.get(3)?,
        meta: Meta {
            title: row.get(4)?,
            artist: row.get(5)?,
            album: row.get(6)?,
            genres: list(row.get::<_, Option<String>>(7)?),
            moods: list(row.get::<_, Option<String>>(8)?),
            year: row.get(9)?,
        },
    })
}

pub(super) fn read_song(row: &Row<'_>) -> rusqlite::Result<Song> {
    Ok(Song {
        id: row.get(0)?,
        seconds: row.get(1)?,
        scores: floats(row.get_ref(2)?.as_blob()?),
        embedding: floats(row.get_ref(3)?.as_blob()?),
    })
}

/// Lists of words are kept as JSON.
fn list(text: Option<String>) -> Vec<String> {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Numbers as they are stored: 32-bit floats, little-endian.
pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// And back.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// A path as it is stored: its bytes, for it need not be UTF-8.
#[cfg(unix)]
pub(crate) fn bytes_of_path(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into()
}

#[cfg(not(unix))]
pub(crate) fn bytes_of_path(path: &Path) -> &[u8] {
    path.to_str().unwrap_or_default().as_bytes()
}

#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
