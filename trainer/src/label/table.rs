//! `labels.csv`: a row per file and window.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use super::list::ListedFile;
use super::part::{Line, Part};
use super::report::ReportFile;
use super::{LabelError, LabelReport, Teacher, TeacherId};
use crate::corpus::Split;
use crate::files::write_atomically_with;

/// Columns before the tags'.
const COLUMNS: [&str; 5] = ["path", "start", "seconds", "split", "artist"];

/// The CSV to write, for this teacher.
pub(super) struct Table<'t> {
    path: PathBuf,
    teacher: &'t TeacherId,
    /// Its folder, absolute and without dots.
    folder: PathBuf,
    /// The same without links, where it exists.
    real_folder: Option<PathBuf>,
}

/// A file that the CSV had, and whose it is.
pub(super) struct Earlier {
    path: String,
    split: Split,
    artist: String,
}

impl<'t> Table<'t> {
    pub fn new(path: &Path, teacher: &'t TeacherId) -> Result<Self, LabelError> {
        if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("csv")) {
            return Err(LabelError::OutName { path: path.into() });
        }
        let folder = plain(path).map_err(LabelError::io(path))?;
        let folder = folder.parent().map(Path::to_path_buf).unwrap_or(folder);
        let real_folder = folder.canonicalize().ok();
        Ok(Self { path: path.into(), teacher, folder, real_folder })
    }

    /// Where the files labelled so far are kept.
    pub fn part_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".part");
        name.into()
    }

    /// Where the report goes.
    pub fn report_path(&self) -> PathBuf {
        self.path.with_extension("json")
    }

    /// The path of an audio file as the CSV has it: relative to the CSV's folder where it is below it, else absolute.
    /// `None` when it is no UTF-8.
    pub fn written_path(&self, file: &Path) -> Option<String> {
        let file = plain(file).ok()?;
        if let Ok(below) = file.strip_prefix(&self.folder) {
            let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
            return Some(parts?.join("/"));
        }
        // The folder may be reached through a link by one of both.
        let real = file.parent().and_then(|parent| parent.canonicalize().ok());
        let real = real.zip(file.file_name()).map(|(parent, name)| parent.join(name));
        if let (Some(real), Some(folder)) = (real, &self.real_folder)
            && let Ok(below) = real.strip_prefix(folder)
        {
            let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
            return Some(parts?.join("/"));
        }
        file.to_str().map(String::from)
    }

    /// Deletes labels, report and part.
    pub fn remove_all(&self) -> Result<(), LabelError> {
        for path in [self.path.clone(), self.report_path(), self.part_path()] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LabelError::Io { path, source: error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The corpora of labels that are there, by the report beside them; refuses those of another teacher.
    pub fn known_teacher(&self, no_part: bool) -> Result<Vec<String>, LabelError> {
        let report = ReportFile::read(&self.report_path())?;
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        match report {
            Some(report) if report.teacher.is_same(self.teacher) => Ok(report.corpora),
            Some(report) => Err(LabelError::OtherTeacher {
                path: self.path.clone(),
                theirs: report.teacher.short(),
                ours: self.teacher.short(),
            }),
            // A run that ended between labels and report left the part, which says whose they are.
            None if !no_part => Ok(Vec::new()),
            None => Err(LabelError::UnknownTeacher { path: self.path.clone(), report: self.report_path() }),
        }
    }

    /// Puts the rows of the CSV, if there is one, into the part, and lists its files in their order.
    pub fn read_into(&self, part: &mut Part) -> Result<Vec<Earlier>, LabelError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file.map_err(LabelError::io(&self.path))?,
        };
        let damaged = |reason: String| LabelError::Damaged { path: self.path.clone(), reason };
        let mut reader = csv::Reader::from_reader(file);
        let failed = |error: csv::Error| damaged(error.to_string());
        let header = reader.headers().map_err(failed)?;
        if !header.iter().eq(self.header()) {
            return Err(damaged("its columns are not those of this teacher's labels".into()));
        }
        let (mut earlier, mut seen) = (Vec::<Earlier>::new(), HashSet::new());
        let mut rows = String::new();
        let mut flush = |file: Option<&Earlier>, rows: &mut String| -> Result<(), LabelError> {
            let rows = std::mem::take(rows);
            match file {
                Some(file) if !part.holds(&file.path) => {
                    part.append(&Line { path: file.path.clone(), rows, shortened: false })
                }
                _ => Ok(()),
            }
        };
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let path = &record[0];
            if earlier.last().is_none_or(|last| last.path != path) {
                flush(earlier.last(), &mut rows)?;
                if !seen.insert(path.to_owned()) {
                    return Err(damaged(format!("the rows of {path:?} do not stand together")));
                }
                let split = match &record[3] {
                    "train" => Split::Train,
                    "validation" => Split::Validation,
                    "test" => Split::Test,
                    other => return Err(damaged(format!("{other:?} is no split"))),
                };
                earlier.push(Earlier { path: path.into(), split, artist: record[4].into() });
            }
            if !rows.is_empty() {
                rows.push('\n');
            }
            let numbers: Vec<&str> = record.iter().skip(1).take(2).chain(record.iter().skip(5)).collect();
            rows.push_str(&numbers.join(","));
        }
        flush(earlier.last(), &mut rows)?;
        Ok(earlier)
    }

    /// Writes the CSV: files of before that are not listed now, in their order, then those that are listed. Counts
    /// them in the report.
    pub fn write(
        &self,
        part: &mut Part,
        earlier: &[Earlier],
        files: &[ListedFile],
        report: &mut LabelReport,
    ) -> Result<(), LabelError> {
        let listed: HashSet<&str> = files.iter().map(|file| &*file.written).collect();
        let gone = earlier.iter().filter(|file| !listed.contains(&*file.path));
        let gone = gone.map(|file| (&*file.path, file.split, &*file.artist));
        let all = gone.chain(files.iter().map(|file| (&*file.written, file.split, &*file.artist)));
        let all: Vec<_> = all.filter(|(path, ..)| part.holds(path)).collect();
        if all.is_empty() {
            let first = report.problems.first();
            let first = first.map_or_else(|| "no files".into(), |p| format!("{}: {}", p.id, p.reason));
            return Err(LabelError::NothingLabelled { problems: report.problems.len(), first });
        }
        let mut failed = None;
        let written = write_atomically_with(&self.path, |file| {
            let mut writer = csv::Writer::from_writer(file);
            writer.write_record(self.header())?;
            for &(path, split, artist) in &all {
                let line = match part.read(path) {
                    Ok(line) => line,
                    Err(error) => {
                        failed = Some(error);
                        return Err(std::io::Error::other("its rows cannot be read"));
                    }
                };
                report.files += 1;
                report.splits.add(split);
                for row in line.iter().flat_map(|line| line.rows.split('\n')) {
                    let mut numbers = row.split(',');
                    let time = numbers.by_ref().take(2).collect::<Vec<_>>();
                    let cells = [path].into_iter().chain(time).chain([split_name(split), artist]);
                    writer.write_record(cells.chain(numbers))?;
                    report.windows += 1;
                }
            }
            writer.flush()
        });
        match failed {
            Some(error) => Err(error),
            None => written.map_err(LabelError::io(&self.path)),
        }
    }

    fn header(&self) -> impl Iterator<Item = &str> {
        COLUMNS.into_iter().chain(self.teacher.tags.iter().map(String::as_str))
    }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// The path from the root, without `.` and `..`. Links are not followed: a corpus may be made of links.
