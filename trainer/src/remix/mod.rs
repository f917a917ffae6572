//! New sound made of the pieces of a corpus, for a teacher to label.
//!
//! Each piece is planned by chance that follows from the tracks, the seed and its number alone ([`Planner`]), then
//! rendered ([`render()`]) from just the parts of the files that it needs, so pieces can be made in any order, on any
//! number of threads. `docs/remix.md` lists what is drawn.

pub(crate) mod effects;
mod error;
mod plan;
mod pool;
mod recipe;
mod render;
mod tracks;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::corpus::{Problem, Split};
use crate::features::Progress;
pub use effects::{Band, Pace, Room, Wear};
pub use error::RemixError;
pub use plan::{Blend, Part, Plan, Planner, Voice};
pub use recipe::{recipe, source};
pub use render::{Unusable, render};
pub use tracks::{Track, tracks};
pub use write::Entry;
use write::Folder;

/// Raised whenever the same settings give other pieces: a folder of another version is not gone on with.
const VERSION: u32 = 1;
/// Plans drawn for a piece before it is left out.
const ATTEMPTS: u16 = 50;

/// What the pieces depend on beside the tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Seed of all chance.
    pub seed: u64,
    /// Length of each piece.
    pub piece_seconds: f32,
    /// Sampling rate in hertz.
    pub rate: u32,
    /// Share of pieces with voices, 0 to 1.
    pub voice_share: f32,
    /// Share of pieces with two tracks, 0 to 1.
    pub mix_share: f32,
}

impl Settings {
    /// Samples of a piece.
    pub fn samples(&self) -> usize {
        (self.piece_seconds * self.rate as f32).round() as usize
    }

    fn check(&self) -> Result<(), RemixError> {
        let wrong = |name, bounds| Err(RemixError::Setting { name, bounds });
        if !(2.0..=600.0).contains(&self.piece_seconds) {
            return wrong("the length of a piece", "from 2 to 600 seconds");
        }
        if !(8_000..=48_000).contains(&self.rate) {
            return wrong("the rate", "from 8000 to 48000 Hz");
        }
        let shares = [self.voice_share, self.mix_share, self.voice_share + self.mix_share];
        if shares.iter().any(|share| !(0.0..=1.000_001).contains(share)) {
            return wrong("each share, and their sum,", "from 0 to 1");
        }
        Ok(())
    }

    fn recorded(&self, music: &[Track], voices: &[Track]) -> Map<String, Value> {
        let Value::Object(recorded) = json!({
            "version": VERSION,
            "seed": self.seed,
            "piece_seconds": self.piece_seconds,
            "rate": self.rate,
            "voice_share": self.voice_share,
            "mix_share": self.mix_share,
            "tracks": tracks::fingerprint(music),
            "voices": tracks::fingerprint(voices),
        }) else {
            return Map::new();
        };
        recorded
    }
}

/// What a remix came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Pieces in the manifest.
    pub pieces: Vec<Entry>,
    /// How many of them were there already.
    pub kept: usize,
    /// Plans that were drawn again because a part was silent.
    pub silent: usize,
    /// Damaged tracks, each once, and pieces for which every plan failed.
    pub problems: Vec<Problem>,
    /// Where the manifest is.
    pub manifest: PathBuf,
}

/// Makes `count` pieces in the folder `to`, except those that are there, and writes their manifest.
///
/// The files and the manifest are the same whatever the threads of `pool`, and whether or not it was interrupted. A
/// longer remix begins with the pieces of a shorter one.
///
/// # Errors
/// [`RemixError`]: nothing to make pieces of, a folder made with other settings, or one that cannot be written.
pub fn remix(
    music: &[Track],
    voices: &[Track],
    settings: &Settings,
    count: u64,
    to: &Path,
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
) -> Result<Summary, RemixError> {
    let planner = Planner::new(music, voices, settings)?;
    tracks::check_sides(music.iter().chain(voices))?;
    let unused = planner.unused_voices();
    if unused > 0 {
        progress.note(&format!("  {unused} voices are on a side without music and are not used"));
    }
    let folder = Folder::open(to, &settings.recorded(music, voices))?;
    let mut pieces = folder.done()?;
    pieces.retain(|index, _| *index < count);
    let kept = pieces.len();
    let missing: Vec<u64> = (0..count).filter(|index| !pieces.contains_key(index)).collect();

    progress.start(missing.len());
    let journal = Mutex::new(folder.journal()?);
    let seen = Mutex::new(Seen::default());
    let work = |&index: &u64| -> Result<Option<Entry>, RemixError> {
        let made = make(&planner, index, &seen);
        let Some((plan, samples)) = made else {
            progress.step();
            return Ok(None);
        };
        folder.write(index, settings.rate, &samples)?;
        let entry = entry(index, &plan, music, voices, effects::decibel(effects::rms(&samples)));
        folder.enter(&mut lock(&journal), &entry)?;
        progress.step();
        Ok(Some(entry))
    };
    let made: Vec<Option<Entry>> =
        pool.install(|| missing.par_iter().map(work).collect::<Result<_, RemixError>>())?;
    pieces.extend(made.into_iter().flatten().map(|entry| (entry.index, entry)));

    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let problems: Vec<Problem> =
        seen.damaged.into_iter().map(|(id, reason)| Problem { id, reason }).collect();
    if pieces.is_empty() {
        let first =
            problems.first().map_or_else(|| "all is silent".into(), |p| format!("{}: {}", p.id, p.reason));
        return Err(RemixError::NothingMade { first });
    }
    let manifest = folder.manifest(settings.piece_seconds, pieces.values())?;
    Ok(Summary { pieces: pieces.into_values().collect(), kept, silent: seen.silent, problems, manifest })
}

/// What failed on the way, over all threads.
#[derive(Default)]
struct Seen {
    silent: usize,
    damaged: BTreeMap<String, String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first plan of a piece that gives sound.
fn make(planner: &Planner<'_>, index: u64, seen: &Mutex<Seen>) -> Option<(Plan, Vec<f32>)> {
    for attempt in 0..ATTEMPTS {
        let plan = planner.plan(index, attempt)?;
        match planner.render(&plan) {
            Ok(samples) => return Some((plan, samples)),
            Err(Unusable::Silent) => lock(seen).silent += 1,
            Err(Unusable::Damaged { id, reason }) => {
                // The least of the reasons, so that what is reported does not depend on who came first.
                let mut seen = lock(seen);
                let known = seen.damaged.entry(id).or_insert_with(|| reason.clone());
                if reason < *known {
                    *known = reason;
                }
            }
        }
    }
    let reason = format!("left out: none of {ATTEMPTS} plans gave sound");
    lock(seen).damaged.insert(format!("piece {index}"), reason);
    None
}

fn entry(index: u64, plan: &Plan, music: &[Track], voices: &[Track], level: f32) -> Entry {
    let split = match plan.split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    };
    let spoken = || plan.voice.as_ref().and_then(|voice| voice.parts.first()).map(|part| &voices[part.track]);
    let main = plan.music.as_ref().map(|part| &music[part.track]).or_else(spoken);
    Entry {
        index,
        split: split.into(),
        artist: main.map(|track| track.group.clone()).unwrap_or_default(),
        source: recipe::source(plan, music, voices),
        recipe: recipe::recipe(plan, music, voices),
        level,
    }
}
