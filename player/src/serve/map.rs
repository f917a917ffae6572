//! The library on a plane: songs that sound alike lie near each other.
//!
//! The two directions in which the songs' vectors differ most (principal components, by power iteration over a sample of
//! them), each spread so that the crowd in the middle has room.

use crate::library::{Library, LibraryError, Model};
use crate::near::store::{Chunk, each_chunk};
use std::collections::HashMap;

/// Songs that the directions are computed from.
const SAMPLE: usize = 4096;

/// Steps of the power iteration.
const STEPS: usize = 60;

/// A song on the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Row of its file.
    pub file: i64,
    /// From 0 to 1.
    pub x: f32,
    /// From 0 to 1.
    pub y: f32,
    /// Index of the tag that is truest of it.
    pub tag: usize,
}

/// All songs on the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The songs.
    pub points: Vec<Point>,
    /// What it was made for: see [`size`].
    pub size: (i64, i64),
}

/// Number of files and the last song: changes when the map does.
///
/// # Errors
/// When the library fails.
pub fn size(library: &Library, model: &Model) -> Result<(i64, i64), LibraryError> {
    let sql = "SELECT count(*), coalesce(max(songs.id), 0) FROM files JOIN songs ON songs.id = song \
               WHERE gone = 0 AND model = ?1";
    Ok(library.db.query_row(sql, [model.id], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

impl Map {
    /// Lays the library out.
    ///
    /// # Errors
    /// When the library fails.
    pub fn new(library: &Library, model: &Model, size: (i64, i64)) -> Result<Self, LibraryError> {
        let mut files = HashMap::new();
        {
            let sql = "SELECT song, min(files.id) FROM files JOIN songs ON songs.id = song \
                       WHERE gone = 0 AND model = ?1 GROUP BY song";
            let mut query = library.db.prepare(sql)?;
            let mut rows = query.query([model.id])?;
            while let Some(row) = rows.next()? {
                files.insert(row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            }
        }
        let every = files.len().div_ceil(SAMPLE).max(1);
        let mut sample = Vec::new();
        let mut count = 0;
        each_chunk(library, model, |chunk| {
            for (i, song) in chunk.songs.iter().enumerate() {
                if files.contains_key(song) {
                    if count % every == 0 {
                        sample.push(vector(chunk, i));
                    }
                    count += 1;
                }
            }
        })?;
        let (mean, [first, second]) = directions(&sample);
        let (spread_x, spread_y) = (spread(&sample, &mean, &first), spread(&sample, &mean, &second));
        let tags = model.tags.len();
        let mut points = Vec::with_capacity(files.len());
        each_chunk(library, model, |chunk| {
            for (i, song) in chunk.songs.iter().enumerate() {
                let Some(&file) = files.get(song) else { continue };
                let vector = vector(chunk, i);
                let place = |direction: &[f32], spread: f32| {
                    let along: f32 =
                        vector.iter().zip(&mean).zip(direction).map(|((v, m), d)| (v - m) * d).sum();
                    0.5 + 0.5 * (along / (1.6 * spread.max(1e-6))).tanh()
                };
                let levels = &chunk.levels[i * tags..][..tags];
                let tag = (0..tags).rev().max_by_key(|&tag| levels[tag]).unwrap_or(0);
                points.push(Point { file, x: place(&first, spread_x), y: place(&second, spread_y), tag });
            }
        })?;
        Ok(Self { points, size })
    }
}

fn vector(chunk: &Chunk, i: usize) -> Vec<f32> {
    let width = chunk.codes.len() / chunk.songs.len();
    let codes = &chunk.codes[i * width..][..width];
    codes.iter().map(|&code| f32::from(code) * chunk.scales[i]).collect()
}

/// Standard deviation along a direction.
fn spread(sample: &[Vec<f32>], mean: &[f32], direction: &[f32]) -> f32 {
    let along = |v: &Vec<f32>| v.iter().zip(mean).zip(direction).map(|((v, m), d)| (v - m) * d).sum::<f32>();
    (sample.iter().map(|v| along(v).powi(2)).sum::<f32>() / sample.len().max(1) as f32).sqrt()
}

/// The mean, and the two directions of most difference.
fn directions(sample: &[Vec<f32>]) -> (Vec<f32>, [Vec<f32>; 2]) {
    let width = sample.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; width];
    for vector in sample {
        mean.iter_mut().zip(vector).for_each(|(mean, value)| *mean += value / sample.len() as f32);
    }
    let mut found: Vec<Vec<f32>> = Vec::new();
    for which in 0..2 {
        // Any start will do that is not exactly across.
        let mut direction: Vec<f32> =
            (0..width).map(|i| ((i * (which + 3)) as f32 * 0.7).sin() + 0.1).collect();
        for _ in 0..STEPS {
            for before in &found {
                let along: f32 = direction.iter().zip(before).map(|(a, b)| a * b).sum();
                direction.iter_mut().zip(before).for_each(|(value, b)| *value -= along * b);
            }
            let mut next = vec![0.0; width];
            for vector in sample {
                let along: f32 =
                    vector.iter().zip(&mean).zip(&direction).map(|((v, m), d)| (v - m) * d).sum();
                next.iter_mut().zip(vector).zip(&mean).for_each(|((next, v), m)| *next += along * (v - m));
            }
            let norm = next.iter().map(|value| value * value).sum::<f32>().sqrt();
            if norm <= 1e-12 {
                break;
            }
            direction = next.into_iter().map(|value| value / norm).collect();
        }
        found.push(direction);
    }
    let second = found.pop().unwrap_or_default();
    (mean, [found.pop().unwrap_or_default(), second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_those_of_most_difference() {
        let sample: Vec<Vec<f32>> = (0..500)
            .map(|i| (i as f32 * 0.7, i as f32 * 1.3))
            .map(|(a, b)| vec![1.0 + 0.1 * a.sin(), 5.0 * a.sin() + 2.0, 2.0 * b.cos(), 0.3])
            .collect();
        let (mean, [first, second]) = directions(&sample);
        assert!((mean[3] - 0.3).abs() < 1e-4);
        assert!(first[1].abs() > 0.99 && second[2].abs() > 0.99, "{first:?} {second:?}");
        let across: f32 = first.iter().zip(&second).map(|(a, b)| a * b).sum();
        assert!(across.abs() < 1e-3);
    }
}
