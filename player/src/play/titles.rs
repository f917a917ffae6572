//! The thread that reads what the songs that come next are called, so that playing never waits for their files.

use super::now::Board;
use crate::library::meta::Meta;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How many of the songs that come next are named.
const NAMED: usize = 10;

/// Asks the thread, and never waits for it.
pub(super) struct Titles(Sender<(u64, Vec<PathBuf>)>);

impl Titles {
    pub fn new(board: Arc<Board>) -> Self {
        let (wanted, queue) = channel();
        std::thread::spawn(move || read(&board, &queue));
        Self(wanted)
    }

    /// Has the names of what comes after the song with this number put on the board.
    pub fn want(&self, song: u64, next: &[PathBuf]) {
        // The thread ends with this sender, not before.
        let _ = self.0.send((song, next.iter().take(NAMED).cloned().collect()));
    }
}

fn read(board: &Board, queue: &Receiver<(u64, Vec<PathBuf>)>) {
    // A queue moves on by one song: the other names are known from before.
    let mut known: Vec<(PathBuf, String)> = Vec::new();
    while let Ok(mut wanted) = queue.recv() {
        while let Ok(newer) = queue.try_recv() {
            wanted = newer;
        }
        let (song, next) = wanted;
        let name = |path: PathBuf| {
            let name = known.iter().find(|(other, _)| *other == path).map(|(_, name)| name.clone());
            let name = name.unwrap_or_else(|| Meta::read(&path).name(&path));
            (path, name)
        };
        let named: Vec<_> = next.into_iter().map(name).collect();
        let names: Vec<_> = named.iter().map(|(_, name)| name.clone()).collect();
        known = named;
        // What is there already wakes nobody; what plays may be another song by now.
        if board.look(|now, _| now.song == song && now.next != names) {
            board.write(false, |now| {
                if now.song == song {
                    now.next = names;
                }
            });
        }
    }
}
