//! How a block's tensors lie in memory while it runs.

use super::lanes::LANES;
use candle_core::{Result, Shape, bail};

/// Groups of clips, whatever the number of threads: each has a sum of its own, and they are added in order, so that the
/// result does not depend on the machine's cores to the last bit.
const GROUPS: usize = 16;

/// Fewer rows than this are not worth a product of their own: the weights would be read for little.
const GROUP_ROWS: usize = 128;

/// Sizes of a block.
///
/// Inside it time runs before channels. Frames of all clips are the rows of one matrix `[batch x frames, channels]`, and a
/// window of `kernel` frames is `kernel x channels` numbers in a row: the whole convolution is one product with rows
/// that overlap. Rows whose window reaches into the next clip are computed for nothing, `kernel - 1` per clip, and their
/// gradient is zero; so the products run over clips as if they were one.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    pub batch: usize,
    pub channels: usize,
    pub frames: usize,
    pub out: usize,
    pub kernel: usize,
    pub pool: usize,
    /// Frames after the convolution.
    pub out_frames: usize,
    /// Frames after pooling.
    pub pooled: usize,
    /// The kernel spans all frames: a clip is one row, channels before frames as it comes, and nothing is exchanged.
    pub whole: bool,
}

impl BlockShape {
    pub fn of(x: &Shape, weight: &Shape, pool: usize) -> Result<Self> {
        let (batch, channels, frames) = x.dims3()?;
        let (out, weight_channels, kernel) = weight.dims3()?;
        if channels != weight_channels || kernel == 0 || frames < kernel {
            bail!("a convolution of {weight:?} cannot run on {x:?}");
        }
        let out_frames = frames - kernel + 1;
        if pool == 0 || out_frames < pool {
            bail!("{out_frames} frames cannot be pooled by {pool}");
        }
        let pooled = out_frames / pool;
        Ok(Self { batch, channels, frames, out, kernel, pool, out_frames, pooled, whole: frames == kernel })
    }

    /// Numbers in a window.
    pub fn window(&self) -> usize {
        self.channels * self.kernel
    }

    /// Rows from one clip to the next.
    pub fn clip_rows(&self) -> usize {
        if self.whole { 1 } else { self.frames }
    }

    /// From one window to the next in the input.
    pub fn window_stride(&self) -> usize {
        if self.whole { self.window() } else { self.channels }
    }

    /// Numbers of one clip's input.
    pub fn clip(&self) -> usize {
        self.channels * self.frames
    }

    /// Output channels, rounded up to whole vectors.
    pub fn stride(&self) -> usize {
        self.out.next_multiple_of(LANES)
    }

    /// Clips that are summed together.
    pub fn group(&self) -> usize {
        let groups = (self.batch * self.clip_rows() / GROUP_ROWS).clamp(1, GROUPS.min(self.batch.max(1)));
        self.batch.div_ceil(groups).max(1)
    }

    /// Rows of the product over `clips` clips.
    pub fn rows(&self, clips: usize) -> usize {
        (clips - 1) * self.clip_rows() + self.out_frames
    }
}
