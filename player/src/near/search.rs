//! Looking through all songs.

use super::query::Query;
use super::store::{STEPS, each_chunk};
use super::vector::{dot, level, unit};
use crate::library::{Library, LibraryError, Model, Song, Track};
use rusqlite::params;
use std::collections::HashSet;

/// A song that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Where it is, and whose it is.
    pub track: Track,
    /// The song.
    pub song: Song,
    /// How near it is, or how well it fits, 1 at best.
    pub score: f32,
}

/// The vector of a song that the library holds.
pub fn vector_of(song: &Song, model: &Model) -> Vec<f32> {
    unit(&song.scores, &model.thresholds, &song.embedding)
}

/// The `n` songs nearest to `vector` (of length 1), nearest first, without the songs in `but`.
///
/// The answer is exact. The product with a rounded vector is off by at most half a step of it for each value of
/// `vector`; so only songs whose rounded product comes within that of the `n`-th best are computed in full.
///
/// # Errors
/// When the library fails.
pub fn nearest(
    library: &Library,
    model: &Model,
    vector: &[f32],
    n: usize,
    but: &HashSet<i64>,
) -> Result<Vec<Hit>, LibraryError> {
    let mass: f32 = vector.iter().map(|value| value.abs()).sum();
    let mut rough = Vec::new();
    each_chunk(library, model, |chunk| {
        let rows = chunk.codes.chunks_exact(vector.len().max(1));
        for ((&song, &scale), codes) in chunk.songs.iter().zip(&chunk.scales).zip(rows) {
            if !but.contains(&song) {
                rough.push(Rough { song, product: scale * product(vector, codes), off: 0.51 * scale * mass });
            }
        }
    })?;
    exact(library, rough, n, |song| dot(vector, &vector_of(song, model)))
}

/// What a rounded vector says of a song.
#[derive(Clone, Copy)]
struct Rough {
    song: i64,
    product: f32,
    /// By how much that may be wrong.
    off: f32,
}

/// Eight sums side by side, which the compiler makes one instruction of.
fn product(vector: &[f32], codes: &[i8]) -> f32 {
    let mut sums = [0.0; 8];
    let (whole, codes_whole) = (vector.as_chunks::<8>(), codes.as_chunks::<8>());
    for (values, codes) in whole.0.iter().zip(codes_whole.0) {
        for ((sum, value), &code) in sums.iter_mut().zip(values).zip(codes) {
            *sum += value * f32::from(code);
        }
    }
    let rest: f32 = whole.1.iter().zip(codes_whole.1).map(|(value, &code)| value * f32::from(code)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The best `n` by their full score: from the best rough ones on, until none that is left can be better.
fn exact(
    library: &Library,
    mut rough: Vec<Rough>,
    n: usize,
    score: impl Fn(&Song) -> f32,
) -> Result<Vec<Hit>, LibraryError> {
    let mut hits: Vec<Hit> = Vec::new();
    if n == 0 {
        return Ok(hits);
    }
    let best_possible = |rough: &Rough| rough.product + rough.off;
    let by_best = |a: &Rough, b: &Rough| best_possible(b).total_cmp(&best_possible(a));
    // Sorted as far as it is looked at, some more each time.
    let mut sorted = 0;
    let mut next = 0;
    loop {
        if next == sorted {
            if sorted == rough.len() {
                break;
            }
            let more = (rough.len() - sorted).min((4 * n).max(64).max(sorted));
            let rest = &mut rough[sorted..];
            if more < rest.len() {
                rest.select_nth_unstable_by(more, by_best);
            }
            rest[..more].sort_unstable_by(by_best);
            sorted += more;
        }
        let candidate = rough[next];
        next += 1;
        if hits.len() == n && hits[n - 1].score >= best_possible(&candidate) {
            break;
        }
        // A song without a file is gone.
        let Some(song) = library.song(candidate.song)? else { continue };
        let score = score(&song);
        if hits.len() == n && hits[n - 1].score >= score {
            continue;
        }
        let Some(track) = library.track_of_song(candidate.song)? else { continue };
        let at = hits.partition_point(|hit| hit.score >= score);
        hits.insert(at, Hit { track, song, score });
        hits.truncate(n);
    }
    Ok(hits)
}

/// The `n` songs that fit a query best, best first: those of which it is rather true than not.
///
/// # Errors
/// When the library fails.
pub fn matching(library: &Library, model: &Model, query: &Query, n: usize) -> Result<Vec<Hit>, LibraryError> {
    let texts: Vec<HashSet<i64>> =
        query.texts().iter().map(|text| songs_with(library, text)).collect::<Result<_, _>>()?;
    let tags = model.tags.len().max(1);
    let mut rough = Vec::new();
    each_chunk(library, model, |chunk| {
        for (&song, levels) in chunk.songs.iter().zip(chunk.levels.chunks_exact(tags)) {
            let fits = query.fits(
                |tag| f32::from(levels[tag]) / STEPS,
                |text| f32::from(u8::from(texts[text].contains(&song))),
            );
            // Half a step of the levels.
            let off = 0.51 / STEPS;
            if fits + off > 0.5 {
                rough.push(Rough { song, product: fits, off });
            }
        }
    })?;
    let hits = exact(library, rough, n, |song| {
        query.fits(
            |tag| level(song.scores[tag], model.thresholds[tag]),
            |text| f32::from(u8::from(texts[text].contains(&song.id))),
        )
    })?;
    Ok(hits.into_iter().filter(|hit| hit.score > 0.5).collect())
}

/// Songs with a text in their title, artist or album, whatever its case.
fn songs_with(library: &Library, text: &str) -> Result<HashSet<i64>, LibraryError> {
    let escaped: String = text
        .chars()
        .flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c]))
        .collect();
    let mut query = library.db.prepare_cached(
        "SELECT song FROM files WHERE song IS NOT NULL AND gone = 0 AND \
         (title LIKE ?1 ESCAPE '\\' OR artist LIKE ?1 ESCAPE '\\' OR album LIKE ?1 ESCAPE '\\')",
    )?;
    let songs = query.query_map(params![format!("%{escaped}%")], |row| row.get(0))?;
    Ok(songs.collect::<Result<_, _>>()?)
}
