//! A clip that comes in pieces, of any length, in little memory.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler, WindowFunction};

use super::clip::{HIGHEST_RATE, LOWEST_RATE, ResampleError};
use super::edge::Softener;
use crate::pcm;

/// Samples per block, at the lower of both rates, or more: the filter passes 98 % of the band then, more than the
/// [edge](super::edge) does.
const SHORTEST_BLOCK: usize = 1024;

/// Resamples a clip as [`resample`](super::resample) does, bit for bit, while it comes: what is pushed, piece after piece,
/// is the clip. Its result lags by some 0.2 s and needs some 100 kB, however long the clip is.
#[derive(Debug)]
pub struct PieceResampler {
    from: u32,
    to: u32,
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
        let converter = if from == to {
            None
        } else {
            let converter = Converter::new(from, to).map_err(|error| refused(from, to, &error))?;
            Some(converter)
        };
        Ok(Self { from, to, converter })
    }

    /// Takes the next samples and hands over what they complete.
    ///
    /// # Errors
    /// When the resampler refuses, which it has no reason to.
    pub fn push(&mut self, samples: &[f32], mut on_piece: impl FnMut(&[f32])) -> Result<(), ResampleError> {
        let Some(converter) = &mut self.converter else {
            on_piece(samples);
            return Ok(());
        };
        let done = if self.from > self.to {
            converter.push(samples, &mut on_piece)
        } else {
            converter.soften_and_push(samples, &mut on_piece)
        };
        done.map_err(|error| refused(self.from, self.to, &error))
    }

    /// Ends the clip and hands over the rest: `ceil(n * to / from)` samples have come out in all. The next push begins
    /// another clip.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn flush(&mut self, mut on_piece: impl FnMut(&[f32])) -> Result<(), ResampleError> {
        let Some(converter) = &mut self.converter else { return Ok(()) };
        let length = |taken: u64| (taken * u64::from(self.to)).div_ceil(u64::from(self.from));
        let done = converter.flush(self.from > self.to, length, &mut on_piece);
        converter.reset();
        done.map_err(|error| refused(self.from, self.to, &error))
    }
}

fn refused(from: u32, to: u32, reason: &impl ToString) -> ResampleError {
    ResampleError::Resampler { from, to, reason: reason.to_string() }
}

/// The filter bank with the samples that wait for it.
struct Converter {
    fft: Fft<f32>,
    /// Samples of the next block that are known.
    block: Vec<f32>,
    block_length: usize,
    converted: Vec<f32>,
    /// Samples of the filter's delay that are still to be dropped.
    delay: usize,
    softener: Softener,
    /// Samples that came, and samples that the filter gave.
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter").field("taken", &self.taken).finish_non_exhaustive()
    }
}

type OnPiece<'f> = &'f mut dyn FnMut(&[f32]);

impl Converter {
    fn new(from: u32, to: u32) -> Result<Self, rubato::ResamplerConstructionError> {
        let (from, to) = (from as usize, to as usize);
        let divisor = greatest_common_divisor(from, to);
        let shortest = from.min(to) / divisor;
        // An even number of the shortest possible blocks: the delay, half a block, is then a whole number of samples
        // at both rates, and nothing is left of it when it is taken off.
        let mut blocks = SHORTEST_BLOCK.div_ceil(shortest).next_multiple_of(2);
        // Of small factors only, which the transforms are much faster with: 28 instead of 2 x 13 from 44.1 to 12 kHz.
        while !is_smooth(blocks) {
            blocks += 2;
        }
        let block_length = from / divisor * blocks;
        let window = WindowFunction::BlackmanHarris2;
        let fft = Fft::new_custom(from, to, block_length, 1, 1, window, FixedSync::Both)?;
        Ok(Self {
            block: Vec::with_capacity(block_length),
            block_length,
            converted: vec![0.0; fft.output_frames_max()],
            delay: fft.output_delay(),
            fft,
            softener: Softener::new(),
            taken: 0,
            given: 0,
        })
    }

    fn reset(&mut self) {
        self.fft.reset();
        self.block.clear();
        self.delay = self.fft.output_delay();
        self.softener = Softener::new();
        (self.taken, self.given) = (0, 0);
    }

    /// To a lower rate: converted, then softened.
    fn push(&mut self, mut samples: &[f32], on_piece: OnPiece<'_>) -> rubato::ResampleResult<()> {
        self.taken += samples.len() as u64;
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(self.block_length - self.block.len()));
            self.block.extend(now.iter().map(|&sample| pcm::sane(sample)));
            samples = later;
            if self.block.len() == self.block_length {
                let converted = self.convert(u64::MAX)?;
                let softened = self.softener.push(&self.converted[converted]);
                give(softened, on_piece);
            }
        }
        Ok(())
    }

    /// To a higher rate: softened, then converted.
    fn soften_and_push(&mut self, samples: &[f32], on_piece: OnPiece<'_>) -> rubato::ResampleResult<()> {
        self.taken += samples.len() as u64;
        let sane: Vec<f32> = samples.iter().map(|&sample| pcm::sane(sample)).collect();
        let softened = self.softener.push(&sane).to_vec();
        self.push_softened(&softened, on_piece)
    }

    fn push_softened(&mut self, mut samples: &[f32], on_piece: OnPiece<'_>) -> rubato::ResampleResult<()> {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(self.block_length - self.block.len()));
            self.block.extend_from_slice(now);
            samples = later;
            if self.block.len() == self.block_length {
                let converted = self.convert(u64::MAX)?;
                give(&self.converted[converted], on_piece);
            }
        }
        Ok(())
    }

    fn flush(
        &mut self,
        soften_last: bool,
        length: impl Fn(u64) -> u64,
        on_piece: OnPiece<'_>,
    ) -> rubato::ResampleResult<()> {
        if !soften_last {
            let rest = self.softener.flush().to_vec();
            self.push_softened(&rest, on_piece)?;
        }
        let length = length(self.taken);
        while self.given < length {
            let converted = self.convert(length)?;
            let piece = &self.converted[converted];
            give(if soften_last { self.softener.push(piece) } else { piece }, on_piece);
        }
        if soften_last && length > 0 {
            give(self.softener.flush(), on_piece);
        }
        Ok(())
    }

    /// Converts the block, filled up with silence; where in `converted` its result is, up to a whole `length`.
    fn convert(&mut self, length: u64) -> rubato::ResampleResult<std::ops::Range<usize>> {
        self.block.resize(self.block_length, 0.0);
        let room = self.converted.len();
        // The lengths fit, so there is nothing to refuse.
        let block = InterleavedSlice::new(&self.block, 1, self.block_length).expect("a block of its length");
        let mut out = InterleavedSlice::new_mut(&mut self.converted, 1, room).expect("room of its length");
        let (_, count) = self.fft.process_into_buffer(&block, &mut out, None::<&Indexing>)?;
        self.block.clear();
        let early = self.delay.min(count);
        self.delay -= early;
        let wanted = (length - self.given).min((count - early) as u64);
        self.given += wanted;
        Ok(early..early + wanted as usize)
    }
}

fn give(piece: &[f32], on_piece: OnPiece<'_>) {
    if !piece.is_empty() {
        on_piece(piece);
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

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
