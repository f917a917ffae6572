//! The library: one SQLite file with what is known of every song.
//!
//! - [`Library`] opens it and asks it;
//! - [`scan`] fills it;
//! - [`walk`] finds the files, [`meta`] reads who made them.
//!
//! A *file* is a path with its size and time. A *song* is a recording, known by the digest of its audio, as one model
//! heard it: copies share it, a moved file finds it again, and a new model adds another.

pub mod meta;
mod model;
pub mod place;
mod put;
mod rows;
pub mod scan;
mod schema;
pub mod walk;
pub mod watch;

pub use model::Model;
pub(crate) use rows::{bytes_of_path, floats, path_of};

use crate::hear::Digest;
use meta::Meta;
use put::song_of;
use rows::{TRACKS, read_song, read_track};
use rusqlite::{Connection, OptionalExtension, Row, params};
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
