//! `manifest:FILE`: a CSV or a file of JSON lines that lists audio files and their labels.
//!
//! Both are read into rows of text or numbers; what a column means is decided once, in `Builder`.

mod clips;
mod csv_rows;
mod json_rows;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{CorpusError, Listing, Split};

/// Columns that describe a clip and are no tags.
const NOTES: [&str; 8] = ["title", "recipe", "duration", "licence", "license", "source", "id", "comment"];

pub(super) fn list(path: &Path) -> Result<Listing, CorpusError> {
    let bytes = std::fs::read(path).map_err(|source| CorpusError::Read { path: path.into(), source })?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let json_name = path.extension().is_some_and(|ending| {
        ["jsonl", "ndjson", "json"].iter().any(|json| ending.eq_ignore_ascii_case(json))
    });
    let json_start = bytes.trim_ascii_start().first() == Some(&b'{');
    let mut builder = Builder::new(path);
    if json_name || json_start {
        json_rows::read(bytes, &mut builder)?
    } else {
        csv_rows::read(bytes, &mut builder)?
    }
    builder.finish()
}

/// What a column is, found by its name without regard to case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Path,
    Split,
    Artist,
    Album,
    Tags,
    Start,
    Seconds,
    Note,
    Label,
}

impl Role {
    fn of(name: &str) -> Self {
        match name.to_lowercase().as_str() {
            "path" | "file" => Self::Path,
            "split" => Self::Split,
            "artist" => Self::Artist,
            "album" => Self::Album,
            "tags" => Self::Tags,
            "start" => Self::Start,
            "seconds" => Self::Seconds,
            name if NOTES.contains(&name) => Self::Note,
            _ => Self::Label,
        }
    }
}

/// Whether a column of this name holds a tag's labels, and nothing else.
pub(crate) fn is_tag_column(name: &str) -> bool {
    Role::of(name.trim()) == Role::Label
}

/// One line of a manifest before its tags are numbered.
#[derive(Default)]
struct Row {
    line: u64,
    path: String,
    split: Option<Split>,
    artist: String,
    album: String,
    /// Second of the file that the row's window begins at; none where the row speaks of the whole file.
    start: Option<f32>,
    /// How long the window is, as written.
    seconds: String,
    /// Names from a `tags` cell; none when the line does not say.
    named: Option<Vec<String>>,
    /// Values of tag columns: (number of the tag, label).
    valued: Vec<(usize, f32)>,
}

/// Gathers rows into clips.
struct Builder<'a> {
    manifest: &'a Path,
    base: PathBuf,
    /// Lower-case name to number.
    numbers: HashMap<String, usize>,
    tags: Vec<String>,
    /// Whether labels come from a `tags` column; other columns are notes then.
    by_name: bool,
    files: Vec<FileRows>,
    /// Path to number in `files`.
    places: HashMap<String, usize>,
}

/// The rows of one file: one for all of it, or one for each window.
struct FileRows {
    first: Row,
    windows: Vec<WindowRow>,
}

/// A row that speaks of a window.
struct WindowRow {
    line: u64,
    start: f32,
    seconds: f32,
    named: Option<Vec<usize>>,
    valued: Vec<(usize, f32)>,
}

impl<'a> Builder<'a> {
    fn new(manifest: &'a Path) -> Self {
        Self {
            manifest,
            base: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
            numbers: HashMap::new(),
            tags: Vec::new(),
            by_name: false,
            files: Vec::new(),
            places: HashMap::new(),
        }
    }

    fn line_error(&self, line: u64, reason: impl Into<String>) -> CorpusError {
        CorpusError::Line { path: self.manifest.into(), line, reason: reason.into() }
    }

    fn value_error(
        &self,
        line: u64,
        column: &str,
        value: impl Into<String>,
        expected: &'static str,
    ) -> CorpusError {
        CorpusError::Value {
            path: self.manifest.into(),
            line,
            column: column.into(),
            value: value.into(),
            expected,
        }
    }

    fn split(&self, line: u64, column: &str, value: &str) -> Result<Option<Split>, CorpusError> {
        match value.trim().to_lowercase().as_str() {
            "" => Ok(None),
            "train" | "training" => Ok(Some(Split::Train)),
            "valid" | "validation" | "val" | "dev" => Ok(Some(Split::Validation)),
            "test" | "testing" => Ok(Some(Split::Test)),
            _ => Err(self.value_error(line, column, value, "train, validation or test")),
        }
    }

    /// The number of a tag, which is new or known in another case.
    fn tag(&mut self, name: &str) -> usize {
        *self.numbers.entry(name.to_lowercase()).or_insert_with(|| {
            self.tags.push(name.into());
            self.tags.len() - 1
        })
    }

    /// Seconds in a cell; none where it is empty.
    fn seconds(&self, line: u64, column: &str, cell: &str) -> Result<Option<f32>, CorpusError> {
        if cell.trim().is_empty() {
            return Ok(None);
        }
        let value = cell.trim().parse().ok().filter(|seconds: &f32| (0.0..1e7).contains(seconds));
        let wrong = || self.value_error(line, column, cell, "seconds, 0 or more");
        value.ok_or_else(wrong).map(Some)
    }
}

/// Tags in one cell, separated by `;` or `|`.
fn tag_names(cell: &str) -> Vec<String> {
    cell.split([';', '|']).map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}
