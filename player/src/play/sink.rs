//! Where samples go at the music's pace.

use std::time::{Duration, Instant};

/// Seconds of music that wait in a sink at most.
pub const AHEAD: f64 = 0.4;

/// Why there is no sound.
#[derive(Debug, thiserror::Error)]
#[error("no sound: {0}")]
pub struct SinkError(pub String);

/// Plays samples in real time.
pub trait Sink: Send {
    /// Begins with samples at this rate and with so many channels; what still waits is dropped.
    ///
    /// # Errors
    /// When the sound card does not want them.
    fn begin(&mut self, sample_rate: u32, channels: usize) -> Result<(), SinkError>;

    /// Takes interleaved samples; false, and nothing is taken, where enough wait already.
    fn offer(&mut self, interleaved: &[f32]) -> bool;

    /// Frames that were heard since [`begin`](Self::begin).
    fn played(&self) -> u64;

    /// Holds, or goes on.
    fn pause(&mut self, paused: bool);
}

/// Plays nothing, and takes as long for it.
#[derive(Debug)]
pub struct Silent {
    sample_rate: u32,
    channels: usize,
    taken: u64,
    /// Music that passed up to `since`.
    before: Duration,
    /// When it went on last; none while it holds.
    since: Option<Instant>,
}

impl Default for Silent {
    fn default() -> Self {
        let since = Some(Instant::now());
        Self { sample_rate: 1, channels: 1, taken: 0, before: Duration::ZERO, since }
    }
}

impl Silent {
    fn clock(&self) -> f64 {
        (self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())).as_secs_f64()
    }
}

impl Sink for Silent {
    fn begin(&mut self, sample_rate: u32, channels: usize) -> Result<(), SinkError> {
        (self.sample_rate, self.channels) = (sample_rate.max(1), channels.max(1));
        (self.taken, self.before) = (0, Duration::ZERO);
        self.since = self.since.map(|_| Instant::now());
        Ok(())
    }

    fn offer(&mut self, interleaved: &[f32]) -> bool {
        let ahead = self.taken as f64 / f64::from(self.sample_rate) - self.clock();
        if self.since.is_none() || ahead > AHEAD {
            return false;
        }
        // After a gap, music is late, not hurried.
        if ahead < 0.0 {
            self.before = Duration::from_secs_f64(self.taken as f64 / f64::from(self.sample_rate));
            self.since = Some(Instant::now());
        }
        self.taken += (interleaved.len() / self.channels) as u64;
        true
    }

    fn played(&self) -> u64 {
        ((self.clock() * f64::from(self.sample_rate)) as u64).min(self.taken)
    }

    fn pause(&mut self, paused: bool) {
        if paused {
            self.before = Duration::from_secs_f64(self.clock());
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_passes_at_the_pace_of_music() {
        let mut sink = Silent::default();
        sink.begin(1000, 2).unwrap();
        let started = Instant::now();
        let mut frames = 0;
        while started.elapsed() < Duration::from_millis(300) {
            if sink.offer(&[0.0; 20]) {
                frames += 10;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // 0.3 s, and what waits; a busy machine may be slower and never faster.
        assert!(frames <= 300 + 400 + 20 + 60, "{frames}");
        assert!(sink.played() <= frames && sink.played() > 0);
        sink.pause(true);
        let (played, taken) = (sink.played(), sink.taken);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!((sink.played(), sink.offer(&[0.0; 20]), sink.taken), (played, false, taken));
        sink.pause(false);
        sink.begin(1000, 1).unwrap();
        assert!(sink.offer(&[0.0; 20]) && sink.played() <= 20);
    }
}
