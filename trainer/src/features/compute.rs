//! From clips to codes in the cache: what is there is found, the rest computed.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use runtime::mel::MelConfig;

use super::keys::{FileKeys, Key};
use super::store::Store;
use super::stores::{Place, Stores};
use super::{CacheDir, FeatureError, Progress, Shard, extract};
use crate::corpus::Clip;

/// Where every clip's codes are now.
pub(super) struct Computed {
    pub stores: Stores,
    /// Of every clip, in order, or why it cannot be read.
    keys: Vec<Result<Key, String>>,
    places: HashMap<Key, Place>,
    failures: HashMap<Key, String>,
    /// Sounds that were not in the cache, whether or not they could be decoded.
    pub tried: usize,
    /// Those of them that could not.
    pub failed: usize,
    /// Time to identify the clips and to look at what is cached of them.
    pub checking: Duration,
    /// Time to compute the rest.
    pub computing: Duration,
}

impl Computed {
    /// Clip by clip in their order: where its codes are, or why they are nowhere.
    pub fn places(&self) -> impl Iterator<Item = Result<Place, String>> {
        self.keys.iter().map(|key| {
            let key = key.as_ref().map_err(String::clone)?;
            let missing = || self.failures.get(key).cloned();
            let place = self.places.get(key).copied();
            place.ok_or_else(|| missing().unwrap_or_else(|| "its features were not computed".into()))
        })
    }
}

/// Computes what the cache lacks of `clips`, with `jobs` threads, into the shard's folder, or without one into the main one.
pub(super) fn compute(
    clips: &[&Clip],
    shard: Option<Shard>,
    config: &MelConfig,
    cache: &CacheDir,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Computed, FeatureError> {
    config.validate()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build()?;
    let mut stores = Stores::open(cache.path(), config, shard, progress)?;
    // Once nothing else writes to the folder.
    let started = Instant::now();
    let mut file_keys = FileKeys::open(stores.dirs())?;
    let keys: Vec<Result<Key, String>> =
        pool.install(|| clips.par_iter().map(|clip| file_keys.of(clip)).collect());
    file_keys.save()?;
    let mut places = stores.intact(&keys.iter().flatten().copied().collect(), &pool)?;
    let mut waiting: HashSet<Key> = HashSet::new();
    let work: Vec<(Key, &Clip)> = keys
        .iter()
        .zip(clips)
        .filter_map(|(key, clip)| key.as_ref().ok().map(|key| (*key, *clip)))
        .filter(|(key, _)| !places.contains_key(key) && waiting.insert(*key))
        .collect();
    let checking = started.elapsed();
    let started = Instant::now();
    let failures = fill(stores.own(), &work, config, &pool, progress)?;
    let own = stores.own().entries();
    let fresh = work.iter().filter_map(|(key, _)| Some((*key, Place { store: 0, entry: *own.get(key)? })));
    places.extend(fresh);
    let (tried, failed, computing) = (work.len(), failures.len(), started.elapsed());
    Ok(Computed { stores, keys, places, failures, tried, failed, checking, computing })
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
    // Enough that they need not wait for a flush of it, some tens of milliseconds.
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
                        failures.lock().unwrap_or_else(PoisonError::into_inner).insert(*key, reason);
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
    Ok(failures.into_inner().unwrap_or_else(PoisonError::into_inner))
}
