//! What plays now, and what is heard in it.

use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A tag of what plays.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TagNow {
    /// Its name.
    pub tag: String,
    /// Probability in the last window.
    pub p: f32,
    /// Mean over what was heard of the song.
    pub mean: f32,
}

/// What plays; as JSON an object with its keys in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Now {
    /// Counts songs, from 1 on; 0 before the first.
    pub song: u64,
    /// The file.
    pub path: PathBuf,
    /// "artist - title", or the file's name.
    pub name: String,
    /// Seconds that were played.
    pub position: f64,
    /// Seconds in all, where the file says so.
    pub duration: Option<f64>,
    /// Whether it holds.
    pub paused: bool,
    /// Whether there is nothing more to play.
    pub ended: bool,
    /// Windows heard of this song.
    pub windows: usize,
    /// The tags, the likeliest over the song first; none before the first window.
    pub tags: Vec<TagNow>,
    /// Names of the songs that come next.
    pub next: Vec<String>,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// Position and probabilities (in the model's order) of each window.
    #[serde(skip)]
    pub history: Vec<(f64, Vec<f32>)>,
}

/// Windows that are kept for drawing: some 45 minutes.
pub(super) const HISTORY: usize = 4096;

/// What plays, for whoever wants to know.
#[derive(Debug, Default)]
pub struct Board {
    now: Mutex<(Now, u64)>,
    changed: Condvar,
}

impl Board {
    /// What plays, and the number of changes so far.
    pub fn read(&self) -> (Now, u64) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What `look` sees, without copying the rest.
    pub fn look<T>(&self, look: impl FnOnce(&Now, u64) -> T) -> T {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        look(&now.0, now.1)
    }

    /// Waits for a change after `seen`, at most for `patience`; the number of changes by then.
    pub fn wait(&self, seen: u64, patience: Duration) -> u64 {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(now, patience, |now| now.1 == seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }

    /// Changes it. What is told with `quiet` wakes nobody: the position, which passes anyway.
    pub(super) fn write(&self, quiet: bool, change: impl FnOnce(&mut Now)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now.0);
        if !quiet {
            now.1 += 1;
            self.changed.notify_all();
        }
    }
}
