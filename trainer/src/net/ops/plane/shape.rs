//! Sizes of a block, and how its planes lie in memory.

use crate::net::ops::plane_block::PlaneSpec;
use candle_core::{Result, Shape, bail};

/// Positions by which every padded plane is longer than it need be, so that a vector may begin at its last value.
/// Also what the stride of a plane of sums is a multiple of.
pub(super) const SLACK: usize = 64;

/// Positions that are convolved, measured and pooled before the next: enough for long vectors, few enough to stay in
/// the nearer caches.
const STRIP: usize = 1024;

/// A padded plane is taken as one long row: the taps of position `p` are `p + offset`, whatever band `p` is in, and
/// the few positions between two bands are computed for nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlaneShape {
    pub batch: usize,
    pub channels: usize,
    pub out: usize,
    pub bands: usize,
    pub frames: usize,
    pub kernel: [usize; 2],
    pub pool: [usize; 2],
    pub out_bands: usize,
    pub out_frames: usize,
}

impl PlaneShape {
    pub fn of(x: &Shape, weight: &Shape, spec: &PlaneSpec) -> Result<Self> {
        let (batch, channels, bands, frames) = x.dims4()?;
        let (out, weight_channels, kernel_bands, kernel_frames) = weight.dims4()?;
        if channels != weight_channels || channels * out * kernel_bands * kernel_frames == 0 {
            bail!("a convolution of {weight:?} cannot run on {x:?}");
        }
        let pool = spec.pool;
        if pool[0] == 0 || pool[1] == 0 || bands < pool[0] || frames < pool[1] {
            bail!("{bands} x {frames} cannot be pooled by {} x {}", pool[0], pool[1]);
        }
        if pool[0] * pool[1] > usize::from(u16::MAX) {
            bail!("a pooling window of {} x {} is too large", pool[0], pool[1]);
        }
        let (out_bands, out_frames) = (bands / pool[0], frames / pool[1]);
        let kernel = [kernel_bands, kernel_frames];
        Ok(Self { batch, channels, out, bands, frames, kernel, pool, out_bands, out_frames })
    }

    /// Distance of two bands in a padded plane.
    pub fn row(&self) -> usize {
        self.frames + self.kernel[1] - 1
    }

    /// Positions of a whole plane, those between bands among them.
    pub fn positions(&self) -> usize {
        self.bands * self.row()
    }

    /// Distance of two padded planes.
    pub fn padded(&self) -> usize {
        (self.bands + self.kernel[0]) * self.row() + SLACK
    }

    /// Distance of two planes of sums.
    pub fn sums(&self) -> usize {
        self.positions().next_multiple_of(SLACK) + SLACK
    }

    /// Values of one channel behind pooling.
    pub fn pooled(&self) -> usize {
        self.out_bands * self.out_frames
    }

    /// Where the first value of an input lies in its padded plane.
    pub fn input_start(&self) -> usize {
        (self.kernel[0] - 1) / 2 * self.row() + (self.kernel[1] - 1) / 2
    }

    /// The same for gradients of the sums, which are padded the other way round.
    pub fn gradient_start(&self) -> usize {
        self.kernel[0] / 2 * self.row() + self.kernel[1] / 2
    }

    /// Where the taps of position 0 lie in so many padded planes.
    pub fn offsets(&self, planes: usize) -> Vec<usize> {
        let [bands, frames] = self.kernel;
        let tap = |c: usize, f: usize, t: usize| c * self.padded() + f * self.row() + t;
        let taps = |c| (0..bands).flat_map(move |f| (0..frames).map(move |t| tap(c, f, t)));
        (0..planes).flat_map(taps).collect()
    }

    /// How far each place of a pooling window lies behind its first: frame by frame, in each band by band.
    pub fn places(&self) -> Vec<usize> {
        let [bands, frames] = self.pool;
        (0..frames).flat_map(|t| (0..bands).map(move |f| f * self.row() + t)).collect()
    }

    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Bands of a strip: whole pooling windows.
    pub fn strip_bands(&self) -> usize {
        self.pool[0] * (STRIP / (self.pool[0] * self.row())).max(1)
    }

    /// Copies the planes of a clip, `[channels, bands, frames]`, into padded ones whose edges are zero already.
    pub fn pad(&self, planes: &[f32], padded: &mut [f32]) {
        for (plane, padded) in planes.chunks(self.bands * self.frames).zip(padded.chunks_mut(self.padded())) {
            let rows = padded[self.input_start()..].chunks_mut(self.row());
            for (row, padded) in plane.chunks(self.frames).zip(rows) {
                padded[..self.frames].copy_from_slice(row);
            }
        }
    }
}
