//! Everything that is cached of one front end: the main folder and those of shards.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use rayon::prelude::*;
use runtime::mel::MelConfig;
use sha2::{Digest, Sha256};

use super::index::{Entry, Index};
use super::keys::Key;
use super::shard::is_folder;
use super::store::Store;
use super::{FeatureError, Progress, Shard, advice, extract};
use crate::text::to_hex;

/// Clips whose checksums are computed by one thread in a row, all of them being read from the disk at once.
const CHECKED_AT_ONCE: usize = 32;

/// Where the codes of a clip lie, and in which file of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub store: usize,
    pub entry: Entry,
}

/// The folder that is written to, and all others, which are read as they are: another machine may be writing to them.
pub(super) struct Stores {
    bands: usize,
    /// Number 0.
    own: Store,
    /// Numbers from 1.
    others: Vec<Other>,
}

/// A folder that is not ours to write to.
struct Other {
    dir: PathBuf,
    data: File,
    entries: HashMap<Key, Entry>,
}

impl Other {
    /// Nothing where there are no codes, or not yet.
    fn open(dir: PathBuf, bands: usize) -> Result<Option<Self>, FeatureError> {
        let path = dir.join("codes.bin");
        let data = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| FeatureError::Cache { path, source })?,
        };
        // Lines that are torn or speak of lost codes are passed over; they are their writer's to mend.
        let entries = Index::read(&dir.join("index.jsonl"), &data, bands)?.entries;
        Ok(Some(Self { dir, data, entries }))
    }
}

impl Stores {
    /// Opens all folders for this front end, to write to the shard's, or without one to the main one. Waits while another
    /// process writes to that.
    pub fn open(
        cache: &Path,
        config: &MelConfig,
        shard: Option<Shard>,
        progress: &dyn Progress,
    ) -> Result<Self, FeatureError> {
        let (about, bands) = (format!("codes {} of {config:?}", extract::VERSION), config.mel_bands);
        let main = cache.join(&to_hex(&Sha256::digest(&about))[..16]);
        let dir = shard.map_or_else(|| main.clone(), |shard| main.join(shard.folder()));
        // First, so that what is written while this waits is seen.
        let own = Store::open(dir.clone(), &(about + "\n"), bands, progress)?;
        let mut dirs = shard_folders(&main)?;
        dirs.push(main);
        dirs.retain(|other| *other != dir);
        let others = dirs.into_iter().filter_map(|dir| Other::open(dir, bands).transpose());
        Ok(Self { bands, own, others: others.collect::<Result<_, _>>()? })
    }

    /// The folder that is written to.
    pub fn own(&mut self) -> &mut Store {
        &mut self.own
    }

    /// All folders; the first is the one that is written to.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.own.dir()).chain(self.others.iter().map(|other| other.dir.as_path()))
    }

    fn all(&self) -> impl Iterator<Item = (&File, &HashMap<Key, Entry>)> {
        let others = self.others.iter().map(|other| (&other.data, &other.entries));
        std::iter::once((self.own.data(), self.own.entries())).chain(others)
    }

    /// Where the codes of those keys lie that are somewhere with the right checksum. What is written to forgets the others.
    pub fn intact(
        &mut self,
        keys: &HashSet<Key>,
        pool: &rayon::ThreadPool,
    ) -> Result<HashMap<Key, Place>, FeatureError> {
        let mut places = HashMap::new();
        let mut damaged = Vec::new();
        for (store, (data, entries)) in self.all().enumerate() {
            let wanted = keys.iter().filter(|key| !places.contains_key(*key));
            let mut here: Vec<(Key, Entry)> =
                wanted.filter_map(|key| Some((*key, *entries.get(key)?))).collect();
            if here.is_empty() {
                continue;
            }
            // In the order of the file, which may be far larger than the memory.
            here.sort_unstable_by_key(|(_, entry)| entry.offset);
            let map = self.map(store, data)?;
            let check = |part: &[(Key, Entry)]| -> Vec<bool> {
                let codes = || part.iter().map(|(_, entry)| entry.of(&map, self.bands));
                codes().for_each(advice::will_need);
                codes().zip(part).map(|(codes, (_, entry))| crc32fast::hash(codes) == entry.crc32).collect()
            };
            let right =
                pool.install(|| here.par_chunks(CHECKED_AT_ONCE).flat_map_iter(check).collect::<Vec<_>>());
            for ((key, entry), right) in here.into_iter().zip(right) {
                if right {
                    places.insert(key, Place { store, entry });
                } else if store == 0 {
                    damaged.push(key);
                }
            }
        }
        damaged.iter().for_each(|key| self.own.forget(key));
        Ok(places)
    }

    /// Maps the codes written so far, by the numbers of [`Place::store`].
    pub fn maps(&self) -> Result<Vec<Mmap>, FeatureError> {
        self.all().enumerate().map(|(store, (data, _))| self.map(store, data)).collect()
    }

    fn map(&self, store: usize, data: &File) -> Result<Mmap, FeatureError> {
        // SAFETY: a map is unsound when someone changes or shortens the file under it. Programs of ours only append
        // to this file; bytes that an index line speaks of are never written again by those that hold its lock.
        // Reading instead would hold a corpus larger than the memory in memory.
        let map = unsafe { Mmap::map(data) }.map_err(|source| {
            let dir = self.dirs().nth(store).unwrap_or(Path::new(""));
            FeatureError::Cache { path: dir.join("codes.bin"), source }
        })?;
        advice::as_told(&map);
        Ok(map)
    }
}

/// The folders of shards in a front end's folder, by name.
fn shard_folders(main: &Path) -> Result<Vec<PathBuf>, FeatureError> {
    let failed = |source| FeatureError::Cache { path: main.into(), source };
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(main).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(is_folder) {
            dirs.push(entry.path());
        }
    }
    dirs.sort();
    Ok(dirs)
}
