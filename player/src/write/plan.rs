//! What shall be written.

use super::WriteError;
use super::fields::{self, Fields};
use crate::library::{Library, Model, Track};
use crate::sense::{Sense, said};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Genres.
    pub genre: bool,
    /// Moods.
    pub mood: bool,
    /// How many of each at most.
    pub most: usize,
    /// Whether what is there already goes, instead of staying in front.
    pub replace: bool,
}

/// What changes in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What its tags say.
    pub before: Fields,
    /// What they shall say.
    pub after: Fields,
}

impl Change {
    /// The difference, for people.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.path.display());
        let pairs =
            [("genre", &self.before.genre, &self.after.genre), ("mood", &self.before.mood, &self.after.mood)];
        for (name, before, after) in pairs {
            for gone in before.iter().filter(|value| !after.contains(value)) {
                let _ = writeln!(text, "  - {name}  {gone}");
            }
            for value in after {
                let sign = if before.contains(value) { ' ' } else { '+' };
                if before != after {
                    let _ = writeln!(text, "  {sign} {name}  {value}");
                }
            }
        }
        text
    }
}

/// The change for a track; nothing where its file says all that already.
///
/// # Errors
/// When the file's tags cannot be read, or the library fails.
pub fn plan(
    library: &Library,
    model: &Model,
    track: &Track,
    wanted: Wanted,
) -> Result<Option<Change>, WriteError> {
    let Some(song) = library.song(track.song)? else { return Ok(None) };
    let before = fields::read(&track.path)?;
    let mut after = before.clone();
    let put = |sense, values: &mut Vec<String>| {
        let heard = said(model, &song.scores, sense, wanted.most);
        // Nothing heard is no reason to delete.
        if wanted.replace && !heard.is_empty() {
            values.clear();
        }
        add(values, &heard);
    };
    if wanted.genre {
        put(Sense::Genre, &mut after.genre);
    }
    if wanted.mood {
        put(Sense::Mood, &mut after.mood);
    }
    Ok((before != after).then(|| Change { path: track.path.clone(), before, after }))
}

/// Adds words that are not there yet in any spelling.
fn add(values: &mut Vec<String>, words: &[&str]) {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_', ' '], "");
    for word in words {
        if !values.iter().any(|value| plain(value) == plain(word)) {
            values.push((*word).into());
        }
    }
}

/// Whether a track lies in one of the paths, or there are none.
pub fn is_in(track: &Track, paths: &[PathBuf]) -> bool {
    paths.is_empty() || paths.iter().any(|path: &PathBuf| track.path.starts_with(Path::new(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_added_once_and_nothing_goes() {
        let mut values = vec!["HIP HOP".to_owned(), "Krautrock".into()];
        add(&mut values, &["Hip-Hop", "Rock", "rock"]);
        assert_eq!(values, ["HIP HOP", "Krautrock", "Rock"]);
    }

    #[test]
    fn the_difference_shows_what_stays_what_goes_and_what_comes() {
        let fields = |genre: &[&str], mood: &[&str]| Fields {
            genre: genre.iter().map(|&word| word.into()).collect(),
            mood: mood.iter().map(|&word| word.into()).collect(),
        };
        let change = Change {
            path: "a.mp3".into(),
            before: fields(&["Rock", "Pop"], &["Sad"]),
            after: fields(&["Rock", "Jazz"], &["Sad"]),
        };
        assert_eq!(change.text(), "a.mp3\n  - genre  Pop\n    genre  Rock\n  + genre  Jazz\n");
    }
}
