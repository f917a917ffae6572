//! Filling the library: every song of a folder, once.
//!
//! One thread holds the library and decides; others decode and tag. What one file gave is committed before it is told,
//! so a scan may end at any moment, by whatever means: the next one goes on behind the last file that was told.

use super::meta::Meta;
use super::walk::{audio_files, is_audio};
use super::{Library, LibraryError, Model, Stamp, bytes_of_path};
use crate::hear::{self, Digest, Heard};
use crate::near::store;
use runtime::tagger::{Pace, TagStream, Tagger};
use rusqlite::{OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// How a scan goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// Files at a time.
    pub jobs: usize,
    /// Whether damaged files that have not changed are tried again.
    pub retry: bool,
}

impl Default for ScanOptions {
    /// Half of the cores, so that a scan is not noticed.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { jobs: (cores / 2).max(1), retry: false }
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it was.
    Unchanged,
    /// It was decoded and tagged.
    Heard {
        /// Packets that were damaged and left out.
        skipped_packets: usize,
    },
    /// Its audio was known already: it was moved or copied, or its tags were edited.
    Known,
    /// It cannot be decoded or tagged.
    Damaged {
        /// Why.
        reason: String,
        /// Whether this was found in an earlier scan.
        before: bool,
    },
}

/// What a scan has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files found.
    pub files: u64,
    /// Files that were decoded and tagged.
    pub heard: u64,
    /// Files whose audio was known.
    pub known: u64,
    /// Files that are as they were.
    pub unchanged: u64,
    /// Files that cannot be tagged.
    pub damaged: u64,
    /// Files that were there before and are gone.
    pub gone: u64,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// What is told while a scan runs.
pub trait Watcher {
    /// How many files there are; told once, when that is known.
    fn total(&mut self, files: u64);
    /// A file is done, and what is known of it is in the library.
    fn done(&mut self, path: &Path, outcome: &Outcome);
}

/// Work for a thread.
enum Job {
    /// Say what its audio is, without decoding.
    Sum(PathBuf, Stamp),
    /// Decode and tag.
    Hear(PathBuf, Stamp),
}

enum Done {
    Summed(PathBuf, Stamp, Option<(Digest, Meta)>),
    Heard(PathBuf, Stamp, Result<Box<(Heard, Meta)>, String>),
}

/// Scans folders and files. Stops soon after `stop` is set, with what was done in the library.
///
/// # Errors
/// When a folder is not there, or the library fails. A file that cannot be read ends nothing.
pub fn scan(
    library: &mut Library,
    tagger: &Tagger,
    roots: &[PathBuf],
    options: ScanOptions,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Summary, LibraryError> {
    let model = library.model(tagger)?;
    let roots = apart(roots)?;
    let known = library.roots()?;
    for root in roots.iter().filter(|root| root.is_dir()) {
        if !known.iter().any(|known| root.starts_with(known)) {
            library.db.execute("INSERT OR IGNORE INTO roots (path) VALUES (?1)", [bytes_of_path(root)])?;
        }
    }
    let (jobs, queue) = channel();
    let (queue, counted) = (&Mutex::new(queue), &AtomicU64::new(u64::MAX));
    let summary = std::thread::scope(|scope| {
        let (finished, results) = channel();
        for _ in 0..options.jobs.max(1) {
            let finished = finished.clone();
            scope.spawn(move || work(tagger, queue, &finished));
        }
        let all = &roots;
        scope.spawn(move || {
            let files = all.iter().flat_map(|root| audio_files(root));
            counted
                .store(files.take_while(|_| !stop.load(Ordering::Relaxed)).count() as u64, Ordering::Relaxed);
        });
        let mut scan = Scan {
            library,
            model: &model,
            options,
            jobs,
            in_flight: 0,
            summary: Summary::default(),
            watcher,
        };
        let done = scan.run(&roots, &results, stop, counted);
        // The threads end when there is nothing more to come, after an error, too.
        drop(scan.jobs);
        done.map(|()| scan.summary)
    })?;
    store::pack(library, &model, false)?;
    Ok(summary)
}

/// The folders without links, and without those that lie in others: nothing is found twice.
fn apart(roots: &[PathBuf]) -> Result<Vec<PathBuf>, LibraryError> {
    let real = |root: &PathBuf| {
        std::fs::canonicalize(root).map_err(|source| LibraryError::Io { path: root.clone(), source })
    };
    let mut roots = roots.iter().map(real).collect::<Result<Vec<_>, _>>()?;
    // A folder comes before what lies in it.
    roots.sort();
    let mut apart: Vec<PathBuf> = Vec::new();
    for root in roots {
        if !apart.iter().any(|outer| root.starts_with(outer)) {
            apart.push(root);
        }
    }
    Ok(apart)
}

struct Scan<'s> {
    library: &'s mut Library,
    model: &'s Model,
    options: ScanOptions,
    jobs: Sender<Job>,
    in_flight: usize,
    summary: Summary,
    watcher: &'s mut dyn Watcher,
}

