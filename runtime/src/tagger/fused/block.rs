//! A block: convolution over time, max-pooling and activation, a stretch of frames at a time.

use super::activation::{Activation, FakeQuant};
use super::kernel::{Input, LANES, Lanes, tile};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// How a clip lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[channels, frames]`, as ONNX has it.
    ChannelsFirst,
    /// `[frames, channels]`: between two blocks, where nobody else looks.
    FramesFirst,
}

/// Frames of the convolution that are computed, pooled and activated before the next: enough to use each weight
/// several times while it is in the nearest cache, few enough to stay there.
const STRETCH: usize = 32;

/// A block with its weights in the order of use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    channels: usize,
    out: usize,
    taps: usize,
    pool: usize,
    layouts: (Layout, Layout),
    /// Rounding of the input, where nobody did it before.
    rounding: Option<FakeQuant>,
    /// Per group of `LANES` outputs a row per tap and channel.
    weights: Vec<Lanes>,
    /// Per group of outputs.
    bias: Vec<Lanes>,
    activation: Activation,
}

impl Block {
    /// Takes `weight` `[out, channels, taps]` and `bias` `[out]`; input and output lie as `layouts` say. `None` when
    /// sizes do not fit or one is 0.
    pub fn new(
        [out, channels, taps]: [usize; 3],
        weight: &[f32],
        bias: &[f32],
        pool: usize,
        activation: Activation,
        layouts: (Layout, Layout),
    ) -> Option<Self> {
        let sizes = out.checked_mul(channels).and_then(|size| size.checked_mul(taps));
        if sizes != Some(weight.len()) || weight.is_empty() || bias.len() != out || pool == 0 {
            return None;
        }
        let groups = out.div_ceil(LANES);
        let mut weights = Vec::with_capacity(groups * channels * taps);
        for group in 0..groups {
            let lanes = |channel, tap| {
                std::array::from_fn(|lane| {
                    let o = group * LANES + lane;
                    if o < out { weight[(o * channels + channel) * taps + tap] } else { 0.0 }
                })
            };
            match layouts.0 {
                Layout::FramesFirst => {
                    (0..taps).for_each(|t| weights.extend((0..channels).map(|c| lanes(c, t))))
                }
                Layout::ChannelsFirst => {
                    (0..channels).for_each(|c| weights.extend((0..taps).map(|t| lanes(c, t))))
                }
            }
        }
        let mut bias_lanes = vec![[0.0; LANES]; groups];
        bias_lanes.as_flattened_mut()[..out].copy_from_slice(bias);
        Some(Self {
            channels,
            out,
            taps,
            pool,
            layouts,
            rounding: None,
            weights,
            bias: bias_lanes,
            activation,
        })
    }

    /// The same, but the input is rounded first.
    pub fn with_rounding(self, rounding: Option<FakeQuant>) -> Self {
        Self { rounding, ..self }
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    pub fn out(&self) -> usize {
        self.out
    }

    pub fn taps(&self) -> usize {
        self.taps
    }

    pub fn pool(&self) -> usize {
        self.pool
    }

    pub fn layouts(&self) -> (Layout, Layout) {
        self.layouts
    }

    /// Frames that come out of so many; 0 where there are too few.
    pub fn out_frames(&self, frames: usize) -> usize {
        (frames + 1).saturating_sub(self.taps) / self.pool
    }

    /// Runs one clip: `x` holds `frames` frames, `y` has room for [`out_frames`](Self::out_frames) of them.
    ///
    /// # Panics
    /// When a slice has another length: a mistake of the caller, not of the data.
    pub fn run(&self, x: &[f32], frames: usize, y: &mut [f32]) {
        assert_eq!(x.len(), frames * self.channels, "the input's length");
        assert_eq!(y.len(), self.out_frames(frames) * self.out, "the output's length");
        pulp::Arch::new().dispatch(Run { block: self, x, frames, y });
    }
}

/// The arguments of [`Block::run`], for the best vector instructions that this processor has.
struct Run<'r> {
    block: &'r Block,
    x: &'r [f32],
    frames: usize,
    y: &'r mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    // Rows times vectors, and the weights' vectors, must fit into the registers: 32 of 16 or 4 values, 16 of 8.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, x, frames, y } = self;
        match S::F32_LANES {
            16 => run_clip::<S, 8, 1>(simd, block, x, frames, y),
            8 => run_clip::<S, 6, 2>(simd, block, x, frames, y),
            4 => run_clip::<S, 6, 4>(simd, block, x, frames, y),
            _ => run_clip::<S, 1, LANES>(simd, block, x, frames, y),
        }
    }
}

