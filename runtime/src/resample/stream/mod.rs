//! Resampling to 12 kHz on a device: a stream in pieces of any size, with fixed buffers and in fixed point.
//!
//! A rational polyphase filter: a sinc under a Kaiser window, rounded to 16 bits. Full up to 0.9 of the band's 6 kHz to
//! within 0.01 dB, half at 0.9568 and at least 77 dB down from 6 kHz on, where everything would come back as another
//! pitch; the tests hold the stored taps to it. This is the edge of the clip resampler, and so the one that networks are
//! trained behind.
//!
//! ```
//! use runtime::resample::{Resampler, Source};
//!
//! let mut resampler = Resampler::new(Source::stereo(44_100))?;
//! let mut samples = 0;
//! for piece in [[0i16; 882]; 10] {
//!     resampler.push(&piece, |mono| samples += mono.len());
//! }
//! resampler.flush(|mono| samples += mono.len());
//! assert_eq!(samples, 1_200); // a tenth of a second
//! # Ok::<(), runtime::resample::SourceRateError>(())
//! ```

mod dot;
mod filter;
mod sample;
#[cfg(test)]
mod tests;

use core::borrow::{Borrow, BorrowMut};
pub use filter::Filter;
use sample::Room;
pub use sample::{Channels, Sample, Source, SourceRateError};

/// Most taps of a phase.
const MOST_TAPS: usize = 464;
/// Samples that are taken together before the filter runs.
const BLOCK: usize = 128;
/// Lowest bits of the sums that are left out.
const SPARE_BITS: u32 = 8;
/// Samples of a stream that are kept.
pub const HISTORY: usize = MOST_TAPS + BLOCK;
/// Samples that are handed over together.
const OUT: usize = 32;

/// A stream on its way to 12 kHz.
///
/// Sample `i` that goes out lies at the time of sample `i * from / 12000` that came in; the filter's delay is taken off, so
/// the first samples come late by half the filter, 4.7 ms. Before and after the stream is silence.
#[derive(Clone, Debug)]
pub struct Resampler<H = History> {
    filter: &'static Filter,
    channels: Channels,
    /// Mono samples; those from `start` on are still under the filter.
    history: H,
    filled: usize,
    start: usize,
    phase: u16,
    /// A left sample whose right one has not come.
    left: Option<f32>,
    /// Mono samples so far, and samples that went out.
    came: u64,
    went: u64,
}

/// Room for a stream's samples, on a boundary of 32 bits.
#[derive(Clone, Debug)]
#[repr(align(4))]
pub struct History([i16; HISTORY]);

impl Borrow<[i16; HISTORY]> for History {
    fn borrow(&self) -> &[i16; HISTORY] {
        &self.0
    }
}

impl BorrowMut<[i16; HISTORY]> for History {
    fn borrow_mut(&mut self) -> &mut [i16; HISTORY] {
        &mut self.0
    }
}

impl Resampler {
    /// A stream from `source`.
    ///
    /// # Errors
    /// When there is no filter from that rate.
    pub fn new(source: Source) -> Result<Self, SourceRateError> {
        let filter = Filter::from_rate(source.sample_rate);
        let filter = filter.ok_or(SourceRateError { sample_rate: source.sample_rate })?;
        Ok(Self::with_filter(filter, source.channels))
    }

    /// A stream through a filter; the program then holds no other filter's taps.
    pub fn with_filter(filter: &'static Filter, channels: Channels) -> Self {
        Self::lent(filter, channels, History([0; HISTORY]))
    }
}

impl<H: BorrowMut<[i16; HISTORY]>> Resampler<H> {
    /// A stream whose samples lie elsewhere: `history`, which may hold anything, is for them. On a boundary of 32 bits the
    /// filter is faster.
    pub fn lent(filter: &'static Filter, channels: Channels, history: H) -> Self {
        let mut new =
            Self { filter, channels, history, filled: 0, start: 0, phase: 0, left: None, came: 0, went: 0 };
        new.reset();
        new
    }

    /// Forgets the stream: the next push begins a new one.
    pub fn reset(&mut self) {
        // The first output lies on the first sample: half a filter of silence is before it.
        self.filled = usize::from(self.filter.taps / 2).saturating_sub(1);
        self.history.borrow_mut()[..self.filled].fill(0);
        (self.start, self.phase, self.left, self.came, self.went) = (0, 0, None, 0, 0);
    }