impl Scan<'_> {
    fn run(
        &mut self,
        roots: &[PathBuf],
        results: &Receiver<Done>,
        stop: &AtomicBool,
        counted: &AtomicU64,
    ) -> Result<(), LibraryError> {
        let mut total_told = false;
        let files = roots.iter().flat_map(|root| audio_files(root));
        for found in files {
            if stop.load(Ordering::Relaxed) {
                self.summary.stopped = true;
                break;
            }
            let total = counted.load(Ordering::Relaxed);
            if !total_told && total != u64::MAX {
                total_told = true;
                self.watcher.total(total);
            }
            self.summary.files += 1;
            match found {
                Ok(path) => self.look(path)?,
                Err((path, reason)) => self.tell(&path, Outcome::Damaged { reason, before: false }),
            }
            // As much waits as keeps the threads busy while this one looks further.
            while self.in_flight >= 2 * self.options.jobs.max(1) {
                self.receive(results)?;
            }
        }
        while self.in_flight > 0 {
            self.receive(results)?;
        }
        if !self.summary.stopped {
            for root in roots {
                self.summary.gone += self.forget_missing(root)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, results: &Receiver<Done>) -> Result<(), LibraryError> {
        // The threads live as long as there may be jobs, and each answers every one.
        let Ok(done) = results.recv() else {
            self.in_flight = 0;
            return Ok(());
        };
        self.in_flight -= 1;
        match done {
            Done::Summed(path, stamp, Some((digest, meta))) => {
                if self.library.put_known(&path, stamp, &meta, self.model, &digest)? {
                    self.tell(&path, Outcome::Known);
                } else {
                    self.hand_out(Job::Hear(path, stamp));
                }
            }
            Done::Summed(path, stamp, None) => self.hand_out(Job::Hear(path, stamp)),
            Done::Heard(path, stamp, Ok(both)) => {
                let (heard, meta) = *both;
                self.library.put_heard(&path, stamp, &meta, self.model, &heard)?;
                self.tell(&path, Outcome::Heard { skipped_packets: heard.skipped_packets });
                if self.summary.heard.is_multiple_of(store::CHUNK as u64) {
                    store::pack(self.library, self.model, false)?;
                }
            }
            Done::Heard(path, stamp, Err(reason)) => {
                self.library.put_damaged(&path, stamp, &reason)?;
                self.tell(&path, Outcome::Damaged { reason, before: false });
            }
        }
        Ok(())
    }

    fn hand_out(&mut self, job: Job) {
        self.in_flight += usize::from(self.jobs.send(job).is_ok());
    }

    fn tell(&mut self, path: &Path, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Unchanged => &mut self.summary.unchanged,
            Outcome::Heard { .. } => &mut self.summary.heard,
            Outcome::Known => &mut self.summary.known,
            Outcome::Damaged { .. } => &mut self.summary.damaged,
        };
        *counter += 1;
        self.watcher.done(path, &outcome);
    }

    /// Decides what a file needs.
    fn look(&mut self, path: PathBuf) -> Result<(), LibraryError> {
        let stamp = match Stamp::of(&path) {
            Ok(stamp) => stamp,
            Err(error) => {
                self.tell(&path, Outcome::Damaged { reason: error.to_string(), before: false });
                return Ok(());
            }
        };
        let Some(row) = self.row(&path)? else {
            // A file of this size may be this one in another place.
            let moved = self
                .library
                .db
                .prepare_cached("SELECT 1 FROM files WHERE size = ?1 AND song IS NOT NULL")?
                .exists([stamp.size])?;
            self.hand_out(if moved { Job::Sum(path, stamp) } else { Job::Hear(path, stamp) });
            return Ok(());
        };
        if row.stamp != stamp {
            self.hand_out(Job::Sum(path, stamp));
            return Ok(());
        }
        match (row.model, row.error) {
            (Some(model), _) if model == self.model.id => {
                self.mark_found(&path, row.gone)?;
                self.tell(&path, Outcome::Unchanged);
            }
            (_, Some(reason)) if !self.options.retry => {
                self.mark_found(&path, row.gone)?;
                self.tell(&path, Outcome::Damaged { reason, before: true });
            }
            // Another model heard it.
            (Some(_), _) => self.hand_out(Job::Sum(path, stamp)),
            (None, _) => self.hand_out(Job::Hear(path, stamp)),
        }
        Ok(())
    }

    fn row(&self, path: &Path) -> Result<Option<FileRow>, LibraryError> {
        let mut query = self.library.db.prepare_cached(
            "SELECT size, modified, gone, error, model FROM files LEFT JOIN songs ON songs.id = song WHERE path = ?1",
        )?;
        let row = query.query_row([bytes_of_path(path)], |row| {
            Ok(FileRow {
                stamp: Stamp { size: row.get(0)?, modified: row.get(1)? },
                gone: row.get(2)?,
                error: row.get(3)?,
                model: row.get(4)?,
            })
        });
        Ok(row.optional()?)
    }

    fn mark_found(&self, path: &Path, gone: bool) -> Result<(), LibraryError> {
        if gone {
            self.library.db.execute("UPDATE files SET gone = 0 WHERE path = ?1", [bytes_of_path(path)])?;
        }
        Ok(())
    }

    /// Marks the files below `root` that are not there any more.
    fn forget_missing(&self, root: &Path) -> Result<u64, LibraryError> {
        let db = &self.library.db;
        let mut gone = Vec::new();
        {
            let mut query =
                db.prepare("SELECT id, path FROM files WHERE gone = 0 AND path >= ?1 ORDER BY path")?;
            let start = bytes_of_path(root);
            let mut rows = query.query([start])?;
            while let Some(row) = rows.next()? {
                let path = super::path_of(row.get_ref(1)?.as_blob().unwrap_or_default());
                // Sorted by bytes: what begins alike comes together, but "a b" lies between "a" and "a/b".
                if !bytes_of_path(&path).starts_with(start) {
                    break;
                }
                if path.starts_with(root) && (!path.is_file() || !(is_audio(&path) || path == root)) {
                    gone.push(row.get::<_, i64>(0)?);
                }
            }
        }
        for &id in &gone {
            db.execute("UPDATE files SET gone = 1 WHERE id = ?1", params![id])?;
        }
        Ok(gone.len() as u64)
    }
}

