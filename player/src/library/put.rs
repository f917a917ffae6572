//! Writing down what was heard.

use super::rows::{bytes_of, bytes_of_path};
use super::{Library, LibraryError, Meta, Model, Stamp};
use crate::hear::{Digest, Heard};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

impl Library {
    /// Writes down what was heard in a file, in one transaction.
    ///
    /// # Errors
    /// When the library fails; nothing has changed then.
    pub fn put_heard(
        &mut self,
        path: &Path,
        stamp: Stamp,
        meta: &Meta,
        model: &Model,
        heard: &Heard,
    ) -> Result<i64, LibraryError> {
        let song = &heard.song;
        let embedding = song.embedding.as_deref().unwrap_or_default();
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT INTO songs (digest, model, seconds, windows, scores, embedding) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (digest, model) DO NOTHING",
            params![
                heard.digest,
                model.id,
                song.seconds,
                song.windows as i64,
                bytes_of(&song.mean),
                bytes_of(embedding)
            ],
        )?;
        let id = song_of(&tx, &heard.digest, model.id)?.unwrap_or_default();
        put_file(&tx, path, stamp, meta, Some((id, &heard.digest)), None)?;
        tx.commit()?;
        Ok(id)
    }

    /// Puts many songs in whose numbers are known, without their audio: path, stamp, meta, scores and embedding of each.
    /// For tests and measurements.
    ///
    /// # Errors
    /// When the library fails; nothing has changed then.
    pub fn put_many(
        &mut self,
        songs: impl Iterator<Item = (PathBuf, Stamp, Meta, Vec<f32>, Vec<f32>)>,
        model: &Model,
    ) -> Result<(), LibraryError> {
        let tx = self.db.transaction()?;
        for (path, stamp, meta, scores, embedding) in songs {
            let mut digest = Digest::default();
            digest.copy_from_slice(&Sha256::digest(bytes_of_path(&path))[..16]);
            tx.prepare_cached(
                "INSERT INTO songs (digest, model, seconds, windows, scores, embedding) VALUES (?1, ?2, 200, 1, ?3, ?4)",
            )?
            .execute(params![digest, model.id, bytes_of(&scores), bytes_of(&embedding)])?;
            put_file(&tx, &path, stamp, &meta, Some((tx.last_insert_rowid(), &digest)), None)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Ties a file to a song that is known already; false where it is not.
    ///
    /// # Errors
    /// When the library fails.
    pub fn put_known(
        &mut self,
        path: &Path,
        stamp: Stamp,
        meta: &Meta,
        model: &Model,
        digest: &Digest,
    ) -> Result<bool, LibraryError> {
        let tx = self.db.transaction()?;
        let Some(song) = song_of(&tx, digest, model.id)? else { return Ok(false) };
        put_file(&tx, path, stamp, meta, Some((song, digest)), None)?;
        tx.commit()?;
        Ok(true)
    }

    /// Writes down why a file could not be heard.
    ///
    /// # Errors
    /// When the library fails.
    pub fn put_damaged(&mut self, path: &Path, stamp: Stamp, reason: &str) -> Result<(), LibraryError> {
        let tx = self.db.transaction()?;
        put_file(&tx, path, stamp, &Meta::default(), None, Some(reason))?;
        tx.commit()?;
        Ok(())
    }
}

/// The row of the song with this audio, as a model heard it.
pub(super) fn song_of(db: &Connection, digest: &Digest, model: i64) -> rusqlite::Result<Option<i64>> {
    let mut query = db.prepare_cached("SELECT id FROM songs WHERE digest = ?1 AND model = ?2")?;
    query.query_row(params![digest, model], |row| row.get(0)).optional()
}

fn put_file(
    db: &Connection,
    path: &Path,
    stamp: Stamp,
    meta: &Meta,
    song: Option<(i64, &Digest)>,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    let words = |words: &[String]| (!words.is_empty()).then(|| serde_json::json!(words).to_string());
    db.prepare_cached(
        "INSERT INTO files (path, size, modified, song, digest, error, title, artist, album, genre, mood, year) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (path) DO UPDATE SET \
         size = excluded.size, modified = excluded.modified, gone = 0, song = excluded.song, digest = excluded.digest, \
         error = excluded.error, title = excluded.title, artist = excluded.artist, album = excluded.album, \
         genre = excluded.genre, mood = excluded.mood, year = excluded.year",
    )?
    .execute(params![
        bytes_of_path(path),
        stamp.size,
        stamp.modified,
        song.map(|(id, _)| id),
        song.map(|(_, digest)| digest),
        error,
        meta.title,
        meta.artist,
        meta.album,
        words(&meta.genres),
        words(&meta.moods),
        meta.year,
    ])?;
    Ok(())
}