#[inline(always)]
fn run_clip<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    block: &Block,
    x: &[f32],
    frames: usize,
    y: &mut [f32],
) {
    let out_frames = block.out_frames(frames);
    let pooled_per_stretch = (STRETCH / block.pool).max(1);
    let mut sums = vec![[0.0; LANES]; pooled_per_stretch * block.pool];
    let mut rounded = Vec::new();
    for first in (0..out_frames).step_by(pooled_per_stretch) {
        let pooled = pooled_per_stretch.min(out_frames - first);
        let (start, rows) = (first * block.pool, pooled * block.pool);
        let (x, frames, start) = match &block.rounding {
            Some(rounding) => {
                let width = rows + block.taps - 1;
                rounded.clear();
                round_stretch(block, rounding, x, frames, start..start + width, &mut rounded);
                (&rounded[..], width, 0)
            }
            None => (x, frames, start),
        };
        let input = match block.layouts.0 {
            Layout::FramesFirst => Input::FramesFirst { x, channels: block.channels },
            Layout::ChannelsFirst => Input::ChannelsFirst { x, frames },
        };
        let groups = block.weights.chunks_exact(block.channels * block.taps).zip(&block.bias);
        for (group, (weights, bias)) in groups.enumerate() {
            let sums = &mut sums[..rows];
            convolve::<S, ROWS, VECTORS>(simd, input, start, block.taps, weights, bias, sums);
            max_pool(sums, block.pool);
            let values = &mut sums[..pooled];
            block.activation.apply(values.as_flattened_mut());
            store(block, values, first, out_frames, group * LANES, y);
        }
    }
}

/// Appends frames `range` of the input to `rounded`, rounded, in the same layout.
#[inline(always)]
fn round_stretch(
    block: &Block,
    rounding: &FakeQuant,
    x: &[f32],
    frames: usize,
    range: Range<usize>,
    rounded: &mut Vec<f32>,
) {
    match block.layouts.0 {
        Layout::FramesFirst => {
            let x = &x[range.start * block.channels..range.end * block.channels];
            rounded.extend(x.iter().map(|&value| rounding.apply(value)));
        }
        Layout::ChannelsFirst => {
            for x in x.chunks_exact(frames) {
                rounded.extend(x[range.clone()].iter().map(|&value| rounding.apply(value)));
            }
        }
    }
}

/// All frames from `first` on that `sums` has room for.
#[inline(always)]
fn convolve<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    input: Input<'_>,
    first: usize,
    taps: usize,
    weights: &[Lanes],
    bias: &Lanes,
    sums: &mut [Lanes],
) {
    let mut row = 0;
    while row < sums.len() {
        // Where the end is no multiple of the tile's height, the last tile begins earlier and does a few rows again.
        let start = row.min(sums.len().saturating_sub(ROWS));
        if let Some(out) = sums[start..].first_chunk_mut::<ROWS>() {
            tile::<S, ROWS, VECTORS>(simd, input, first + start, taps, weights, bias, out);
            row = start + ROWS;
        } else if let Some(out) = sums[row..].first_chunk_mut::<1>() {
            tile::<S, 1, VECTORS>(simd, input, first + row, taps, weights, bias, out);
            row += 1;
        }
    }
}

/// Row `i` becomes the largest of rows `i * pool` to `(i + 1) * pool`.
#[inline(always)]
fn max_pool(rows: &mut [Lanes], pool: usize) {
    if pool == 1 {
        return;
    }
    for i in 0..rows.len() / pool {
        let mut largest = rows[i * pool];
        for row in &rows[i * pool..][1..pool] {
            for j in 0..LANES {
                largest[j] = if row[j] > largest[j] { row[j] } else { largest[j] };
            }
        }
        rows[i] = largest;
    }
}

/// Writes output channels from `channel` on, of frames from `first` on.
#[inline(always)]
fn store(block: &Block, values: &[Lanes], first: usize, out_frames: usize, channel: usize, y: &mut [f32]) {
    let lanes = LANES.min(block.out - channel);
    match block.layouts.1 {
        Layout::FramesFirst => {
            for (row, y) in values.iter().zip(y[first * block.out..].chunks_exact_mut(block.out)) {
                y[channel..][..lanes].copy_from_slice(&row[..lanes]);
            }
        }
        Layout::ChannelsFirst => {
            for (lane, y) in y[channel * out_frames..].chunks_exact_mut(out_frames).take(lanes).enumerate() {
                for (y, row) in y[first..].iter_mut().zip(values) {
                    *y = row[lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
