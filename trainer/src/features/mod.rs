//! Log-mel codes of a corpus: computed once, kept on disk, read by memory map.
//!
//! A cache folder holds one sub-folder per [`MelConfig`]: `codes.bin`, to which codes are only ever appended, and
//! `index.jsonl`, whose lines are written after the codes they speak of have reached the disk. Whatever moment a
//! run is interrupted at, the next one finds whole entries and redoes the rest. Codes are found by the content of
//! a clip, so that moved files are not decoded again and changed ones are.

mod error;
mod extract;
mod keys;
mod store;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use memmap2::Mmap;
use rayon::prelude::*;
use runtime::mel::MelConfig;

use crate::corpus::{Clip, Corpus, Problem};
pub use error::FeatureError;
pub use extract::{MAX_SECONDS, decode_usable};
use keys::{FileKeys, Key};
use store::{Entry, Store};

/// A folder for cached features; made when needed. It may be deleted whenever nothing runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheDir(PathBuf);

impl CacheDir {
    /// Names the folder; nothing is created yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Hears how far the work is.
pub trait Progress: Sync {
    /// So many clips are to be done.
    fn start(&self, clips: usize);
    /// One more is done.
    fn step(&self);
    /// Something worth a line.
    fn note(&self, text: &str);
}

impl Progress for indicatif::ProgressBar {
    fn start(&self, clips: usize) {
        self.set_length(clips as u64);
        self.set_position(0);
    }

    fn step(&self) {
        self.inc(1);
    }

    fn note(&self, text: &str) {
        self.println(text);
    }
}

/// Nobody listens.
impl Progress for () {
    fn start(&self, _: usize) {}
    fn step(&self) {}
    fn note(&self, _: &str) {}
}

/// A corpus whose features are ready.
#[derive(Debug)]
pub struct Prepared {
    /// The clips that are usable, in the order they had.
    pub corpus: Corpus,
    /// Their features: index `i` is clip `i` of [`Self::corpus`].
    pub features: FeatureSet,
    /// Clips that were left out, each once, in the order of the corpus.
    pub problems: Vec<Problem>,
    /// How many clips were decoded or synthesised now, rather than found in the cache.
    pub extracted: usize,
}

/// The 8-bit log-mel codes of a list of clips, mapped from the cache.
#[derive(Debug)]
pub struct FeatureSet {
    map: Mmap,
    config: MelConfig,
    entries: Vec<Entry>,
}

impl FeatureSet {
    /// Number of clips.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never true: a set without clips is an error.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The front end that made the codes.
    pub fn config(&self) -> &MelConfig {
        &self.config
    }

    /// Frames of a clip; at least 1.
    ///
    /// # Panics
    /// When there is no such clip.
    pub fn frames(&self, clip: usize) -> usize {
        self.entries[clip].frames
    }

    /// Codes of a clip, frame-major [frames, mel_bands]; [`runtime::mel::FrameCodes`] turns them into decibels.
    ///
    /// # Panics
    /// When there is no such clip.
    pub fn codes(&self, clip: usize) -> &[u8] {
        let entry = &self.entries[clip];
        let start = entry.offset as usize;
        &self.map[start..start + entry.frames * self.config.mel_bands]
    }
}

/// Computes what the cache lacks, with `jobs` threads, and maps the codes of every usable clip.
///
/// Of a file the first half hour is used. Files that cannot be read or decoded become
/// [`Problem`]s and leave the corpus. Memory: one decoded clip per job and a few clips' codes on their way to the
/// disk, however large the corpus is. Only one process writes to a cache at a time; another waits.
///
/// # Errors
/// [`FeatureError`] when the cache cannot be used, the front end is impossible, or no clip is usable.
pub fn prepare(
    mut corpus: Corpus,
    config: &MelConfig,
    cache: &CacheDir,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Prepared, FeatureError> {
    config.validate()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build()?;
    let mut store = Store::open(cache.path(), config, progress)?;
    let mut file_keys = FileKeys::open(store.dir())?;

    let keys: Vec<Result<Key, String>> =
        pool.install(|| corpus.clips.par_iter().map(|c| file_keys.of(c)).collect());
    file_keys.save()?;
    let known = store.intact(&keys.iter().flatten().copied().collect(), &pool)?;
    let mut waiting: HashSet<Key> = HashSet::new();
    let work: Vec<(Key, &Clip)> = keys
        .iter()
        .zip(&corpus.clips)
        .filter_map(|(key, clip)| key.as_ref().ok().map(|key| (*key, clip)))
        .filter(|(key, _)| !known.contains(key) && waiting.insert(*key))
        .collect();
    let extracted = work.len();
    let failures = fill(&mut store, &work, config, &pool, progress)?;

    let mut problems = Vec::new();
    let mut entries = Vec::new();
    let mut keys = keys.into_iter();
    corpus.clips.retain(|clip| {
        let entry = match keys.next() {
            Some(Ok(key)) => store.get(&key).ok_or_else(|| failures.get(&key).cloned()),
            Some(Err(reason)) => Err(Some(reason)),
            None => Err(None),
        };
        match entry {
            Ok(entry) => entries.push(entry),
            Err(reason) => {
                let reason = reason.unwrap_or_else(|| "its features were not computed".into());
                problems.push(Problem { id: clip.id.clone(), reason });
                return false;
            }
        }
        true
    });
    if entries.is_empty() {
        let first = problems
            .first()
            .map_or_else(|| "the list is empty".into(), |p| format!("{}: {}", p.id, p.reason));
        return Err(FeatureError::NothingUsable { problems: problems.len(), first });
    }
    let features = FeatureSet { map: store.map()?, config: *config, entries };
    Ok(Prepared { corpus, features, problems, extracted })
}

/// Extracts the codes of `work` into the store; returns the reasons of those that failed.
fn fill(
    store: &mut Store,
    work: &[(Key, &Clip)],
    config: &MelConfig,
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
) -> Result<HashMap<Key, String>, FeatureError> {
    let failures = Mutex::new(HashMap::new());
    progress.start(work.len());
    // Bounded: when the disk is slow the extractors wait, and nothing piles up.
    // Enough that they need not wait for a flush of the disk, some tens of milliseconds.
    let (send, receive) = sync_channel::<(Key, Vec<u8>)>(16 + 2 * pool.current_num_threads());
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> Result<(), FeatureError> {
            for (key, codes) in receive {
                store.append(key, &codes)?;
            }
            store.commit()
        });
        pool.install(|| {
            // A writer that failed has hung up; its error is the one to report.
            let _ = work.par_iter().try_for_each_with(send, |send, (key, clip)| {
                let sent = match extract::codes(clip, config) {
                    Ok(codes) => send.send((*key, codes)).map_err(|_| ()),
                    Err(reason) => {
                        failures
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .insert(*key, reason);
                        Ok(())
                    }
                };
                progress.step();
                sent
            });
        });
        writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    written?;
    Ok(failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}
