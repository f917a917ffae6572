//! The sound card, through rodio and cpal.

use super::sink::{AHEAD, Sink, SinkError};
use rodio::{ChannelCount, DeviceSinkBuilder, MixerDeviceSink, SampleRate, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

/// The default sound card.
pub struct Sound {
    device: MixerDeviceSink,
    feed: Option<Sender<Vec<f32>>>,
    sample_rate: u32,
    channels: usize,
    taken: u64,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Frames that went out.
    played: AtomicU64,
    paused: AtomicBool,
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sound").field("sample_rate", &self.sample_rate).finish_non_exhaustive()
    }
}

impl Sound {
    /// Opens the card.
    ///
    /// # Errors
    /// When there is none.
    pub fn open() -> Result<Self, SinkError> {
        let mut device =
            DeviceSinkBuilder::open_default_sink().map_err(|error| SinkError(error.to_string()))?;
        device.log_on_drop(false);
        let shared = Arc::default();
        Ok(Self { device, feed: None, sample_rate: 1, channels: 1, taken: 0, shared })
    }
}

impl Sink for Sound {
    fn begin(&mut self, sample_rate: u32, channels: usize) -> Result<(), SinkError> {
        let wrong = || SinkError(format!("{sample_rate} Hz and {channels} channels"));
        let count = u16::try_from(channels).ok().and_then(ChannelCount::new).ok_or_else(wrong)?;
        let rate = SampleRate::new(sample_rate).ok_or_else(wrong)?;
        let (feed, samples) = channel();
        // The source before this one ends when its feed does.
        let paused = self.shared.paused.load(Ordering::Relaxed);
        self.shared = Arc::new(Shared { played: AtomicU64::new(0), paused: AtomicBool::new(paused) });
        let shared = Arc::clone(&self.shared);
        self.device.mixer().add(Fed { samples, piece: Vec::new(), at: 0, count, rate, shared });
        self.feed = Some(feed);
        (self.sample_rate, self.channels, self.taken) = (sample_rate, channels, 0);
        Ok(())
    }

    fn offer(&mut self, interleaved: &[f32]) -> bool {
        let waiting = self.taken.saturating_sub(self.played());
        if waiting as f64 > AHEAD * f64::from(self.sample_rate) {
            return false;
        }
        let Some(feed) = &self.feed else { return true };
        self.taken += (interleaved.len() / self.channels) as u64;
        // A card that went away takes everything, and nothing is heard.
        let _ = feed.send(interleaved.to_vec());
        true
    }

    fn played(&self) -> u64 {
        self.shared.played.load(Ordering::Relaxed).min(self.taken)
    }

    fn pause(&mut self, paused: bool) {
        self.shared.paused.store(paused, Ordering::Relaxed);
    }
}

/// Samples that come from the session.
struct Fed {
    samples: Receiver<Vec<f32>>,
    piece: Vec<f32>,
    at: usize,
    count: ChannelCount,
    rate: SampleRate,
    shared: Arc<Shared>,
}

impl Iterator for Fed {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.at == self.piece.len() {
            if self.shared.paused.load(Ordering::Relaxed) {
                return Some(0.0);
            }
            let frames = self.piece.len() / usize::from(self.count.get());
            self.shared.played.fetch_add(frames as u64, Ordering::Relaxed);
            self.piece.clear();
            self.at = 0;
            match self.samples.try_recv() {
                Ok(piece) => self.piece = piece,
                // Late: silence until more comes.
                Err(TryRecvError::Empty) => return Some(0.0),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        let sample = self.piece.get(self.at).copied().unwrap_or(0.0);
        self.at = (self.at + 1).min(self.piece.len());
        // Float files may hold what is no sound.
        Some(if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 })
    }
}

impl Source for Fed {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> ChannelCount {
        self.count
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}
