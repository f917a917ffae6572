//! `labels.csv.part`: the files labelled so far.
//!
//! A line of JSON says whose labels these are, then each line holds one file. A line is written at once, and one that
//! is torn or does not parse is cut off with what follows it, so only whole files count.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{LabelError, TeacherId};

/// How much work a power failure may cost. Killing the process costs none that is written.
const SYNC_EVERY: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct Header {
    /// Version of this layout.
    part: u32,
    teacher: TeacherId,
}

/// One file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// As in the CSV.
    pub path: String,
    /// Lines `start,seconds,p,p,...`, one per window, separated by line breaks.
    pub rows: String,
    /// Only its beginning was heard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
}

/// The open file, locked against other processes while it lives.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    /// Where the line of each file begins.
    lines: HashMap<String, u64>,
    end: u64,
    is_new: bool,
    synced: Instant,
}

impl Part {
    /// Opens what an interrupted run left, or begins anew.
    pub fn open(path: &Path, teacher: &TeacherId) -> Result<Self, LabelError> {
        let failed = |source| LabelError::Io { path: path.into(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let options = || File::options().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = options().map_err(failed)?;
        if file.try_lock().is_err() {
            return Err(LabelError::Locked { path: path.into() });
        }
        let (mut lines, mut end, mut text) = (HashMap::new(), 0, Vec::new());
        let mut reader = BufReader::with_capacity(1 << 16, &mut file);
        let mut next = |text: &mut Vec<u8>| -> Result<bool, LabelError> {
            text.clear();
            reader.read_until(b'\n', text).map_err(failed)?;
            Ok(text.ends_with(b"\n"))
        };
        let mut is_new = true;
        if next(&mut text)? {
            let header: Header = serde_json::from_slice(&text).map_err(|error| LabelError::Damaged {
                path: path.into(),
                reason: format!("it does not say whose labels it holds ({error}); delete it to begin anew"),
            })?;
            if !header.teacher.is_same(teacher) {
                let (theirs, ours) = (header.teacher.short(), teacher.short());
                return Err(LabelError::OtherTeacher { path: path.into(), theirs, ours });
            }
            (is_new, end) = (false, text.len() as u64);
            while next(&mut text)? {
                let Ok(line) = serde_json::from_slice::<Line>(&text) else { break };
                lines.insert(line.path, end);
                end += text.len() as u64;
            }
        }
        file.set_len(end).map_err(failed)?;
        file.seek(SeekFrom::Start(end)).map_err(failed)?;
        let mut part = Self { path: path.into(), file, lines, end, is_new, synced: Instant::now() };
        if is_new {
            part.write_line(&Header { part: 1, teacher: teacher.clone() })?;
        }
        Ok(part)
    }

    /// Whether there was none.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether it holds the labels of this file.
    pub fn holds(&self, written: &str) -> bool {
        self.lines.contains_key(written)
    }

    /// Adds a file.
    pub fn append(&mut self, line: &Line) -> Result<(), LabelError> {
        let start = self.end;
        self.write_line(line)?;
        self.lines.insert(line.path.clone(), start);
        if self.synced.elapsed() > SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Brings all to the disk.
    pub fn sync(&mut self) -> Result<(), LabelError> {
        self.synced = Instant::now();
        self.file.sync_data().map_err(LabelError::io(&self.path))
    }

    /// The labels of a file, if it is here.
    pub fn read(&mut self, written: &str) -> Result<Option<Line>, LabelError> {
        let Some(&start) = self.lines.get(written) else { return Ok(None) };
        let failed = |source| LabelError::Io { path: self.path.clone(), source };
        self.file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut text = Vec::new();
        let mut reader = BufReader::new(Read::take(&mut self.file, self.end - start));
        reader.read_until(b'\n', &mut text).map_err(failed)?;
        let damaged = |error: serde_json::Error| LabelError::Damaged {
            path: self.path.clone(),
            reason: format!("it changed while it was used: {error}"),
        };
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Deletes the file.
    pub fn remove(self) -> Result<(), LabelError> {
        std::fs::remove_file(&self.path).map_err(LabelError::io(&self.path))
    }

    fn write_line(&mut self, line: &impl Serialize) -> Result<(), LabelError> {
        let failed = |source| LabelError::Io { path: self.path.clone(), source };
        let mut text = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(failed)?;
        self.end += text.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teacher(sha256: &str) -> TeacherId {
        TeacherId {
            name: "t".into(),
            sha256: sha256.into(),
            window_seconds: 0.1 + 0.2,
            hop_seconds: 2.992,
            tags: vec!["a".into()],
            input: serde_json::json!({"frames": 187}),
            front_end: serde_json::Value::Null,
        }
    }

    fn line(path: &str) -> Line {
        Line { path: path.into(), rows: "0,2.992,0.5\n2.992,2.992,1".into(), shortened: false }
    }

    #[test]
    fn a_torn_end_is_cut_off_and_whole_lines_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv.part");
        let mut part = Part::open(&path, &teacher("00")).unwrap();
        assert!(part.is_new());
        part.append(&line("one.wav")).unwrap();
        part.append(&line("two, \"2\".wav")).unwrap();
        drop(part);
        let whole = std::fs::read(&path).unwrap();
        let torn = [&whole[..], br#"{"path":"three.wav","rows":"0,2.9"#].concat();
        for (bytes, held) in [(&whole[..], true), (&torn, true), (&whole[..whole.len() - 1], false)] {
            std::fs::write(&path, bytes).unwrap();
            let mut part = Part::open(&path, &teacher("00")).unwrap();
            assert!(!part.is_new() && part.holds("one.wav") && !part.holds("three.wav"));
            assert_eq!(part.read("two, \"2\".wav").unwrap().is_some(), held);
            part.append(&line("four.wav")).unwrap();
            assert_eq!(part.read("four.wav").unwrap(), Some(line("four.wav")));
            assert_eq!(part.read("one.wav").unwrap(), Some(line("one.wav")));
        }
    }

    #[test]
    fn another_teacher_and_another_process_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv.part");
        let part = Part::open(&path, &teacher("00")).unwrap();
        assert!(matches!(Part::open(&path, &teacher("00")), Err(LabelError::Locked { .. })));
        drop(part);
        assert!(matches!(Part::open(&path, &teacher("01")), Err(LabelError::OtherTeacher { .. })));
        std::fs::write(&path, "something\n").unwrap();
        assert!(matches!(Part::open(&path, &teacher("00")), Err(LabelError::Damaged { .. })));
        // A run that ended within the first line had labelled nothing.
        std::fs::write(&path, "{\"part\":1,").unwrap();
        assert!(Part::open(&path, &teacher("00")).unwrap().is_new());
    }
}
