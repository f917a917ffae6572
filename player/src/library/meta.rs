//! Who made a song, as its file's own tags say.

use lofty::prelude::*;
use std::path::Path;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Title of the song.
    pub title: Option<String>,
    /// Its artist.
    pub artist: Option<String>,
    /// Its album.
    pub album: Option<String>,
    /// Genres, apart.
    pub genres: Vec<String>,
    /// Moods, apart.
    pub moods: Vec<String>,
    /// Year.
    pub year: Option<i64>,
}

impl Meta {
    /// Reads a file's tags: nothing where it has none, or none that can be read. Decoding says what is wrong with it.
    pub fn read(path: &Path) -> Self {
        // A panic over a damaged file must not end a scan.
        std::panic::catch_unwind(|| read(path)).ok().flatten().unwrap_or_default()
    }

    /// "artist - title", or the file's name where it does not say.
    pub fn name(&self, path: &Path) -> String {
        match (&self.artist, &self.title) {
            (Some(artist), Some(title)) => format!("{artist} - {title}"),
            _ => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }
}

fn read(path: &Path) -> Option<Meta> {
    let options = lofty::config::ParseOptions::new()
        .read_properties(false)
        .read_cover_art(false)
        .parsing_mode(lofty::config::ParsingMode::Relaxed);
    let file = lofty::probe::Probe::open(path).ok()?.guess_file_type().ok()?.options(options).read().ok()?;
    let mut meta = Meta::default();
    // A file may have several kinds of tags: the first that says something.
    for tag in file.primary_tag().into_iter().chain(file.tags()) {
        let text = |value: Option<std::borrow::Cow<'_, str>>| {
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let words = |key| tag.get_strings(key).map(str::to_owned).collect::<Vec<_>>();
        meta.title = meta.title.or_else(|| text(tag.title()));
        meta.artist = meta.artist.or_else(|| text(tag.artist()));
        meta.album = meta.album.or_else(|| text(tag.album()));
        meta.year = meta.year.or_else(|| tag.date().map(|date| date.year.into()));
        if meta.genres.is_empty() {
            meta.genres = words(ItemKey::Genre);
        }
        if meta.moods.is_empty() {
            meta.moods = words(ItemKey::Mood);
        }
    }
    Some(meta)
}
