//! Where each layer keeps what, worked out from the shapes alone.

use crate::packed::{BLOCK, Layer, MAX_LAYERS, PackedModel, QUAD};

use super::EngineError;

/// One layer's part of the state, and how far it is.
///
/// A layer's input is a window of columns, newest last. Without a finer hop each window is a convolution's whole input.
/// Where answers are asked for more often than the pools give them, pools of upper layers slide instead of striding, and
/// what follows them takes every `dilation`-th column.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerPlan {
    /// First number of the window in the 16-bit part of the state.
    pub window: u32,
    /// Columns in the window, `(kernel - 1) * dilation + 1`.
    pub columns: u16,
    /// From one column under the kernel, or one position under the pool, to the next.
    pub dilation: u16,
    /// Positions from one output to the next.
    pub stride: u16,
    /// What is kept of positions until the pool is full.
    pub pooling: Pooling,
    /// Where that is: in the 32-bit part for [`Pooling::Peaks`], else in the 16-bit part.
    pub held: u32,
    /// First number of the sliding pool's columns in the 16-bit part, and how many columns.
    pub ring: u32,
    pub ring_columns: u16,
    /// Columns that have come, up to `columns`.
    pub seen: u16,
    /// Positions of the current stride that are done; in a sliding pool, columns of the ring that are still missing plus
    /// positions until the next output.
    pub phase: u16,
    /// The next quad of the position that is being worked on, if any.
    pub next_quad: Option<u16>,
}

/// How positions become outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Each position is one.
    None,
    /// The largest sums of `pool` positions, kept in 32 bits.
    Peaks,
    /// The largest integers of `pool` positions, `dilation` apart, of which all columns are kept.
    Sliding,
}

/// The whole state.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub layers: heapless::Vec<LayerPlan, MAX_LAYERS>,
    /// 32-bit words of the first part: sums, and the running means.
    pub words: usize,
    /// The running sums of probabilities, in the first part.
    pub means: usize,
    /// 16-bit numbers of the second part.
    pub halves: usize,
    /// The logits, in the second part.
    pub logits: usize,
    /// Room for a window whose columns do not lie together, in the second part.
    pub gathered: usize,
    /// Products that layers behind the first have to do per frame, on average.
    pub products: u32,
}

impl Plan {
    /// Lays out the state for an answer every `hop_frames` frames.
    pub(super) fn of(model: &PackedModel<'_>, hop_frames: usize) -> Result<Self, EngineError> {
        let stride = model.stride();
        let refused = EngineError::Hop { hop_frames, stride };
        if hop_frames == 0 || !stride.is_multiple_of(hop_frames) {
            return Err(refused);
        }
        let (mut remaining, mut dilation, mut rate) = (hop_frames, 1usize, 1usize);
        let (mut words, mut halves, mut gathered, mut products) = (0usize, 0usize, 0usize, 0u64);
        let mut layers = heapless::Vec::new();
        for (i, layer) in model.layers().iter().enumerate() {
            let pool = usize::from(layer.pool);
            let stride = if remaining.is_multiple_of(pool) {
                pool
            } else if pool.is_multiple_of(remaining) {
                remaining
            } else {
                return Err(refused);
            };
            remaining /= stride;
            let column = layer.column();
            let columns = (usize::from(layer.kernel) - 1) * dilation + 1;
            let window =
                take(&mut halves, if dilation == 1 { layer.padded_taps() } else { columns * column });
            if dilation > 1 {
                gathered = gathered.max(layer.padded_taps());
            }
            let rows = layer.quads() * QUAD;
            let pooling = match pool {
                1 => Pooling::None,
                _ if stride == pool && dilation == 1 => Pooling::Peaks,
                _ => Pooling::Sliding,
            };
            let ring_columns = if pooling == Pooling::Sliding { (pool - 1) * dilation + 1 } else { 0 };
            let held = match pooling {
                Pooling::Peaks => words,
                _ => take(&mut halves, rows),
            };
            if pooling == Pooling::Peaks {
                words += rows;
            }
            let ring = take(&mut halves, ring_columns * usize::from(layer.outputs));
            if i > 0 {
                // Of all frames in one hop, a `rate`-th brings this layer a column.
                products += (rows * layer.padded_taps()) as u64 * (hop_frames / rate) as u64;
            }
            let small = |number: usize| u16::try_from(number).map_err(|_| EngineError::TooLarge);
            let plan = LayerPlan {
                window: window as u32,
                columns: small(columns)?,
                dilation: small(dilation)?,
                stride: small(stride)?,
                pooling,
                held: held as u32,
                ring: ring as u32,
                ring_columns: small(ring_columns)?,
                seen: 0,
                phase: 0,
                next_quad: None,
            };
            // The model has no more layers than fit.
            let _ = layers.push(plan);
            dilation *= pool / stride;
            rate *= stride;
        }
        let outputs = model.tags().len();
        let means = words;
        words += outputs;
        let logits = take(&mut halves, outputs);
        let gathered = take(&mut halves, gathered);
        let products =
            u32::try_from(products.div_ceil(hop_frames as u64)).map_err(|_| EngineError::TooLarge)?;
        Ok(Self { layers, words, means, halves, logits, gathered, products })
    }

    /// 32-bit words of state in all.
    pub(super) fn state_words(&self) -> usize {
        self.words + self.halves.div_ceil(2)
    }
}

/// Takes `count` 16-bit numbers, beginning at a multiple of 32 bits.
fn take(halves: &mut usize, count: usize) -> usize {
    let start = *halves;
    *halves += count.next_multiple_of(2);
    start
}

/// Products of one quad.
pub(super) fn quad_products(layer: &Layer<'_>) -> u32 {
    (QUAD * layer.padded_taps().next_multiple_of(BLOCK)) as u32
}
