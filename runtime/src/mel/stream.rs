//! The streaming log-mel extractor.

use core::borrow::{Borrow, BorrowMut};

use microfft::Complex32;

use super::config::{MelConfig, MelError, PadMode};
use super::fft::{FftSize, Points};
#[cfg(feature = "lanes")]
use super::lanes;
use super::tables::MelTables;
use crate::pcm::{Pcm, sane};

/// Log-mel frames of a stream of samples, for FFTs of `N_FFT` points and at most `MAX_BANDS` bands.
///
/// Push the samples of a clip in pieces of any size, then [`flush`](Self::flush): the frames are, bit for bit,
/// those of pushing the whole clip at once. Nothing is allocated. The state takes `4 * N_FFT` bytes and some, its tables
/// `8 * N_FFT + 6 * MAX_BANDS` more where they are not [borrowed](Self::with_tables); `push` and `flush` have `4 * N_FFT + 4 * MAX_BANDS` more on their stack; with the
/// feature `lanes` it is `16 * N_FFT + 6 * MAX_BANDS`, and `36 * N_FFT + 24 * MAX_BANDS` on the stack.
///
/// A sample that is not finite, or beyond ±1e12, counts as 0: one broken sample then spoils no frame, and
/// nothing that is pushed panics.
#[derive(Clone, Debug)]
pub struct LogMel<
    const N_FFT: usize,
    const MAX_BANDS: usize,
    T = MelTables<N_FFT, MAX_BANDS>,
    F = [f32; N_FFT],
> {
    tables: T,
    #[cfg(feature = "lanes")]
    twiddles: lanes::Twiddles<N_FFT>,
    /// The samples under the next frame, of which the first `filled` are known.
    frame: F,
    filled: usize,
    /// The sample before `frame`: the mirrored end of a clip can reach one sample further back.
    before: f32,
    /// Whether the next frame is the clip's first, its left half not yet padded.
    first: bool,
}

impl<const N_FFT: usize, const MAX_BANDS: usize> LogMel<N_FFT, MAX_BANDS>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    /// Computes window and filters.
    ///
    /// # Errors
    /// Those of [`MelTables::new`].
    pub fn new(config: &MelConfig) -> Result<Self, MelError> {
        Ok(Self::with_tables(MelTables::new(config)?))
    }
}

impl<const N_FFT: usize, const MAX_BANDS: usize, T> LogMel<N_FFT, MAX_BANDS, T>
where
    Points<N_FFT>: FftSize<N_FFT>,
    T: Borrow<MelTables<N_FFT, MAX_BANDS>>,
{
    /// An extractor with tables that are there already: `LogMel::with_tables(MelTables::MINIM)` has them in flash.
    pub fn with_tables(tables: T) -> Self {
        Self::lent(tables, [0.0; N_FFT])
    }
}

