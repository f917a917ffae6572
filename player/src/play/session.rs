//! The thread that plays.

use super::now::Board;
use super::sink::Sink;
use super::tagging::Ear;
use super::titles::Titles;
use crate::library::meta::Meta;
use runtime::decode::AudioStream;
use runtime::tagger::Tagger;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a listener wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Hold, or go on.
    Pause(bool),
    /// Hold if it plays, go on if it holds.
    Toggle,
    /// The next song.
    Skip,
    /// The song before, or this one from its start where more than three seconds were played.
    Back,
    /// So many seconds on, or back.
    SeekBy(f64),
    /// To this second.
    SeekTo(f64),
    /// These songs instead of all that are queued, the first one at once and from this second on.
    Play(Vec<PathBuf>, f64),
    /// These songs next, before what is queued.
    Next(Vec<PathBuf>),
    /// These songs after what is queued.
    Add(Vec<PathBuf>),
    /// The end.
    Quit,
}

/// Whether a session ends with its last song, or waits for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// It ends.
    Quit,
    /// It waits.
    Wait,
}

/// A session that plays on a thread of its own.
#[derive(Debug)]
pub struct Session {
    commands: Sender<Command>,
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Begins to play. Songs that cannot be played are passed over, and told in [`Now::trouble`](super::now::Now).
    pub fn start(songs: Vec<PathBuf>, tagger: Arc<Tagger>, sink: Box<dyn Sink>, at_end: AtEnd) -> Self {
        let (commands, orders) = channel();
        let board = Arc::new(Board::default());
        let ear = Ear::new(tagger, Arc::clone(&board));
        let titles = Titles::new(Arc::clone(&board));
        let told = Arc::clone(&board);
        let thread = std::thread::spawn(move || {
            let mut playing = Playing {
                songs,
                next: 0,
                number: 0,
                sink,
                ear,
                titles,
                board: told,
                orders,
                at_end,
                current: None,
                paused: false,
            };
            playing.run();
        });
        Self { commands, board, thread: Some(thread) }
    }

    /// What plays.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Tells it what is wanted; false where it has ended.
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// A way to tell it from another thread.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.clone()
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Quit);
        if let Some(thread) = self.thread.take() {
            // What it panicked with was printed.
            let _ = thread.join();
        }
    }
}

/// A song that plays.
struct Current {
    audio: AudioStream,
    /// The second at which the sink began.
    from: f64,
    /// Frames that were given to the sink since.
    given: u64,
    /// What the sink was told; 0 before the first block.
    sample_rate: u32,
    channels: usize,
    /// A block that the sink had no room for.
    waiting: Vec<f32>,
    decoded_all: bool,
}

struct Playing {
    songs: Vec<PathBuf>,
    /// Which of them comes next.
    next: usize,
    number: u64,
    sink: Box<dyn Sink>,
    ear: Ear,
    titles: Titles,
    board: Arc<Board>,
    orders: Receiver<Command>,
    at_end: AtEnd,
    current: Option<Current>,
    paused: bool,
}

/// How long it waits for room in the sink, or for a command.
const TICK: Duration = Duration::from_millis(20);

