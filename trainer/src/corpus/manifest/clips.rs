//! From the rows of a manifest to clips: one row for a whole file, or one for each window of it.

use std::path::{Component, Path, PathBuf};

use super::{Builder, FileRows, Row, WindowRow};
use crate::corpus::{Clip, ClipSource, CorpusError, LabelWindow, Listing};

impl Builder<'_> {
    /// Takes a row to its file.
    pub(super) fn push(&mut self, mut row: Row) -> Result<(), CorpusError> {
        if row.path.trim().is_empty() {
            return Err(self.line_error(row.line, "the path is empty"));
        }
        // "./a.mp3" and "a.mp3" are the same file.
        let plain = Path::new(&row.path).components().filter(|part| *part != Component::CurDir);
        let key = plain.collect::<PathBuf>().to_string_lossy().into_owned();
        let window = self.window(&mut row)?;
        let Some(&place) = self.places.get(&key) else {
            self.places.insert(key, self.files.len());
            self.files.push(FileRows { first: row, windows: window.into_iter().collect() });
            return Ok(());
        };
        let (windowed, first) = (!self.files[place].windows.is_empty(), &self.files[place].first);
        let window = match window {
            Some(window) if windowed => window,
            None if !windowed => {
                let (path, line, first) = (self.manifest.into(), row.line, first.line);
                return Err(CorpusError::Duplicate { path, line, first, clip: row.path });
            }
            _ => {
                let reason = format!(
                    "{:?} is labelled as a whole and by windows (with and without `start`; see line {})",
                    row.path, first.line
                );
                return Err(self.line_error(row.line, reason));
            }
        };
        let same = [
            ("split", row.split == first.split),
            ("artist", row.artist == first.artist),
            ("album", row.album == first.album),
        ];
        if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
            let reason = format!("the {what} of {:?} is another one than on line {}", row.path, first.line);
            return Err(self.line_error(row.line, reason));
        }
        self.files[place].windows.push(window);
        Ok(())
    }

    /// Numbers the row's named tags, and gives its window if it speaks of one.
    fn window(&mut self, row: &mut Row) -> Result<Option<WindowRow>, CorpusError> {
        let numbers = |builder: &mut Self, names: &Vec<String>| -> Vec<usize> {
            names.iter().map(|name| builder.tag(name)).collect()
        };
        let named = row.named.as_ref().map(|names| numbers(self, names));
        let Some(start) = row.start else { return Ok(None) };
        let seconds = self.seconds(row.line, "seconds", &row.seconds)?.filter(|&seconds| seconds > 0.0);
        let seconds = seconds.ok_or_else(|| {
            self.line_error(row.line, "a row with a `start` needs its length in `seconds`, above 0")
        })?;
        let valued = std::mem::take(&mut row.valued);
        Ok(Some(WindowRow { line: row.line, start, seconds, named, valued }))
    }

    /// The clips, in the order of their first rows.
    pub(super) fn finish(mut self) -> Result<Listing, CorpusError> {
        let files = std::mem::take(&mut self.files);
        let clips: Vec<Clip> = files.into_iter().map(|file| self.clip(file)).collect::<Result<_, _>>()?;
        let any = |kind: &str| {
            clips.iter().any(|clip| clip.group.as_ref().is_some_and(|group| group.starts_with(kind)))
        };
        let grouped_by = match (any("artist "), any("album ")) {
            (true, true) => "artist, else album",
            (true, false) => "artist",
            _ => "album",
        };
        Ok(Listing { tags: self.tags, clips, problems: Vec::new(), grouped_by, split_rule: None })
    }

    fn clip(&self, file: FileRows) -> Result<Clip, CorpusError> {
        let FileRows { first: row, mut windows } = file;
        windows.sort_by(|a, b| a.start.total_cmp(&b.start));
        if let Some(pair) = windows.windows(2).find(|pair| pair[0].start == pair[1].start) {
            let (line, first) = (pair[0].line.max(pair[1].line), pair[0].line.min(pair[1].line));
            let clip = format!("{} from {} s on", row.path, pair[0].start);
            return Err(CorpusError::Duplicate { path: self.manifest.into(), line, first, clip });
        }
        let windows: Vec<LabelWindow> = windows
            .into_iter()
            .map(|window| LabelWindow {
                start_seconds: window.start,
                seconds: window.seconds,
                labels: self.labels(window.named.as_deref(), &window.valued),
            })
            .collect();
        let labels = if windows.is_empty() {
            let named = row
                .named
                .as_ref()
                .map(|names| names.iter().map(|name| self.numbers[&name.to_lowercase()]).collect::<Vec<_>>());
            self.labels(named.as_deref(), &row.valued)
        } else {
            mean(&windows, self.tags.len())
        };
        let known = |name: &str| Some(name.trim().to_lowercase()).filter(|name| !name.is_empty());
        let (artist, album) = (known(&row.artist), known(&row.album));
        let group = artist.as_ref().map(|artist| format!("artist {artist}"));
        let group = group.or_else(|| album.as_ref().map(|album| format!("album {album}")));
        // Artists have albums of the same name.
        let album = album.map(|album| format!("{}: {album}", artist.unwrap_or_default()));
        let source = ClipSource::File(self.base.join(&row.path));
        Ok(Clip { id: row.path, source, group, album, split: row.split, labels, windows })
    }

    /// One label per tag.
    fn labels(&self, named: Option<&[usize]>, valued: &[(usize, f32)]) -> Vec<f32> {
        let mut labels = vec![f32::NAN; self.tags.len()];
        if self.by_name {
            if let Some(named) = named {
                labels.fill(0.0);
                named.iter().for_each(|&tag| labels[tag] = 1.0);
            }
        } else {
            valued.iter().for_each(|&(tag, value)| labels[tag] = value);
        }
        labels
    }
}

/// The mean of each tag over the windows that are labelled for it.
fn mean(windows: &[LabelWindow], tags: usize) -> Vec<f32> {
    let of = |tag: usize| {
        let labels =
            windows.iter().map(|window| f64::from(window.labels[tag])).filter(|label| !label.is_nan());
        let (sum, count) = labels.fold((0.0, 0u32), |(sum, count), label| (sum + label, count + 1));
        if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 }
    };
    (0..tags).map(of).collect()
}
