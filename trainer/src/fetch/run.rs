//! Fetching a list: which packages, from where, several at a time, and what came of each.

use super::folder::{Folder, sum_of};
use super::http::Mirror;
use super::unpack::{Missing, unpack};
use super::{FetchError, List, Package, apt, tables};
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Downloads and half-unpacked archives lie here, and nothing else does.
const TEMPORARY: &str = ".fetching";

/// Choices about fetching.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these packages; empty for all.
    pub packages: Vec<String>,
    /// At most so many bytes are downloaded: packages that do not fit any more are left for another time.
    pub limit: Option<u64>,
    /// Root of a mirror for HTTP; apt without one.
    pub mirror: Option<String>,
    /// Packages that are got and unpacked at the same time, at least 1.
    pub jobs: usize,
    /// Wait before a failed request is made again; doubled for each further one.
    pub backoff: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { packages: Vec::new(), limit: None, mirror: None, jobs: 2, backoff: Duration::from_secs(1) }
    }
}

/// What came of one package.
#[derive(Debug)]
pub enum Outcome {
    /// All its music was there.
    Present,
    /// All its music is there now.
    Fetched,
    /// What agrees with the list is there; these paths of the list are not, and why.
    Differs(Vec<(String, &'static str)>),
    /// It would have gone beyond the limit of this download.
    BeyondLimit,
    /// It could not be had.
    Failed(FetchError),
}

/// A package and what came of it.
#[derive(Debug)]
pub struct PackageReport {
    /// Its name.
    pub package: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of all packages that were asked for, in the order of the list.
#[derive(Debug)]
pub struct Report {
    /// One entry a package.
    pub packages: Vec<PackageReport>,
    /// Bytes of packages that were downloaded in full.
    pub downloaded: u64,
    /// Tracks of the whole list that are in the folder now, and their length in seconds.
    pub tracks: usize,
    /// See `tracks`.
    pub seconds: f64,
}

impl Report {
    /// Whether a package failed, or gave none of its music.
    pub fn failed(&self, list: &List) -> bool {
        self.packages.iter().any(|p| match &p.outcome {
            Outcome::Failed(_) => true,
            Outcome::Differs(missing) => missing.len() == list.tracks_of(&p.package).count(),
            _ => false,
        })
    }
}

/// Fetches the music of a list into `to`, which is made where it is not there.
///
/// Afterwards `to` has `audio/PACKAGE/...`, `copyright/PACKAGE`, `manifest.csv`, `licences.csv` and `LICENCES.md`, which
/// speak of everything that is there, and `SHA256SUMS`. Packages are deleted once unpacked. What is there already is not
/// fetched again; a download that was stopped goes on. `bar` runs over the bytes of the packages that are fetched.
///
/// # Errors
/// When nothing could be begun: a package that the list does not know, no source, a folder that cannot be written. What
/// goes wrong with one package is in the report.
pub fn fetch(list: &List, to: &Path, options: &Options, bar: &ProgressBar) -> Result<Report, FetchError> {
    let chosen = choose(list, &options.packages)?;
    let folder = Folder::open(to)?;
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut budget = options.limit.unwrap_or(u64::MAX);
    let mut wanted = Vec::new();
    for (i, package) in chosen.iter().enumerate() {
        let outcome = if list.tracks_of(&package.package).all(|track| folder.holds(list, track)) {
            Some(Outcome::Present)
        } else if package.bytes > budget {
            Some(Outcome::BeyondLimit)
        } else {
            budget -= package.bytes;
            wanted.push(i);
            None
        };
        outcomes.push(outcome);
    }
    let mut downloaded = 0;
    if !wanted.is_empty() {
        let source = match &options.mirror {
            Some(root) => Source::Mirror(Mirror::new(root, options.backoff)),
            None if apt::is_there() => Source::Apt,
            None => return Err(FetchError::NoSource),
        };
        let temporary = to.join(TEMPORARY);
        std::fs::create_dir_all(&temporary).map_err(FetchError::file(&temporary))?;
        bar.set_length(wanted.iter().map(|&i| chosen[i].bytes).sum());
        let work = Work { list, folder: &folder, source, temporary, bar, done: AtomicU64::new(0) };
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..options.jobs.clamp(1, wanted.len()) {
                scope.spawn(|| {
                    while let Some(&i) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = work.one(chosen[i]);
                        results.lock().unwrap_or_else(|e| e.into_inner()).push((i, outcome));
                    }
                });
            }
        });
        for (i, outcome) in results.into_inner().unwrap_or_else(|e| e.into_inner()) {
            outcomes[i] = Some(outcome);
        }
        downloaded = work.done.into_inner();
        // What failed to arrive is gone on with next time; without any the folder is of no use.
        let _ = std::fs::remove_dir(&work.temporary);
    }
    let present = list.tracks.iter().filter(|track| folder.holds(list, track)).collect::<Vec<_>>();
    tables::write(list, &present, to)?;
    let named = chosen.iter().zip(outcomes);
    Ok(Report {
        packages: named
            .filter_map(|(p, outcome)| Some(PackageReport { package: p.package.clone(), outcome: outcome? }))
            .collect(),
        downloaded,
        tracks: present.len(),
        seconds: present.iter().map(|track| track.seconds).sum(),
    })
}

