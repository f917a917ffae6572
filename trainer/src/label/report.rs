//! `labels.json`: whose labels these are, and of what.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LabelError, TeacherId};
use crate::corpus::{CorpusSpec, Problem, Split};
use crate::files::write_atomically;

/// Files per split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Weights are fitted to these.
    pub train: usize,
    /// When to stop is chosen on these.
    pub validation: usize,
    /// Results are reported on these.
    pub test: usize,
}

impl SplitCounts {
    pub(super) fn add(&mut self, split: Split) {
        match split {
            Split::Train => self.train += 1,
            Split::Validation => self.validation += 1,
            Split::Test => self.test += 1,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReport {
    /// Who labelled.
    pub teacher: TeacherId,
    /// The corpora, also those of earlier runs, in the order in which they came.
    pub corpora: Vec<String>,
    /// Files with labels; 0 when interrupted, for then nothing was counted.
    pub files: usize,
    /// Rows.
    pub windows: usize,
    /// Files per split.
    pub splits: SplitCounts,
    /// Files labelled by this run.
    pub labelled_now: usize,
    /// Files of this run of which only the first half hour was heard, as their corpora call them.
    pub shortened: Vec<String>,
    /// Files that were left out, and why.
    pub problems: Vec<Problem>,
    /// True when files are left to label; the same call goes on.
    pub interrupted: bool,
}

/// The report as it lies beside the labels. Nothing in it tells one way of coming to the same labels from another.
#[derive(Deserialize, Serialize)]
pub(super) struct ReportFile {
    format: u32,
    pub teacher: TeacherId,
    pub corpora: Vec<String>,
    files: usize,
    windows: usize,
    splits: SplitCounts,
    problems: Vec<ProblemLine>,
}

#[derive(Deserialize, Serialize)]
struct ProblemLine {
    path: String,
    reason: String,
}

impl ReportFile {
    /// The report at `path`; `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, LabelError> {
        match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LabelError::Io { path: path.into(), source }),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| LabelError::Damaged {
                path: path.into(),
                reason: format!("it does not say whose labels lie beside it: {error}"),
            }),
        }
    }
}

impl LabelReport {
    pub(super) fn new(teacher: &TeacherId, before: Vec<String>, corpora: &[CorpusSpec]) -> Self {
        let mut names = before;
        for corpus in corpora {
            let name = corpus.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self {
            teacher: teacher.clone(),
            corpora: names,
            files: 0,
            windows: 0,
            splits: SplitCounts::default(),
            labelled_now: 0,
            shortened: Vec::new(),
            problems: Vec::new(),
            interrupted: false,
        }
    }

    fn as_file(&self) -> ReportFile {
        let line =
            |problem: &Problem| ProblemLine { path: problem.id.clone(), reason: problem.reason.clone() };
        ReportFile {
            format: 1,
            teacher: self.teacher.clone(),
            corpora: self.corpora.clone(),
            files: self.files,
            windows: self.windows,
            splits: self.splits,
            problems: self.problems.iter().map(line).collect(),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), LabelError> {
        let mut text = serde_json::to_vec_pretty(&self.as_file())
            .map_err(|error| LabelError::Io { path: path.into(), source: error.into() })?;
        text.push(b'\n');
        write_atomically(path, &text).map_err(LabelError::io(path))
    }

    /// What `labels.json` holds and, of this run alone, `labelled_now`, `shortened` and `interrupted`.
    ///
    /// # Errors
    /// When a number has no form in JSON.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        let mut value = serde_json::to_value(self.as_file())?;
        value["labelled_now"] = self.labelled_now.into();
        value["shortened"] = self.shortened.clone().into();
        value["interrupted"] = self.interrupted.into();
        Ok(value)
    }
}
