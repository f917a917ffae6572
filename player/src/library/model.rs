//! The models that have heard the library's songs.

use super::{Library, LibraryError};
use runtime::tagger::Tagger;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

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

impl Library {
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
}
