//! Many files, several at a time.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::client::{Client, Failure, tag_of};
use super::ledger::{Entry, Ledger};
use super::{Provider, Wanted};
use crate::fetch::FetchError;
use crate::text::to_hex;

/// What is not whole yet lies here.
const TEMPORARY: &str = ".fetching";

/// How files are fetched.
#[derive(Clone, Copy, Debug)]
pub struct TransferOptions {
    /// Files at the same time, at least 1.
    pub jobs: usize,
    /// Wait before a failed request is made again; doubled for each further one.
    pub backoff: Duration,
    /// Leave out what an earlier run found to be gone, instead of asking again.
    pub skip_gone: bool,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self { jobs: 4, backoff: Duration::from_secs(1), skip_gone: false }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that came now.
    pub fetched: usize,
    /// Files that were there.
    pub present: usize,
    /// Files that did not come, and why.
    pub failed: Vec<(String, String)>,
    /// Files that were not asked for: the run was stopped, or they were gone before.
    pub left: usize,
    /// Why all stopped, where the provider said that nothing is to be had any more.
    pub stopped: Option<String>,
    /// Bytes that came now, of files that are whole.
    pub bytes: u64,
}

/// Fetches files into `dir`, which is made where it is not there. Stops soon after `stop` is set; the next run goes on in
/// the middle of a file. `bar` runs over files.
///
/// # Errors
/// When the folder cannot be written. What goes wrong with one file is in the summary and in the ledger.
pub fn fetch_files(
    wanted: &[Wanted],
    dir: &Path,
    provider: &dyn Provider,
    options: TransferOptions,
    stop: &AtomicBool,
    bar: &ProgressBar,
) -> Result<Summary, FetchError> {
    let temporary = dir.join(TEMPORARY);
    std::fs::create_dir_all(&temporary).map_err(FetchError::file(&temporary))?;
    let ledger = Ledger::open(dir)?;
    let mut summary = Summary::default();
    let mut missing = Vec::new();
    for file in wanted {
        match ledger.known(&file.id) {
            Some(entry) if is_there(dir, file, entry) => summary.present += 1,
            Some(entry) if entry.gone && options.skip_gone => summary.left += 1,
            _ => missing.push(file),
        }
    }
    bar.set_length(missing.len() as u64);
    // Set when the provider stops us; the user's own flag is left as it is.
    let (halt, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
    let client = Client::new(provider, options.backoff, stop);
    let (next, summary) = (AtomicUsize::new(0), Mutex::new(summary));
    let trouble = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, missing.len().max(1)) {
            scope.spawn(|| {
                while let Some(file) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if halt.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed) {
                        lock(&summary).left += 1;
                        continue;
                    }
                    let progress = |at: u64, of: Option<u64>| {
                        let of = of.map_or(String::new(), |of| format!(" of {:.1}", of as f64 / 1e6));
                        bar.set_message(format!("{} {:.1}{of} MB", file.id, at as f64 / 1e6));
                    };
                    let failure = match one(&client, &ledger, dir, &temporary, file, &progress) {
                        Ok(length) => {
                            bytes.fetch_add(length, Ordering::Relaxed);
                            lock(&summary).fetched += 1;
                            bar.inc(1);
                            continue;
                        }
                        Err(failure) => failure,
                    };
                    let (reason, gone) = match failure {
                        Failure::Failed(reason) => (reason, false),
                        Failure::Gone(reason) => (reason, true),
                        Failure::Stop(reason) => {
                            halt.store(true, Ordering::Relaxed);
                            let mut summary = lock(&summary);
                            summary.stopped.get_or_insert_with(|| reason.clone());
                            summary.left += 1;
                            continue;
                        }
                        Failure::Stopped => {
                            lock(&summary).left += 1;
                            continue;
                        }
                        Failure::Disk(path, source) => {
                            halt.store(true, Ordering::Relaxed);
                            lock(&trouble).get_or_insert(FetchError::File { path, source });
                            continue;
                        }
                    };
                    let entry = Entry {
                        id: file.id.clone(),
                        path: None,
                        bytes: None,
                        sha256: None,
                        failed: Some(reason.clone()),
                        gone,
                    };
                    if let Err(source) = ledger.add(&entry) {
                        halt.store(true, Ordering::Relaxed);
                        lock(&trouble).get_or_insert(FetchError::File { path: dir.into(), source });
                    }
                    lock(&summary).failed.push((file.id.clone(), reason));
                    bar.inc(1);
                }
            });
        }
    });
    if let Some(error) = trouble.into_inner().unwrap_or_else(|e| e.into_inner()) {
        return Err(error);
    }
    // What was begun is gone on with next time; without any the folder is of no use.
    let _ = std::fs::remove_dir(&temporary);
    let mut summary = summary.into_inner().unwrap_or_else(|e| e.into_inner());
    summary.bytes = bytes.into_inner();
    summary.failed.sort();
    Ok(summary)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Whether a file that came once lies where it is wanted, as long as it was.
fn is_there(dir: &Path, file: &Wanted, entry: &Entry) -> bool {
    let whole = entry.failed.is_none() && entry.path.as_deref() == Some(&*written(&file.to));
    whole && std::fs::metadata(dir.join(&file.to)).is_ok_and(|meta| Some(meta.len()) == entry.bytes)
}

fn written(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// One file: whole, checked, in its place and in the ledger; its length.
fn one(
    client: &Client<'_>,
    ledger: &Ledger,
    dir: &Path,
    temporary: &Path,
    file: &Wanted,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<u64, Failure> {
    let to = dir.join(&file.to);
    let disk = |path: &Path| {
        let path = path.to_path_buf();
        move |error| Failure::Disk(path, error)
    };
    // By the sum of its place: names of any length and with any signs, and never two of the same.
    let name = to_hex(&Sha256::digest(written(&file.to))[..12]);
    let part = temporary.join(format!("{name}.part"));
    let sums = client.get(file, &part, progress)?;
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(disk(parent))?;
    }
    let bytes = std::fs::metadata(&part).map_err(disk(&part))?.len();
    std::fs::rename(&part, &to).map_err(disk(&to))?;
    let _ = std::fs::remove_file(tag_of(&part));
    let entry = Entry {
        id: file.id.clone(),
        path: Some(written(&file.to)),
        bytes: Some(bytes),
        sha256: Some(sums.sha256),
        failed: None,
        gone: false,
    };
    ledger.add(&entry).map_err(disk(dir))?;
    Ok(bytes)
}