/// The packages by these names, in the order of the list; all without names.
fn choose<'a>(list: &'a List, names: &[String]) -> Result<Vec<&'a Package>, FetchError> {
    for name in names {
        if !list.packages.iter().any(|package| package.package == *name) {
            let known: Vec<&str> = list.packages.iter().map(|package| package.package.as_str()).collect();
            return Err(FetchError::NoSuchPackage(name.clone(), known.join(", ")));
        }
    }
    let chosen = |package: &&Package| names.is_empty() || names.contains(&package.package);
    Ok(list.packages.iter().filter(chosen).collect())
}

enum Source {
    Apt,
    Mirror(Mirror),
}

/// What the threads share.
struct Work<'a> {
    list: &'a List,
    folder: &'a Folder<'a>,
    source: Source,
    temporary: PathBuf,
    bar: &'a ProgressBar,
    /// Bytes of packages that arrived.
    done: AtomicU64,
}

impl Work<'_> {
    fn one(&self, package: &Package) -> Outcome {
        // Of a package only what the list says counts in the bar, whatever version apt has.
        let shown = AtomicU64::new(0);
        let show = |bytes: u64| {
            let bytes = bytes.min(package.bytes);
            let before = shown.swap(bytes, Ordering::Relaxed);
            // Also backwards: a download that begins anew.
            self.bar.inc(bytes.saturating_sub(before));
            self.bar.dec(before.saturating_sub(bytes));
        };
        let outcome = match self.get_and_unpack(package, &show) {
            Ok(missing) if missing.is_empty() => Outcome::Fetched,
            Ok(missing) => Outcome::Differs(missing),
            Err(error) => Outcome::Failed(error),
        };
        show(package.bytes);
        outcome
    }

    fn get_and_unpack(&self, package: &Package, show: &dyn Fn(u64)) -> Result<Missing, FetchError> {
        let (deb, scratch);
        match &self.source {
            Source::Mirror(mirror) => {
                // The version in the name: another list's beginning of a package is not gone on with.
                let name = format!("{}_{}.deb", package.package, package.version.replace([':', '/'], "_"));
                deb = self.temporary.join(name);
                mirror.download(package, &deb, show)?;
            }
            Source::Apt => {
                // Deleted with all that is in it, also when apt fails half-way.
                scratch = tempfile::tempdir_in(&self.temporary).map_err(FetchError::file(&self.temporary))?;
                deb = apt::download(package, scratch.path(), show)?;
                let size = std::fs::metadata(&deb).map_err(FetchError::file(&deb))?.len();
                if size == package.bytes && sum_of(&deb).map_err(FetchError::file(&deb))? != package.sha256 {
                    // Another version's package may differ, and its files are looked at one by one; apt has checked it.
                    self.bar.println(format!("  {}: not the package of the list", package.package));
                }
            }
        }
        self.done.fetch_add(std::fs::metadata(&deb).map_or(0, |meta| meta.len()), Ordering::Relaxed);
        let missing = unpack(self.list, &package.package, &deb, self.folder, &self.temporary);
        std::fs::remove_file(&deb).map_err(FetchError::file(&deb))?;
        missing
    }
}