/// What the library knows of a path.
struct FileRow {
    stamp: Stamp,
    gone: bool,
    error: Option<String>,
    model: Option<i64>,
}

/// A thread's life.
fn work(tagger: &Tagger, queue: &Mutex<Receiver<Job>>, finished: &Sender<Done>) {
    let mut stream = TagStream::new(tagger, Pace::Steady);
    loop {
        // Held while waiting: whoever comes next waits for the lock instead.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let done = match job {
            Ok(Job::Sum(path, stamp)) => {
                let digest = hear::digest(&path).ok();
                let found = digest.map(|digest| (digest, Meta::read(&path)));
                Done::Summed(path, stamp, found)
            }
            Ok(Job::Hear(path, stamp)) => {
                let heard = hear::hear_by(&mut stream, &path).map_err(|error| error.reason(&path));
                let both = heard.map(|heard| Box::new((heard, Meta::read(&path))));
                Done::Heard(path, stamp, both)
            }
            Err(_) => return,
        };
        if finished.send(done).is_err() {
            return;
        }
    }
}

/// Forgets files that are gone, and songs that no file holds.
///
/// # Errors
/// When the library fails.
pub fn forget_gone(library: &mut Library) -> Result<u64, LibraryError> {
    let tx = library.db.transaction()?;
    let files = tx.execute("DELETE FROM files WHERE gone = 1", [])?;
    tx.execute("DELETE FROM songs WHERE id NOT IN (SELECT song FROM files WHERE song IS NOT NULL)", [])?;
    tx.commit()?;
    Ok(files as u64)
}