fn plain(path: &Path) -> std::io::Result<PathBuf> {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    Ok(plain)
}

/// The rows of a file from its probabilities `[windows, tags]`, of all that the network has: lines
/// `start,seconds,p,p,...`.
pub(super) fn rows(probabilities: &[f32], teacher: &Teacher) -> String {
    let mut text = String::with_capacity(probabilities.len() * 8);
    let (id, tags) = (teacher.id(), teacher.tagger().tags().len());
    let seconds = time(id.window_seconds);
    for (window, row) in probabilities.chunks_exact(tags.max(1)).enumerate() {
        if window > 0 {
            text.push('\n');
        }
        text.push_str(&time(window as f64 * id.hop_seconds));
        text.push(',');
        text.push_str(&seconds);
        for p in teacher.says(row) {
            text.push(',');
            text.push_str(&four_digits(p));
        }
    }
    text
}

/// Seconds to the microsecond.
fn time(seconds: f64) -> String {
    format!("{}", (seconds * 1e6).round() / 1e6)
}

/// Four significant digits: losses work on logits, where 0.0001 and 0.0002 are as far apart as 0.3 and 0.46.
fn four_digits(p: f32) -> String {
    if p == 0.0 {
        return "0".into();
    }
    if p < 1e-4 {
        return format!("{p:.3e}");
    }
    let before = -(f64::from(p).log10().floor() as i32);
    format!("{p:.*}", (3 + before).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_keep_four_digits_at_any_size() {
        for (p, text) in [
            (0.0, "0"),
            (1.0, "1.000"),
            (0.5, "0.5000"),
            (0.123_456, "0.1235"),
            (0.012_344, "0.01234"),
            (0.000_123_44, "0.0001234"),
            (0.000_012_344, "1.234e-5"),
            (3e-20, "3.000e-20"),
            (0.999_96, "1.0000"),
        ] {
            assert_eq!(four_digits(p), text);
            let read: f32 = text.parse().unwrap();
            assert!((read - p).abs() <= 0.000_51 * p && (0.0..=1.0).contains(&read), "{p} {read}");
        }
    }

    #[test]
    fn times_are_to_the_microsecond() {
        assert_eq!(time(2.992), "2.992");
        assert_eq!(time(7.0 * 2.992), "20.944");
        assert_eq!(time(256.0 / 44_100.0), "0.005805");
        assert_eq!(time(0.0), "0");
    }

    #[test]
    fn paths_below_the_folder_are_relative() {
        let id = TeacherId {
            name: String::new(),
            sha256: String::new(),
            window_seconds: 1.0,
            hop_seconds: 1.0,
            tags: vec![],
            input: serde_json::Value::Null,
            front_end: serde_json::Value::Null,
        };
        let table = Table::new(Path::new("some/labels.csv"), &id).unwrap();
        let written = |path: &str| table.written_path(Path::new(path)).unwrap();
        assert_eq!(written("some/a/./b.wav"), "a/b.wav");
        assert_eq!(written("some/../some/b.wav"), "b.wav");
        let outside = written("other/b.wav");
        assert!(Path::new(&outside).is_absolute() && outside.ends_with("b.wav"));
        assert_eq!(table.part_path(), Path::new("some/labels.csv.part"));
        assert_eq!(table.report_path(), Path::new("some/labels.json"));
        assert!(matches!(Table::new(Path::new("labels.json"), &id), Err(LabelError::OutName { .. })));
    }
}
