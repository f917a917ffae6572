//! `trainer label`: what a teacher hears in every window of every file of some corpora, as a manifest of soft labels.
//!
//! A file is the unit of work: decoded, turned into the teacher's own frames and tagged window by window, by one of
//! several jobs, then appended as one line to `labels.csv.part`. Whatever moment a run is interrupted at, the next one
//! finds whole files there and labels the rest. At the end the lines become `labels.csv`, in the order of the corpora,
//! so that neither the number of jobs nor an interruption shows in it.

mod error;
mod list;
mod part;
mod report;
mod table;
mod teacher;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::corpus::{CorpusSpec, Problem, Split};
use crate::features::{MAX_SECONDS, Progress, decode_usable};
use crate::jobs::{self, Share};
pub use error::LabelError;
use list::{Listed, list};
use part::{Line, Part};
pub use report::{LabelReport, SplitCounts};
use table::Table;
pub use teacher::{Teacher, TeacherId};

/// What is asked for beside teacher and corpora.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelOptions {
    /// The CSV to write; `.part` and `.json` lie beside it.
    pub out: PathBuf,
    /// Files labelled at once.
    pub jobs: usize,
    /// Seed of splits that a corpus does not give.
    pub seed: u64,
    /// Whether a test split is drawn where a corpus gives none.
    pub draw_test: bool,
    /// The only split that is labelled; all of them where there is none.
    pub split: Option<Split>,
    /// Replaces labels of another teacher.
    pub force: bool,
}

/// Labels every file of the corpora that has no labels yet, and writes `out` and the report beside it.
///
/// Files that are in `out` already, by the same teacher, keep their rows; those that no corpus lists stay before the
/// others. Memory: per job one decoded file, of which the first half hour is used. Files that cannot be used are in
/// the report's problems, and tried again by the next run. When `stop` becomes true, the files begun are finished and
/// kept, `out` stays as it was, and the report says that it was interrupted.
///
/// # Errors
/// [`LabelError`]: a corpus cannot be listed, what is there is of another teacher, nothing could be labelled, or files
/// cannot be written.
pub fn label(
    teacher: &Teacher,
    corpora: &[CorpusSpec],
    options: &LabelOptions,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<LabelReport, LabelError> {
    let table = Table::new(&options.out, teacher.id())?;
    let Listed { files, mut problems, notes } = list(corpora, &table, options)?;
    notes.iter().for_each(|note| progress.note(note));
    if options.force {
        table.remove_all()?;
    }
    let part = Part::open(&table.part_path(), teacher.id())?;
    let before = match table.known_teacher(part.is_new()) {
        Ok(before) => before,
        Err(refused) => {
            // A part that was begun just now would say next time that the labels are this teacher's.
            if part.is_new() {
                part.remove()?;
            }
            return Err(refused);
        }
    };
    let part = Mutex::new(part);
    let earlier = table.read_into(&mut lock(&part))?;

    let todo: Vec<&list::ListedFile> = {
        let part = lock(&part);
        files.iter().filter(|file| !part.holds(&file.written)).collect()
    };
    progress.start(todo.len());
    let work = |file: &&list::ListedFile| {
        let line = hear(teacher, &file.path, &file.written);
        progress.step();
        let line = line?;
        let shortened = line.shortened;
        // Other jobs wait for the disk here, for a few kilobytes.
        if let Err(error) = lock(&part).append(&line) {
            // Nothing that follows could be kept either.
            stop.store(true, Ordering::Relaxed);
            return Ok(Done { shortened, failed: Some(error) });
        }
        Ok(Done { shortened, failed: None })
    };
    let share = Share { jobs: options.jobs.clamp(1, todo.len().max(1)), threads: 1 };
    let results = jobs::each(share, &todo, stop, work)?;

    let mut report = LabelReport::new(teacher.id(), before, corpora);
    for (file, result) in todo.iter().zip(results) {
        match result {
            None => report.interrupted = true,
            Some(Ok(Done { failed: Some(error), .. })) => return Err(error),
            Some(Ok(done)) => {
                report.labelled_now += 1;
                report.shortened.extend(done.shortened.then(|| file.id.clone()));
            }
            Some(Err(reason)) => problems.push(Problem { id: file.id.clone(), reason }),
        }
    }
    let mut part = part.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    part.sync()?;
    report.problems = problems;
    if report.interrupted {
        return Ok(report);
    }
    table.write(&mut part, &earlier, &files, &mut report)?;
    report.write(&table.report_path())?;
    part.remove()?;
    Ok(report)
}

/// What became of a file that could be heard.
struct Done {
    shortened: bool,
    /// Its line could not be kept.
    failed: Option<LabelError>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The labels of one file; else why there are none.
fn hear(teacher: &Teacher, path: &Path, written: &str) -> Result<Line, String> {
    let audio = decode_usable(path, teacher.tagger().mel_config().sample_rate)?;
    let song = teacher.tagger().tag(audio.pcm()).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows = table::rows(&song.probabilities, teacher);
    // The limit is kept to the sample, so a file that ends there is not told from one that goes on; no matter.
    let shortened = audio.limited && song.seconds >= MAX_SECONDS;
    Ok(Line { path: written.into(), rows, shortened })
}
