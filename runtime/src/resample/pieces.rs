//! A clip that comes in pieces, of any length, in little memory.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::clip::{HIGHEST_RATE, LOWEST_RATE, ResampleError};
use super::edge::{self, SIDE};
use crate::pcm;

/// Samples of a transform at the lower of both rates, or more: some 0.2 s of the music that networks hear, of which nine
/// tenths are new.
const SHORTEST_TRANSFORM: usize = 2048;

/// Resamples a clip as [`resample`](super::resample) does, bit for bit, while it comes: what is pushed, piece after piece,
/// is the clip. Its result lags by some 0.2 s and needs some 100 kB, however long the clip is.
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
struct Converter {
    /// Hertz over their greatest common divisor: samples at either rate that last equally long.
    from: usize,
    to: usize,
    /// Such lengths in a margin, and new ones in a block.
    margin: usize,
    fresh: usize,
    /// Of each frequency below half the lower rate; the scale of the transforms is in it.
    response: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Samples from one margin before the next one of the result on.
    block: Vec<f32>,
    work: Vec<f32>,
    spectrum: Vec<Complex32>,
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

/// Lengths that are planned for are the only ones.
const PLANNED: &str = "transforms get buffers of the lengths they were planned for";

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
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(from * blocks);
        let inverse = planner.plan_fft_inverse(to * blocks);
        let scale = 1.0 / (from * blocks) as f32;
        let scratch = vec![Complex32::ZERO; forward.get_scratch_len().max(inverse.get_scratch_len())];
        Self {
            response: edge::response(&*planner.plan_fft_forward(lower * blocks), scale),
            block: vec![0.0; from * margin],
            work: vec![0.0; from * blocks],
            spectrum: forward.make_output_vec(),
            band: inverse.make_input_vec(),
            converted: vec![0.0; to * blocks],
            scratch,
            from,
            to,
            margin,
            fresh: blocks - 2 * margin,
            forward,
            inverse,
            taken: 0,
            given: 0,
        }
    }

    fn push(&mut self, mut samples: &[f32], on_piece: OnPiece<'_>) {
        self.taken += samples.len() as u64;
        while !samples.is_empty() {
            let missing = self.work.len() - self.block.len();
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

    /// Converts the block, filled up with silence, and gives what lies between its margins.
    fn convert(&mut self) -> &[f32] {
        self.block.resize(self.work.len(), 0.0);
        self.work.copy_from_slice(&self.block);
        self.block.drain(..self.from * self.fresh);
        let scratch = &mut self.scratch[..self.forward.get_scratch_len()];
        self.forward.process_with_scratch(&mut self.work, &mut self.spectrum, scratch).expect(PLANNED);
        let heard = self.response.len();
        for ((band, spectrum), response) in self.band.iter_mut().zip(&self.spectrum).zip(&self.response) {
            *band = spectrum * response;
        }
        self.band[heard..].fill(Complex32::ZERO);
        let scratch = &mut self.scratch[..self.inverse.get_scratch_len()];
        self.inverse.process_with_scratch(&mut self.band, &mut self.converted, scratch).expect(PLANNED);
        self.given += (self.to * self.fresh) as u64;
        &self.converted[self.to * self.margin..][..self.to * self.fresh]
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
