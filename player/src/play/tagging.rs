//! The thread that hears what plays.

use super::now::{Board, HISTORY, TagNow};
use runtime::pcm::Pcm;
use runtime::tagger::{Pace, TagStream, Tagger};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Pieces of music that wait to be heard; more are missed.
const WAITING: usize = 64;

enum Piece {
    /// What follows begins at this second of the song with this number.
    From(u64, f64),
    Samples(u32, Vec<f32>),
}

/// Hands music to the thread, and never waits for it.
pub(super) struct Ear {
    pieces: SyncSender<Piece>,
    /// Where what comes next begins, where it does not follow what was handed over.
    gap: Option<(u64, f64)>,
}

impl Ear {
    pub fn new(tagger: Arc<Tagger>, board: Arc<Board>) -> Self {
        let (pieces, queue) = sync_channel(WAITING);
        std::thread::spawn(move || hear(&tagger, &board, &queue));
        Self { pieces, gap: None }
    }

    /// What comes next begins at this second of the song with this number.
    pub fn from(&mut self, song: u64, second: f64) {
        self.gap = Some((song, second));
    }

    /// Samples that begin at `second` of the song.
    pub fn push(&mut self, song: u64, second: f64, sample_rate: u32, mono: &[f32]) {
        if let Some((song, second)) = self.gap {
            if self.pieces.try_send(Piece::From(song, second)).is_err() {
                return;
            }
            self.gap = None;
        }
        if let Err(TrySendError::Full(_)) = self.pieces.try_send(Piece::Samples(sample_rate, mono.to_vec())) {
            let after = second + mono.len() as f64 / f64::from(sample_rate);
            self.gap = Some((song, after));
        }
    }
}

fn hear(tagger: &Tagger, board: &Board, queue: &Receiver<Piece>) {
    let mut stream = TagStream::new(tagger, Pace::Live);
    let (mut song, mut start) = (0, 0.0);
    let (mut sums, mut windows) = (vec![0.0f64; tagger.tags().len()], 0);
    for piece in queue {
        match piece {
            Piece::From(number, second) => {
                stream = TagStream::new(tagger, Pace::Live);
                if number != song {
                    sums.fill(0.0);
                    windows = 0;
                }
                (song, start) = (number, second);
            }
            Piece::Samples(sample_rate, samples) => {
                let before = stream.windows();
                // What cannot be heard is passed over: music goes on.
                if stream.push(Pcm::new(sample_rate, &samples)).is_err() {
                    start += stream.seconds();
                    stream = TagStream::new(tagger, Pace::Live);
                    continue;
                }
                for window in before..stream.windows() {
                    let p = stream.probabilities(window);
                    sums.iter_mut().zip(p).for_each(|(sum, &p)| *sum += f64::from(p));
                    windows += 1;
                    let at = start + window as f64 * tagger.hop_seconds() + tagger.window_seconds();
                    tell(board, tagger, song, windows, (at, p), &sums);
                }
                // The answers that were told are not needed again.
                if stream.windows() > HISTORY {
                    start += stream.seconds();
                    stream = TagStream::new(tagger, Pace::Live);
                }
            }
        }
    }
}

fn tell(board: &Board, tagger: &Tagger, song: u64, windows: usize, last: (f64, &[f32]), sums: &[f64]) {
    let mut tags: Vec<TagNow> = tagger
        .tags()
        .iter()
        .zip(last.1)
        .zip(sums)
        .map(|((tag, &p), sum)| TagNow { tag: tag.clone(), p, mean: (sum / windows as f64) as f32 })
        .collect();
    tags.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    board.write(false, |now| {
        // The song may have been skipped meanwhile.
        if now.song == song {
            now.tags = tags;
            now.windows = windows;
            if now.history.len() == HISTORY {
                now.history.remove(0);
            }
            now.history.push((last.0, last.1.to_vec()));
        }
    });
}