impl Playing {
    fn run(&mut self) {
        loop {
            let idle = self.current.is_none() || self.paused || !self.advance();
            let order = if idle {
                match self.orders.recv_timeout(TICK) {
                    Ok(order) => Some(order),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                self.orders.try_recv().ok()
            };
            if let Some(order) = order
                && !self.obey(order)
            {
                return;
            }
            self.tell_position();
            if self.current.is_none() && !self.open_next(0.0) && self.at_end == AtEnd::Quit {
                return;
            }
        }
    }

    /// Gives the sink one block; false where it has no room, or the song's last samples are still sounding.
    fn advance(&mut self) -> bool {
        let Some(current) = &mut self.current else { return false };
        if !current.waiting.is_empty() {
            if !self.sink.offer(&current.waiting) {
                return false;
            }
            current.given += (current.waiting.len() / current.channels) as u64;
            current.waiting.clear();
        }
        if current.decoded_all {
            if self.sink.played() < current.given {
                return false;
            }
            self.current = None;
            return true;
        }
        let second = current.from + current.given as f64 / f64::from(current.sample_rate.max(1));
        match current.audio.next() {
            Ok(Some(block)) => {
                if (block.sample_rate, block.channels) != (current.sample_rate, current.channels) {
                    // Channels that change on the way are rare, and cost what still waits.
                    current.from = second;
                    current.given = 0;
                    (current.sample_rate, current.channels) = (block.sample_rate, block.channels);
                    if let Err(error) = self.sink.begin(block.sample_rate, block.channels) {
                        self.trouble(error.to_string());
                        self.current = None;
                        return true;
                    }
                }
                self.ear.push(self.number, second, block.sample_rate, block.mono);
                block.append_interleaved(&mut current.waiting);
            }
            Ok(None) => current.decoded_all = true,
            Err(error) => {
                self.trouble(error.to_string());
                self.current = None;
            }
        }
        true
    }

    fn trouble(&self, trouble: String) {
        self.board.write(false, |now| now.trouble = Some(trouble));
    }

    fn position(&self) -> f64 {
        self.current.as_ref().map_or(0.0, |current| {
            current.from + self.sink.played() as f64 / f64::from(current.sample_rate.max(1))
        })
    }

    fn tell_position(&self) {
        if self.current.as_ref().is_some_and(|current| current.sample_rate > 0) {
            let position = self.position();
            self.board.write(true, |now| now.position = position);
        }
    }

    /// Opens the next song that can be, the very next one at this second; false where there is none.
    fn open_next(&mut self, from: f64) -> bool {
        let wanted = self.next;
        while let Some(path) = self.songs.get(self.next).cloned() {
            let from = if self.next == wanted { from } else { 0.0 };
            self.next += 1;
            match AudioStream::open(&path) {
                Ok(audio) => {
                    self.begin(&path, audio, from);
                    return true;
                }
                Err(error) => {
                    self.trouble(error.to_string());
                }
            }
        }
        if !self.board.look(|now, _| now.ended) {
            self.board.write(false, |now| now.ended = true);
        }
        false
    }

    fn begin(&mut self, path: &Path, mut audio: AudioStream, from: f64) {
        let from = if from > 0.0 && audio.seek(from).unwrap_or(false) { from } else { 0.0 };
        self.number += 1;
        self.ear.from(self.number, from);
        let meta = Meta::read(path);
        let (number, paused, duration) = (self.number, self.paused, audio.stated_seconds());
        self.board.write(false, |now| {
            *now = super::now::Now {
                song: number,
                path: path.into(),
                name: meta.name(path),
                position: from,
                duration,
                paused,
                trouble: now.trouble.take(),
                ..Default::default()
            };
        });
        self.tell_next();
        self.current = Some(Current {
            audio,
            from,
            given: 0,
            sample_rate: 0,
            channels: 0,
            waiting: Vec::new(),
            decoded_all: false,
        });
    }

    fn tell_next(&self) {
        self.titles.want(self.number, &self.songs[self.next.min(self.songs.len())..]);
    }

    fn seek(&mut self, second: f64) {
        let Some(current) = &mut self.current else { return };
        let second = second.max(0.0);
        if let Some(end) = current.audio.stated_seconds()
            && second >= end
        {
            self.current = None;
            return;
        }
        if !current.audio.seek(second).unwrap_or(false) {
            self.trouble("this file cannot be sought".into());
            return;
        }
        current.from = second;
        current.given = 0;
        current.sample_rate = 0;
        current.waiting.clear();
        current.decoded_all = false;
        self.ear.from(self.number, second);
        self.board.write(false, |now| now.position = second);
    }

    fn hold(&mut self, paused: bool) {
        self.paused = paused;
        self.sink.pause(paused);
        self.board.write(false, |now| now.paused = paused);
    }

    /// Does what is wanted; false at the end.
    fn obey(&mut self, order: Command) -> bool {
        match order {
            Command::Quit => return false,
            Command::Pause(paused) => self.hold(paused),
            Command::Toggle => self.hold(!self.paused),
            Command::Skip => self.current = None,
            Command::Back => {
                if self.position() > 3.0 || self.next < 2 {
                    self.seek(0.0);
                } else {
                    self.next -= 2;
                    self.current = None;
                }
            }
            Command::SeekBy(seconds) => self.seek(self.position() + seconds),
            Command::SeekTo(second) => self.seek(second),
            Command::Play(songs, from) => {
                (self.songs, self.next, self.current) = (songs, 0, None);
                if self.paused {
                    self.hold(false);
                }
                self.open_next(from);
            }
            Command::Next(songs) => {
                let next = self.next.min(self.songs.len());
                drop(self.songs.splice(next..next, songs));
                self.tell_next();
            }
            Command::Add(songs) => {
                self.songs.extend(songs);
                self.tell_next();
            }
        }
        true
    }
}