impl<const N_FFT: usize, const MAX_BANDS: usize, T, F> LogMel<N_FFT, MAX_BANDS, T, F>
where
    Points<N_FFT>: FftSize<N_FFT>,
    T: Borrow<MelTables<N_FFT, MAX_BANDS>>,
    F: BorrowMut<[f32; N_FFT]>,
{
    /// An extractor whose tables and samples lie elsewhere: `frame`, which may hold anything, is for the samples.
    pub fn lent(tables: T, frame: F) -> Self {
        Self {
            tables,
            #[cfg(feature = "lanes")]
            twiddles: lanes::Twiddles::new(),
            frame,
            filled: N_FFT / 2,
            before: 0.0,
            first: true,
        }
    }

    /// What is computed.
    pub fn config(&self) -> &MelConfig {
        &self.tables.borrow().config
    }

    /// Takes the next samples of the clip and hands over the frames that they complete, oldest first, each of
    /// `mel_bands` values.
    ///
    /// A frame is complete when the last sample under it has come: it lags by `n_fft / 2` samples.
    ///
    /// # Errors
    /// [`MelError::PcmRate`] when the samples are at another rate; nothing has changed then.
    pub fn push(&mut self, pcm: Pcm<'_>, mut on_frame: impl FnMut(&[f32])) -> Result<(), MelError> {
        if pcm.sample_rate != self.config().sample_rate {
            return Err(MelError::PcmRate { expected: self.config().sample_rate, found: pcm.sample_rate });
        }
        let mut rest = pcm.samples;
        while !rest.is_empty() {
            #[cfg(feature = "lanes")]
            if !self.first
                && self.filled + rest.len() >= N_FFT + (lanes::LANES - 1) * self.config().hop_length
            {
                rest = self.push_several(rest, &mut on_frame);
                continue;
            }
            let (piece, later) = rest.split_at(rest.len().min(N_FFT - self.filled));
            copy_sane(piece, &mut self.frame.borrow_mut()[self.filled..][..piece.len()]);
            self.filled += piece.len();
            rest = later;
            if self.filled == N_FFT {
                self.emit(&mut on_frame);
            }
        }
        Ok(())
    }

    /// Ends the clip: pads its end and hands over the remaining frames. The next push begins a new clip.
    ///
    /// In all, [`MelConfig::frames`] frames have then been handed over; none for a clip without samples.
    pub fn flush(&mut self, mut on_frame: impl FnMut(&[f32])) {
        if self.first && self.filled > N_FFT / 2 {
            self.pad_short_clip();
            self.flush_from(&mut on_frame);
        } else if !self.first {
            self.flush_from(&mut on_frame);
        }
        self.reset();
    }

    /// Forgets the clip: the next push begins a new one.
    pub fn reset(&mut self) {
        self.filled = N_FFT / 2;
        self.first = true;
    }

    /// Emits all frames whose centre is not beyond the clip's end, which is at `filled`.
    fn flush_from(&mut self, on_frame: &mut impl FnMut(&[f32])) {
        let mut end = self.filled;
        while end >= N_FFT / 2 {
            for i in self.filled.max(end)..N_FFT {
                self.frame.borrow_mut()[i] = match self.config().pad_mode {
                    PadMode::Zeros => 0.0,
                    // The clip's last sample is at end - 1, its mirror image swaps end + k and end - 2 - k. It
                    // is never further back than one sample: the frame's centre is at most `end`.
                    PadMode::Reflect => match (2 * end).checked_sub(2 + i) {
                        Some(mirrored) => self.frame.borrow()[mirrored],
                        None => self.before,
                    },
                };
            }
            self.first = false;
            self.filled = N_FFT;
            self.emit(on_frame);
            match end.checked_sub(self.config().hop_length) {
                Some(next) => end = next,
                None => break,
            }
        }
    }

    /// Pads the left half of the clip's first frame, its right half being known.
    fn pad_left(&mut self) {
        let pad_mode = self.config().pad_mode;
        let (left, right) = self.frame.borrow_mut().split_at_mut(N_FFT / 2);
        // The window is 0 at the frame's first sample, so that sample need not be known.
        left[0] = 0.0;
        match pad_mode {
            PadMode::Zeros => left[1..].fill(0.0),
            PadMode::Reflect => {
                for (padded, &sample) in left[1..].iter_mut().rev().zip(&right[1..]) {
                    *padded = sample;
                }
            }
        }
        self.first = false;
    }

    /// Pads both sides of a clip that ended within the first frame, and so is shorter than half a frame.
    fn pad_short_clip(&mut self) {
        let centre = N_FFT / 2;
        let samples = self.filled - centre;
        let last = samples - 1;
        let pad_mode = self.config().pad_mode;
        let frame = self.frame.borrow_mut();
        for i in (0..centre).chain(self.filled..N_FFT) {
            frame[i] = match pad_mode {
                PadMode::Zeros => 0.0,
                PadMode::Reflect if last == 0 => frame[centre],
                PadMode::Reflect => {
                    let phase = i.abs_diff(centre) % (2 * last);
                    frame[centre + phase.min(2 * last - phase)]
                }
            };
        }
    }

    /// Hands over the frame that is complete and makes room for the next.
    fn emit(&mut self, on_frame: &mut impl FnMut(&[f32])) {
        if self.first {
            self.pad_left();
        }
        let mut windowed = *self.frame.borrow();
        for (sample, w) in windowed.iter_mut().zip(&self.tables.borrow().window) {
            *sample *= w;
        }
        let spectrum = <Points<N_FFT> as FftSize<N_FFT>>::rfft(&mut windowed);
        let mut bands = [0.0; MAX_BANDS];
        let bands = &mut bands[..self.config().mel_bands];
        self.add_powers(spectrum, bands);
        self.config().compression.apply(bands);
        on_frame(bands);

        let hop = self.config().hop_length;
        let frame = self.frame.borrow_mut();
        self.before = frame[hop - 1];
        frame.copy_within(hop.., 0);
        self.filled = N_FFT - hop;
    }

    /// Adds each band's power to `bands`; the spectrum is spent.
    fn add_powers(&self, spectrum: &mut [Complex32], bands: &mut [f32]) {
        for bin in spectrum.iter_mut() {
            bin.re = bin.re * bin.re + bin.im * bin.im;
        }
        for (band, (first_bin, weights)) in bands.iter_mut().zip(self.tables.borrow().filters.bands()) {
            for (bin, weight) in spectrum[first_bin..].iter().zip(weights) {
                *band += weight * bin.re;
            }
        }
    }

    /// Hands over [`lanes::LANES`] frames at once, all of which `rest` completes; returns what follows.
    #[cfg(feature = "lanes")]
    fn push_several<'a>(&mut self, rest: &'a [f32], on_frame: &mut impl FnMut(&[f32])) -> &'a [f32] {
        use lanes::LANES;
        let hop = self.config().hop_length;
        let mut samples = [[0.0; N_FFT]; LANES];
        let samples = &mut samples.as_flattened_mut()[..N_FFT + (LANES - 1) * hop];
        let (piece, later) = rest.split_at(samples.len() - self.filled);
        samples[..self.filled].copy_from_slice(&self.frame.borrow()[..self.filled]);
        copy_sane(piece, &mut samples[self.filled..]);

        let mut bands = [[0.0; LANES]; MAX_BANDS];
        let mut spectrum = self.twiddles.rfft(samples, hop, &self.tables.borrow().window);
        lanes::mel_bands(&mut spectrum, self.tables.borrow().filters.bands(), &mut bands);
        let bands = &mut bands[..self.config().mel_bands];
        self.config().compression.apply(bands.as_flattened_mut());
        let mut frame = [0.0; MAX_BANDS];
        for lane in 0..LANES {
            for (value, band) in frame.iter_mut().zip(&*bands) {
                *value = band[lane];
            }
            on_frame(&frame[..self.config().mel_bands]);
        }

        self.before = samples[LANES * hop - 1];
        self.filled = N_FFT - hop;
        self.frame.borrow_mut()[..self.filled].copy_from_slice(&samples[LANES * hop..]);
        later
    }
}

/// Copies samples, those that cannot be audio as 0.
#[inline]
fn copy_sane(from: &[f32], to: &mut [f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = sane(from);
    }
}
