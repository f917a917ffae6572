//! Log-mel codes of a corpus: computed once, kept on disk, read by memory map.
//!
//! A cache folder holds one sub-folder per [`MelConfig`]: `codes.bin`, to which codes are only ever appended, and
//! `index.jsonl`, whose lines are written after the codes they speak of have reached the disk. Whatever moment a
//! run is interrupted at, the next one finds whole entries and redoes the rest. Codes are found by the content of
//! a clip, so that moved files are not decoded again and changed ones are.
//!
//! Machines that share the work of a large corpus write to a folder each ([`Shard`]), below the front end's, with the same
//! files. Whoever reads reads them all, where they lie.

mod advice;
mod compute;
mod error;
mod extract;
mod index;
mod keys;
mod shard;
mod store;
mod stores;

use std::path::{Path, PathBuf};
use std::time::Duration;

use memmap2::Mmap;
use runtime::mel::MelConfig;

use crate::corpus::{Clip, Corpus, Problem};
pub use advice::{ahead, as_told, will_need};
pub use error::FeatureError;
pub use extract::{MAX_SECONDS, decode_usable};
pub use shard::{Shard, ShardError};
use stores::Place;

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
///
/// The maps read what is touched and no more: tell them what is read next, by [`will_need`] or [`ahead`].
#[derive(Debug)]
pub struct FeatureSet {
    /// By [`Place::store`].
    maps: Vec<Mmap>,
    config: MelConfig,
    places: Vec<Place>,
}

impl FeatureSet {
    /// Number of clips.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true: a set without clips is an error.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
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
        self.places[clip].entry.frames
    }

    /// Codes of a clip, frame-major [frames, mel_bands]; [`runtime::mel::FrameCodes`] turns them into decibels.
    ///
    /// # Panics
    /// When there is no such clip.
    pub fn codes(&self, clip: usize) -> &[u8] {
        let Place { store, entry } = &self.places[clip];
        entry.of(&self.maps[*store], self.config.mel_bands)
    }
}

/// Computes what the cache lacks, with `jobs` threads, and maps the codes of every usable clip, those that shards computed
/// too.
///
/// Of a file the first half hour is used. Files that cannot be read or decoded become
/// [`Problem`]s and leave the corpus. Memory: one decoded clip per job and a few clips' codes on their way to the
/// disk, however large the corpus is. Only one process writes to a cache at a time (shards aside); another waits.
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
    let clips: Vec<&Clip> = corpus.clips.iter().collect();
    let computed = compute::compute(&clips, None, config, cache, jobs, progress)?;
    let (mut places, mut problems) = (Vec::new(), Vec::new());
    let mut found = computed.places();
    corpus.clips.retain(|clip| match found.next() {
        Some(Ok(place)) => {
            places.push(place);
            true
        }
        Some(Err(reason)) => {
            problems.push(Problem { id: clip.id.clone(), reason });
            false
        }
        None => false,
    });
    drop(found);
    if places.is_empty() {
        let first = problems
            .first()
            .map_or_else(|| "the list is empty".into(), |p| format!("{}: {}", p.id, p.reason));
        return Err(FeatureError::NothingUsable { problems: problems.len(), first });
    }
    let features = FeatureSet { maps: computed.stores.maps()?, config: *config, places };
    Ok(Prepared { corpus, features, problems, extracted: computed.tried })
}

/// What [`fill_cache`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// Clips of the part.
    pub clips: usize,
    /// Computed now. What several clips have in common, to the byte, is computed once.
    pub computed: usize,
    /// Clips whose codes were there, or are those of another clip.
    pub found: usize,
    /// Clips without codes, each with the reason, in the order of the corpus.
    pub problems: Vec<Problem>,
    /// Time to identify the clips, for which every file is read once, and to check what is cached of them.
    pub checking: Duration,
    /// Time to compute and write the rest.
    pub computing: Duration,
}

impl Filled {
    /// What a thousand clips take that are not cached yet, with as many threads; nothing where none was computed.
    pub fn seconds_per_thousand(&self) -> Option<f64> {
        let per_clip = |time: Duration, clips: usize| time.as_secs_f64() / clips as f64;
        let both = || per_clip(self.checking, self.clips) + per_clip(self.computing, self.computed);
        (self.computed > 0).then(|| 1000.0 * both())
    }
}

/// Computes what the cache lacks of one of the parts of a corpus, or without a `shard` of all of it, with `jobs` threads.
///
/// A part's codes go into a folder of its own, so that several machines may fill the same cache at once, each with
/// another part. Nothing is computed that is there already, whoever computed it. Memory: as [`prepare`].
///
/// # Errors
/// [`FeatureError`] when the cache cannot be used or the front end is impossible; never because of a clip.
pub fn fill_cache(
    corpus: &Corpus,
    shard: Option<Shard>,
    config: &MelConfig,
    cache: &CacheDir,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Filled, FeatureError> {
    let ours = |clip: &&Clip| shard.is_none_or(|shard| shard.holds(&clip.id));
    let clips: Vec<&Clip> = corpus.clips.iter().filter(ours).collect();
    let computed = compute::compute(&clips, shard, config, cache, jobs, progress)?;
    let places = computed.places().zip(&clips);
    let problem = |(place, clip): (Result<Place, String>, &&Clip)| {
        place.err().map(|reason| Problem { id: clip.id.clone(), reason })
    };
    let problems: Vec<Problem> = places.filter_map(problem).collect();
    let (clips, new) = (clips.len(), computed.tried - computed.failed);
    Ok(Filled {
        clips,
        computed: new,
        found: clips - new - problems.len(),
        problems,
        checking: computed.checking,
        computing: computed.computing,
    })
}
