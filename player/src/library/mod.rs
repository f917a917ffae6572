//! The library: one SQLite file with what is known of every song.
//!
//! - [`Library`] opens it and asks it;
//! - [`scan`] fills it;
//! - [`walk`] finds the files, [`meta`] reads who made them.
//!
//! A *file* is a path with its size and time. A *song* is a recording, known by the digest of its audio, as one model
//! heard it: copies share it, a moved file finds it again, and a new model adds another.

pub mod meta;
pub mod place;
pub mod scan;
mod schema;
pub mod walk;
pub mod watch;

use crate::hear::{Digest, Heard};
use meta::Meta;
use runtime::tagger::Tagger;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Why a library cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The file cannot be opened or made.
    #[error("{}: {reason}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The file is none of ours.
    #[error("{}: no library of this program, or one of a later version of it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed later.
    #[error("the library failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A file that songs are read from, or the model, cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The library holds no song that this model has heard.
    #[error("the library holds no songs yet that {model} has heard: player scan DIR")]
    Empty {
        /// Name of the model.
        model: String,
    },
}

/// The open library.
#[derive(Debug)]
pub struct Library {
    pub(crate) db: Connection,
    path: PathBuf,
}

/// A model as the library knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its row.
    pub id: i64,
    /// Name on its card.
    pub name: String,
    /// Names of its tags, in the order of its scores.
    pub tags: Vec<String>,
    /// Its thresholds, one per tag: from where on a tag is said of a song.
    pub thresholds: Vec<f32>,
    /// Length of its embeddings, 0 where it has none.
    pub width: usize,
}

/// A song as one model heard it.
#[derive(Clone, Debug, PartialEq)]
pub struct Song {
    /// Its row.
    pub id: i64,
    /// Its length.
    pub seconds: f64,
    /// Mean probabilities, one per tag of the model.
    pub scores: Vec<f32>,
    /// Mean embedding, empty where the model has none.
    pub embedding: Vec<f32>,
}

/// A file and the song in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Row of the file.
    pub file: i64,
    /// Row of the song.
    pub song: i64,
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub seconds: f64,
    /// What its tags say.
    pub meta: Meta,
}

impl Track {
    /// How it is called: "artist - title", or its file's name.
    pub fn name(&self) -> String {
        self.meta.name(&self.path)
    }
}

/// Size and time of a file: what tells that it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: i64,
    /// When it was last written to, in nanoseconds since 1970.
    pub modified: i64,
}

impl Stamp {
    /// Of a file that is there.
    ///
    /// # Errors
    /// When it is not.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        let modified = meta.modified()?.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        Ok(Self { size: meta.len() as i64, modified: modified as i64 })
    }
}

