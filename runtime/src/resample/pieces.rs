//! A clip that comes in pieces, of any length, in little memory.

use std::sync::Arc;

use realfft::RealFftPlanner;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::clip::{HIGHEST_RATE, LOWEST_RATE, ResampleError};
use super::edge::{self, SIDE};
use crate::pcm;

/// Samples of a transform at the lower of both rates, or more: some 0.2 s of the music that networks hear, of which nine
/// tenths are new.
const SHORTEST_TRANSFORM: usize = 2048;

/// Resamples a clip as [`resample`](super::resample) does, bit for bit, while it comes: what is pushed, piece after piece,
/// is the clip. Its result lags by 0.4 to 0.7 s and needs some 200 kB at usual rates, however long the clip is.
#[derive(Debug)]
pub struct PieceResampler {
    /// None where the rates are the same.
    converter: Option<Converter>,
}

impl PieceResampler {
    /// A resampler of mono samples from one rate to another, both in hertz.
    ///
    /// # Errors
    /// Rates outside [`LOWEST_RATE`] to [`HIGHEST_RATE`].
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let rates = LOWEST_RATE..=HIGHEST_RATE;
        if !rates.contains(&from) || !rates.contains(&to) {
            return Err(ResampleError::Rate { from, to });
        }
        Ok(Self { converter: (from != to).then(|| Converter::new(from, to)) })
    }

    /// Takes the next samples and hands over what they complete.
    pub fn push(&mut self, samples: &[f32], mut on_piece: impl FnMut(&[f32])) {
        match &mut self.converter {
            Some(converter) => converter.push(samples, &mut on_piece),
            None => on_piece(samples),
        }
    }

    /// Ends the clip and hands over the rest: `ceil(n * to / from)` samples have come out in all. The next push begins
    /// another clip.
    pub fn flush(&mut self, mut on_piece: impl FnMut(&[f32])) {
        if let Some(converter) = &mut self.converter {
            converter.flush(&mut on_piece);
        }
    }
}

/// A share of the clip's spectrum at a time: overlapping blocks are transformed, weighted by the response of the
/// [edge](super::edge), cut to the band of the lower rate, and transformed back at the other rate (overlap-save). The
/// filter has no delay and is shorter than the margins of a block, so that what is kept of each is exact.
///
/// Two blocks are the real and the imaginary parts of one transform: the filter is real, so they come back as such, and
/// need not be taken apart in between.
struct Converter {
    /// Hertz over their greatest common divisor: samples at either rate that last equally long.
    from: usize,
    to: usize,
    /// Such lengths in a margin, and new ones in a block.
    margin: usize,
    fresh: usize,
    /// Of each frequency below half the lower rate; the scale of the transforms is in it.
    response: Vec<f32>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// Samples from one margin before the next one of the result on: those of two blocks.
    block: Vec<f32>,
    work: Vec<Complex32>,
    band: Vec<Complex32>,
    converted: Vec<f32>,
    scratch: Vec<Complex32>,
    /// Samples that came, and samples of the result that were handed over.
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to, margin, fresh, taken, given, .. } = self;
        let mut converter = f.debug_struct("Converter");
        converter.field("from", from).field("to", to).field("margin", margin).field("fresh", fresh);
        converter.field("taken", taken).field("given", given).finish_non_exhaustive()
    }
}

type OnPiece<'f> = &'f mut dyn FnMut(&[f32]);

