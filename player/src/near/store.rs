//! The vectors of all songs, in as few and as short rows as searching wants.
//!
//! [`CHUNK`] songs at a time become one row, for good: vectors rounded to 8 bits, each with a scale of its own, and how
//! true each tag is in steps of 1/255. A hundred thousand songs are then 100 rows of 200 kB, read one after the other,
//! where their full numbers are a hundred thousand rows in three times the bytes. Songs that are not packed yet, fewer
//! than a chunk of them, are read as they are.

use super::vector::{level, unit};
use crate::library::{Library, LibraryError, Model, floats};
use rusqlite::{OptionalExtension, params};

/// Songs in a row.
pub const CHUNK: usize = 1024;

/// Steps of a level.
pub const STEPS: f32 = 255.0;

/// Songs with their vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// Rows of the songs.
    pub songs: Vec<i64>,
    /// What a step of a song's codes is worth.
    pub scales: Vec<f32>,
    /// Vectors, `[songs, width + tags]`.
    pub codes: Vec<i8>,
    /// How true each tag is, in steps, `[songs, tags]`.
    pub levels: Vec<u8>,
}

impl Chunk {
    /// Adds a song.
    pub fn push(&mut self, song: i64, model: &Model, scores: &[f32], embedding: &[f32]) {
        let vector = unit(scores, &model.thresholds, embedding);
        let largest = vector.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
        let scale = (largest / 127.0).max(f32::MIN_POSITIVE);
        self.songs.push(song);
        self.scales.push(scale);
        // Rounded values lie within ±127 but for values that are no numbers, and become 0.
        self.codes.extend(vector.iter().map(|value| (value / scale).round() as i8));
        let levels = scores.iter().zip(&model.thresholds);
        self.levels.extend(levels.map(|(&p, &threshold)| (level(p, threshold) * STEPS).round() as u8));
    }
}

/// Packs full chunks of songs that are not packed yet; with `all` even the last, short one.
///
/// # Errors
/// When the library fails; nothing is lost then.
pub fn pack(library: &mut Library, model: &Model, all: bool) -> Result<(), LibraryError> {
    loop {
        let tx = library.db.transaction()?;
        let last = packed_up_to(&tx, model.id)?;
        let chunk = read_unpacked(&tx, model, last, CHUNK)?;
        let Some(&last) = chunk.songs.last().filter(|_| all || chunk.songs.len() == CHUNK) else {
            return Ok(());
        };
        let songs: Vec<u8> = chunk.songs.iter().flat_map(|song| song.to_le_bytes()).collect();
        let scales: Vec<u8> = chunk.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        let codes: Vec<u8> = chunk.codes.iter().map(|&code| code.cast_unsigned()).collect();
        tx.execute(
            "INSERT INTO vectors (model, last, songs, scales, codes, levels) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![model.id, last, songs, scales, codes, chunk.levels],
        )?;
        tx.commit()?;
    }
}

/// Hands over all songs of a model, chunk after chunk.
///
/// # Errors
/// When the library fails.
pub fn each_chunk(
    library: &Library,
    model: &Model,
    mut each: impl FnMut(&Chunk),
) -> Result<(), LibraryError> {
    let db = &library.db;
    let mut query =
        db.prepare_cached("SELECT songs, scales, codes, levels FROM vectors WHERE model = ?1 ORDER BY last")?;
    let mut rows = query.query([model.id])?;
    // One chunk's room serves all.
    let mut chunk = Chunk::default();
    while let Some(row) = rows.next()? {
        let blob = |at| row.get_ref(at).map(|value| value.as_blob().unwrap_or_default());
        chunk.songs.clear();
        chunk.songs.extend(blob(0)?.as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes)));
        chunk.scales.clear();
        chunk.scales.extend(blob(1)?.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
        chunk.codes.clear();
        chunk.codes.extend(blob(2)?.iter().map(|&code| code.cast_signed()));
        chunk.levels.clear();
        chunk.levels.extend_from_slice(blob(3)?);
        each(&chunk);
    }
    let rest = read_unpacked(db, model, packed_up_to(db, model.id)?, usize::MAX)?;
    if !rest.songs.is_empty() {
        each(&rest);
    }
    Ok(())
}

fn packed_up_to(db: &rusqlite::Connection, model: i64) -> rusqlite::Result<i64> {
    let mut query =
        db.prepare_cached("SELECT last FROM vectors WHERE model = ?1 ORDER BY last DESC LIMIT 1")?;
    Ok(query.query_row([model], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn read_unpacked(
    db: &rusqlite::Connection,
    model: &Model,
    after: i64,
    most: usize,
) -> rusqlite::Result<Chunk> {
    let mut query = db.prepare_cached(
        "SELECT id, scores, embedding FROM songs WHERE model = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = query.query(params![model.id, after, most])?;
    let mut chunk = Chunk::default();
    while let Some(row) = rows.next()? {
        let scores = floats(row.get_ref(1)?.as_blob()?);
        chunk.push(row.get(0)?, model, &scores, &floats(row.get_ref(2)?.as_blob()?));
    }
    Ok(chunk)
}
