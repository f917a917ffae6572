//! Waiting for new files.

use notify::{RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A folder that is copied into is left alone until nothing has changed for this long.
const QUIET: Duration = Duration::from_secs(2);

/// But no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These files or folders.
    Paths(Vec<PathBuf>),
    /// Nobody knows: look through everything.
    Everything,
}

/// Watches folders, and all folders in them.
pub struct FolderWatch {
    _watcher: notify::RecommendedWatcher,
    events: Receiver<notify::Result<notify::Event>>,
}

impl FolderWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the operating system cannot, or has no room for so many folders.
    pub fn new(folders: &[PathBuf]) -> notify::Result<Self> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(move |event| drop(sender.send(event)))?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(Self { _watcher: watcher, events })
    }

    /// Waits until something has changed and has come to rest; nothing once `stop` is set.
    pub fn next(&self, stop: &AtomicBool) -> Option<Changed> {
        let mut paths = BTreeSet::new();
        let mut everything = false;
        let (mut first, mut last) = (None::<Instant>, Instant::now());
        while !stop.load(Ordering::Relaxed) {
            match self.events.recv_timeout(Duration::from_millis(200)) {
                Ok(Ok(event)) if event.kind.is_access() => {}
                Ok(Ok(event)) => {
                    everything |= event.need_rescan();
                    paths.extend(event.paths);
                    last = Instant::now();
                    first.get_or_insert(last);
                }
                Ok(Err(_)) => {
                    everything = true;
                    first.get_or_insert(last);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
            let Some(first) = first else { continue };
            if last.elapsed() >= QUIET || first.elapsed() >= PATIENCE {
                // What was there and is not any more is found by looking through the whole.
                everything |= paths.iter().any(|path| !path.exists());
                return Some(if everything {
                    Changed::Everything
                } else {
                    Changed::Paths(paths.into_iter().collect())
                });
            }
        }
        None
    }
}
