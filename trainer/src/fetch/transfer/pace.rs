//! How often a server is asked, by all threads together.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The next moment at which anyone may ask.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub fn new(per_second: Option<f64>) -> Self {
        let interval =
            per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate.max(1e-3)));
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn.
    pub fn wait(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(|e| e.into_inner());
            let turn = (*next).max(Instant::now());
            *next = turn + self.interval;
            turn
        };
        std::thread::sleep(turn.saturating_duration_since(Instant::now()));
    }

    /// Nobody asks for as long: the server has said so.
    pub fn pause(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(|e| e.into_inner());
        *next = (*next).max(Instant::now() + pause);
    }
}