    /// Takes the next samples, interleaved where there are two channels, and hands over what they give.
    pub fn push<S: Sample>(&mut self, samples: &[S], mut on_samples: impl FnMut(&[f32])) {
        let mut samples = samples;
        if self.channels == Channels::Mono {
            return self.push_mono(&mut |room| S::take_mono(&mut samples, room), &mut on_samples);
        }
        if let (Some(left), [right, rest @ ..]) = (self.left, samples) {
            // A pair that came in two pieces.
            self.left = None;
            let pair = [S::from_f32(left), *right];
            let mut pair = &pair[..];
            self.push_mono(&mut |room| S::take_stereo(&mut pair, room), &mut on_samples);
            samples = rest;
        }
        self.push_mono(&mut |room| S::take_stereo(&mut samples, room), &mut on_samples);
        if let [left] = samples {
            self.left = Some(left.to_f32());
        }
    }

    /// Ends the stream: hands over what the filter still holds. The next push begins a new one.
    ///
    /// `ceil(n * 12000 / from)` samples have then gone out for `n` that came in.
    pub fn flush(&mut self, mut on_samples: impl FnMut(&[f32])) {
        let (up, down) = (u64::from(self.filter.up), u64::from(self.filter.down));
        let total = (self.came * up).div_ceil(down);
        let mut left = total.saturating_sub(self.went);
        let mut whole = |piece: &[f32]| {
            let piece = &piece[..piece.len().min(left as usize)];
            left -= piece.len() as u64;
            if !piece.is_empty() {
                on_samples(piece);
            }
        };
        if self.filter.taps > 0 {
            let silence = [0i16; MOST_TAPS];
            let mut silence = &silence[..self.filter.taps.into()];
            self.push_mono(&mut |room| i16::take_mono(&mut silence, room), &mut whole);
        }
        self.reset();
    }

    /// Takes what `take` fills rooms with, until it leaves one unfilled.
    ///
    /// Not generic, and so there once in a program.
    fn push_mono(&mut self, take: &mut dyn FnMut(Room<'_>) -> usize, on_samples: &mut dyn FnMut(&[f32])) {
        if self.filter.taps == 0 {
            return pass_through(take, on_samples);
        }
        loop {
            let room = &mut self.history.borrow_mut()[self.filled..];
            let size = room.len();
            let taken = take(Room::Integers(room));
            self.came += taken as u64;
            self.filled += taken;
            self.filter(on_samples);
            if taken < size {
                return;
            }
            self.history.borrow_mut().copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
    }

    /// Hands over what can be worked out from the samples so far.
    fn filter(&mut self, on_samples: &mut dyn FnMut(&[f32])) {
        let Filter { up, down, taps, gain, table, .. } = *self.filter;
        let taps = usize::from(taps);
        // Full scale is that of 16 bits times the gain.
        let scale = (1 << SPARE_BITS) as f32 / (32_768.0 * gain as f32);
        let (mut out, mut ready) = ([0.0; OUT], 0);
        while self.start + taps <= self.filled {
            let history = &self.history.borrow()[self.start..self.start + taps];
            let sum = dot::dot(history, &table[usize::from(self.phase) * taps..][..taps]);
            // Without its lowest bits, some 140 dB below full scale, a sum fits in 32.
            out[ready] = (sum >> SPARE_BITS) as i32 as f32 * scale;
            ready += 1;
            if ready == OUT {
                self.went += OUT as u64;
                on_samples(&out);
                ready = 0;
            }
            let phase = self.phase + down;
            self.start += usize::from(phase / up);
            self.phase = phase % up;
        }
        if ready > 0 {
            self.went += ready as u64;
            on_samples(&out[..ready]);
        }
    }
}

/// 12 kHz: as it is.
fn pass_through(take: &mut dyn FnMut(Room<'_>) -> usize, on_samples: &mut dyn FnMut(&[f32])) {
    let mut out = [0.0; OUT];
    loop {
        let taken = take(Room::Floats(&mut out));
        if taken > 0 {
            on_samples(&out[..taken]);
        }
        if taken < OUT {
            return;
        }
    }
}
