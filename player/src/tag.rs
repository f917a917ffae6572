//! Tagging of audio files.

use crate::hear::{Heard, hear};
use crate::report::{Report, TagLine};
use runtime::tagger::{SongTags, Tagger};
use std::path::Path;

/// Decodes and tags a file.
///
/// # Errors
/// Why it has no tags, without the file's name.
pub fn tag_song(tagger: &Tagger, path: &Path) -> Result<Heard, String> {
    if path.is_dir() {
        return Err("is a folder; name the files in it".into());
    }
    hear(tagger, path).map_err(|error| error.reason(path))
}

/// What is said about a song that was tagged.
pub fn report(path: &Path, song: &SongTags, top: usize) -> Report {
    let ranked = song.ranked().into_iter().take(top);
    let tags = ranked.map(|score| TagLine { tag: score.tag.into(), p: score.p }).collect();
    Report::Song { path: path.display().to_string(), seconds: song.seconds, windows: song.windows, tags }
}