impl Library {
    /// Opens a library, and makes it where there is none.
    ///
    /// # Errors
    /// [`LibraryError`], which names the file.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|source| LibraryError::Io { path: folder.into(), source })?;
        }
        let failed =
            |reason: rusqlite::Error| LibraryError::Open { path: path.into(), reason: reason.to_string() };
        let db = Connection::open(path).map_err(failed)?;
        match schema::prepare(&db) {
            Ok(true) => Ok(Self { db, path: path.into() }),
            Ok(false) => Err(LibraryError::Foreign { path: path.into() }),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                Err(LibraryError::Foreign { path: path.into() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Opens a library that must be there.
    ///
    /// # Errors
    /// [`LibraryError`]; where there is none it says how to make one.
    pub fn existing(path: &Path) -> Result<Self, LibraryError> {
        if !path.exists() {
            let reason = "there is no library here yet; player scan DIR makes one".into();
            return Err(LibraryError::Open { path: path.into(), reason });
        }
        Self::open(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The row of a model that is loaded; made where it is new. A model is known by its file's bytes.
    ///
    /// # Errors
    /// When the model's file cannot be read again, or the library fails.
    pub fn model(&self, tagger: &Tagger) -> Result<Model, LibraryError> {
        let path = tagger.path();
        let bytes = std::fs::read(path).map_err(|source| LibraryError::Io { path: path.into(), source })?;
        let digest = Sha256::digest(&bytes);
        let card = tagger.card();
        let thresholds = card.thresholds.clone().unwrap_or_else(|| vec![0.5; card.tags.len()]);
        let (tags, levels) = (serde_json::json!(card.tags), serde_json::json!(thresholds));
        self.db.execute(
            "INSERT INTO models (digest, name, tags, thresholds) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (digest) DO NOTHING",
            params![&digest[..], card.name, tags.to_string(), levels.to_string()],
        )?;
        let id =
            self.db.query_row("SELECT id FROM models WHERE digest = ?1", [&digest[..]], |row| row.get(0))?;
        self.model_by_id(id)
    }

    /// The model that heard most of the library's songs, the newer one of equals.
    ///
    /// # Errors
    /// [`LibraryError::Empty`] where nothing was heard.
    pub fn main_model(&self) -> Result<Model, LibraryError> {
        let id: Option<i64> = self
            .db
            .query_row(
                "SELECT model FROM songs JOIN files ON files.song = songs.id AND files.gone = 0 GROUP BY model \
                 ORDER BY count(*) DESC, model DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        match id {
            Some(id) => self.model_by_id(id),
            None => Err(LibraryError::Empty { model: "any model".into() }),
        }
    }

    fn model_by_id(&self, id: i64) -> Result<Model, LibraryError> {
        let (name, tags, thresholds): (String, String, String) =
            self.db.query_row("SELECT name, tags, thresholds FROM models WHERE id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let width: Option<i64> = self
            .db
            .query_row("SELECT length(embedding) FROM songs WHERE model = ?1 LIMIT 1", [id], |row| row.get(0))
            .optional()?;
        Ok(Model {
            id,
            name,
            tags: serde_json::from_str(&tags).unwrap_or_default(),
            thresholds: serde_json::from_str(&thresholds).unwrap_or_default(),
            width: width.unwrap_or(0) as usize / 4,
        })
    }

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

    /// Whether the library has a song with this audio, as the model heard it.
    ///
    /// # Errors
    /// When the library fails.
    pub fn knows(&self, digest: &Digest, model: &Model) -> Result<bool, LibraryError> {
        Ok(song_of(&self.db, digest, model.id)?.is_some())
    }

    /// A song by its row.
    ///
    /// # Errors
    /// When the library fails.
    pub fn song(&self, id: i64) -> Result<Option<Song>, LibraryError> {
        let mut query =
            self.db.prepare_cached("SELECT id, seconds, scores, embedding FROM songs WHERE id = ?1")?;
        Ok(query.query_row([id], read_song).optional()?)
    }

    /// The track at a path, as the model heard it.
    ///
    /// # Errors
    /// When the library fails.
    pub fn track_at(&self, path: &Path, model: &Model) -> Result<Option<Track>, LibraryError> {
        let sql = format!("{TRACKS} WHERE files.path = ?1 AND songs.model = ?2");
        let mut query = self.db.prepare_cached(&sql)?;
        Ok(query.query_row(params![bytes_of_path(path), model.id], read_track).optional()?)
    }

    /// The track of a file's row.
    ///
    /// # Errors
    /// When the library fails.
    pub fn track(&self, file: i64) -> Result<Option<Track>, LibraryError> {
        let mut query = self.db.prepare_cached(&format!("{TRACKS} WHERE files.id = ?1"))?;
        Ok(query.query_row([file], read_track).optional()?)
    }

    /// The first file of a song; nothing where it is gone.
    ///
    /// # Errors
    /// When the library fails.
    pub fn track_of_song(&self, song: i64) -> Result<Option<Track>, LibraryError> {
        let mut query =
            self.db.prepare_cached(&format!("{TRACKS} WHERE files.song = ?1 ORDER BY files.id LIMIT 1"))?;
        Ok(query.query_row([song], read_track).optional()?)
    }

    /// Hands over every track that the model heard, in the order of their paths, one at a time.
    ///
    /// # Errors
    /// When the library fails, and those of `each`.
    pub fn each_track<E: From<rusqlite::Error>>(
        &self,
        model: &Model,
        mut each: impl FnMut(Track, Song) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT files.id, files.song, files.path, songs.seconds, title, artist, album, genre, mood, year, \
                   songs.id, songs.seconds, scores, embedding FROM files JOIN songs ON songs.id = files.song \
                   AND files.gone = 0 WHERE songs.model = ?1 ORDER BY files.path";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([model.id])?;
        while let Some(row) = rows.next()? {
            let song = Song {
                id: row.get(10)?,
                seconds: row.get(11)?,
                scores: floats(row.get_ref(12)?.as_blob().unwrap_or_default()),
                embedding: floats(row.get_ref(13)?.as_blob().unwrap_or_default()),
            };
            each(read_track(row)?, song)?;
        }
        Ok(())
    }

    /// Files that are known, songs among them, and damaged files.
    ///
    /// # Errors
    /// When the library fails.
    pub fn counts(&self) -> Result<(u64, u64, u64), LibraryError> {
        let sql = "SELECT count(*), count(song), count(error) FROM files WHERE gone = 0";
        let count = |row: &Row<'_>, at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)? as u64);
        Ok(self.db.query_row(sql, [], |row| Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?)))?)
    }

    /// Folders that were scanned.
    ///
    /// # Errors
    /// When the library fails.
    pub fn roots(&self) -> Result<Vec<PathBuf>, LibraryError> {
        let mut query = self.db.prepare("SELECT path FROM roots ORDER BY path")?;
        let rows = query.query_map([], |row| Ok(path_of(row.get_ref(0)?.as_blob()?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

const TRACKS: &str = "SELECT files.id, files.song, files.path, songs.seconds, title, artist, album, genre, mood, year \
                      FROM files JOIN songs ON songs.id = files.song AND files.gone = 0";

fn read_track(row: &Row<'_>) -> rusqlite::Result<Track> {
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

fn read_song(row: &Row<'_>) -> rusqlite::Result<Song> {
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

fn song_of(db: &Connection, digest: &Digest, model: i64) -> rusqlite::Result<Option<i64>> {
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