impl Converter {
    fn new(from: u32, to: u32) -> Self {
        let divisor = greatest_common_divisor(from, to);
        let (from, to) = ((from / divisor) as usize, (to / divisor) as usize);
        let lower = from.min(to);
        // The filter's last tap on either side is nearly nothing.
        let margin = SIDE.div_ceil(lower);
        // A multiple of a power of two, so that transforms have it as a factor; half of it is new at least.
        let mut blocks = SHORTEST_TRANSFORM.div_ceil(lower).max(4 * margin).next_multiple_of(32);
        // Of small factors only, which the transforms are much faster with.
        while !is_smooth(blocks) {
            blocks += 32;
        }
        let mut planner = FftPlanner::new();
        let forward = planner.plan_fft_forward(from * blocks);
        let inverse = planner.plan_fft_inverse(to * blocks);
        let scale = 1.0 / (from * blocks) as f32;
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let fresh = blocks - 2 * margin;
        Self {
            response: edge::response(&*RealFftPlanner::new().plan_fft_forward(lower * blocks), scale),
            block: vec![0.0; from * margin],
            work: vec![Complex32::ZERO; from * blocks],
            band: vec![Complex32::ZERO; to * blocks],
            converted: vec![0.0; 2 * to * fresh],
            scratch: vec![Complex32::ZERO; scratch],
            from,
            to,
            margin,
            fresh,
            forward,
            inverse,
            taken: 0,
            given: 0,
        }
    }

    fn push(&mut self, mut samples: &[f32], on_piece: OnPiece<'_>) {
        self.taken += samples.len() as u64;
        while !samples.is_empty() {
            let missing = self.two_blocks() - self.block.len();
            let (now, later) = samples.split_at(samples.len().min(missing));
            self.block.extend(now.iter().map(|&sample| pcm::sane(sample)));
            samples = later;
            if now.len() == missing {
                on_piece(self.convert());
            }
        }
    }

    fn flush(&mut self, on_piece: OnPiece<'_>) {
        let length = (self.taken * self.to as u64).div_ceil(self.from as u64);
        while self.given < length {
            let wanted = length - self.given;
            let piece = self.convert();
            on_piece(&piece[..piece.len().min(usize::try_from(wanted).unwrap_or(usize::MAX))]);
        }
        self.block.clear();
        self.block.resize(self.from * self.margin, 0.0);
        (self.taken, self.given) = (0, 0);
    }

    /// Samples of two blocks, of which the second begins where the first one's new samples end.
    fn two_blocks(&self) -> usize {
        self.work.len() + self.from * self.fresh
    }

    /// Converts the blocks, filled up with silence, and gives what lies between their margins.
    fn convert(&mut self) -> &[f32] {
        self.block.resize(self.two_blocks(), 0.0);
        let (hop, length, heard) = (self.from * self.fresh, self.work.len(), self.response.len());
        for ((work, &first), &second) in self.work.iter_mut().zip(&self.block).zip(&self.block[hop..]) {
            *work = Complex32::new(first, second);
        }
        self.block.drain(..2 * hop);
        let scratch = &mut self.scratch[..self.forward.get_inplace_scratch_len()];
        self.forward.process_with_scratch(&mut self.work, scratch);
        // Frequencies from nothing up, and those below it from the end down.
        let (upper, lower) = self.band.split_at_mut(self.to * (length / self.from) / 2);
        for ((band, work), response) in upper.iter_mut().zip(&self.work).zip(&self.response) {
            *band = work * response;
        }
        let below = lower.iter_mut().rev().zip(self.work.iter().rev()).zip(&self.response[1..]);
        for ((band, work), response) in below {
            *band = work * response;
        }
        // Where the result has a higher rate than the clip there is nothing in between.
        upper[heard..].fill(Complex32::ZERO);
        let silent = lower.len() + 1 - heard;
        lower[..silent].fill(Complex32::ZERO);
        let scratch = &mut self.scratch[..self.inverse.get_inplace_scratch_len()];
        self.inverse.process_with_scratch(&mut self.band, scratch);
        let kept = &self.band[self.to * self.margin..][..self.to * self.fresh];
        let (first, second) = self.converted.split_at_mut(kept.len());
        for ((kept, first), second) in kept.iter().zip(first).zip(second) {
            (*first, *second) = (kept.re, kept.im);
        }
        self.given += self.converted.len() as u64;
        &self.converted
    }
}

/// Whether there is no prime factor beyond 7.
fn is_smooth(number: usize) -> bool {
    let rest = [2, 3, 5, 7].into_iter().fold(number, |mut rest, factor| {
        while rest.is_multiple_of(factor) {
            rest /= factor;
        }
        rest
    });
    rest == 1
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
