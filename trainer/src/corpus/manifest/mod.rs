//! `manifest:FILE`: a CSV or a file of JSON lines that lists audio files and their labels.
//!
//! Both are read into rows of text or numbers; what a column means is decided once, in `Builder`.

mod csv_rows;
mod json_rows;

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::{Clip, ClipSource, CorpusError, Listing, Split};

/// Columns that describe a clip and are no tags.
const NOTES: [&str; 9] =
    ["title", "seconds", "duration", "licence", "license", "source", "recipe", "id", "comment"];

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
    Ok(builder.finish())
}

/// What a column is, found by its name without regard to case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Path,
    Split,
    Artist,
    Album,
    Tags,
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
            name if NOTES.contains(&name) => Self::Note,
            _ => Self::Label,
        }
    }
}

/// One line of a manifest before its tags are numbered.
#[derive(Default)]
struct Row {
    line: u64,
    path: String,
    split: Option<Split>,
    artist: String,
    album: String,
    /// Names from a `tags` cell; none when the line does not say.
    named: Option<Vec<String>>,
    /// Values of tag columns: (tag, label).
    valued: Vec<(String, f32)>,
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
    rows: Vec<Row>,
    lines: HashMap<String, u64>,
}

impl<'a> Builder<'a> {
    fn new(manifest: &'a Path) -> Self {
        Self {
            manifest,
            base: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
            numbers: HashMap::new(),
            tags: Vec::new(),
            by_name: false,
            rows: Vec::new(),
            lines: HashMap::new(),
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

    fn push(&mut self, row: Row) -> Result<(), CorpusError> {
        if row.path.trim().is_empty() {
            return Err(self.line_error(row.line, "the path is empty"));
        }
        // "./a.mp3" and "a.mp3" are the same file.
        let plain = Path::new(&row.path).components().filter(|part| *part != Component::CurDir);
        let key = plain.collect::<PathBuf>().to_string_lossy().into_owned();
        if let Some(first) = self.lines.insert(key, row.line) {
            let (path, line) = (self.manifest.into(), row.line);
            return Err(CorpusError::Duplicate { path, line, first, clip: row.path });
        }
        if let Some(names) = &row.named {
            for name in names {
                self.tag(name);
            }
        }
        self.rows.push(row);
        Ok(())
    }

    fn finish(mut self) -> Listing {
        let rows = std::mem::take(&mut self.rows);
        if !self.by_name {
            // JSON lines may bring a new tag on any line.
            for (tag, _) in rows.iter().flat_map(|row| &row.valued) {
                self.tag(tag);
            }
        }
        let clips = rows.into_iter().map(|row| {
            let mut labels = vec![f32::NAN; self.tags.len()];
            if self.by_name {
                if let Some(names) = &row.named {
                    labels.fill(0.0);
                    names.iter().for_each(|name| labels[self.numbers[&name.to_lowercase()]] = 1.0);
                }
            } else {
                row.valued.iter().for_each(|(tag, value)| labels[self.numbers[&tag.to_lowercase()]] = *value);
            }
            let known = |name: &str| Some(name.trim().to_lowercase()).filter(|name| !name.is_empty());
            let group = known(&row.artist).map(|artist| format!("artist {artist}"));
            let group = group.or_else(|| known(&row.album).map(|album| format!("album {album}")));
            let source = ClipSource::File(self.base.join(&row.path));
            Clip { id: row.path, source, group, split: row.split, labels }
        });
        let clips: Vec<_> = clips.collect();
        let any = |kind: &str| {
            clips.iter().any(|clip| clip.group.as_ref().is_some_and(|group| group.starts_with(kind)))
        };
        let grouped_by = match (any("artist "), any("album ")) {
            (true, true) => "artist, else album",
            (true, false) => "artist",
            _ => "album",
        };
        Listing { tags: self.tags, clips, problems: Vec::new(), grouped_by }
    }
}

/// Tags in one cell, separated by `;` or `|`.
fn tag_names(cell: &str) -> Vec<String> {
    cell.split([';', '|']).map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}
