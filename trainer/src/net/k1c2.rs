//! k1c2 of Choi et al. 2016: every mel band by itself. Kernels of one band by eight frames, the same for all bands,
//! until time is pooled to a single frame; then two fully connected layers over all bands.
//!
//! The paper prints 1x4; eight taps give the parameters and the shares of its table, four do not. "Same" padding is
//! what its pooling by 4, 5, 8 and 8 needs to leave one frame of 1366: without padding nothing is left.

use super::layer::{Layer, PlaneLayer, TimeLayer};
use super::{Architecture, Budget, Model};
use crate::net::architecture::PAPER_FRAMES;

/// Taps over time.
pub const KERNEL: usize = 8;

/// Pooling over time after the four convolutions.
pub const POOLS: [usize; 4] = [4, 5, 8, 8];

/// The layers up to the last hidden one.
pub(super) fn architecture(budget: Budget, mel_bands: usize) -> Architecture {
    let narrow = budget.of([15, 23, 33, 47, 81]);
    let wide = budget.of([30, 47, 66, 95, 163]);
    let widths = [1, narrow, narrow, wide, wide];
    let mut layers: Vec<Layer> = (0..POOLS.len())
        .map(|i| {
            Layer::Plane(PlaneLayer {
                inputs: widths[i],
                outputs: widths[i + 1],
                kernel: [1, KERNEL],
                pool: [1, POOLS[i]],
                dropout: 0.0,
            })
        })
        .collect();
    for inputs in [wide * mel_bands, wide] {
        layers.push(Layer::Time(TimeLayer { inputs, outputs: wide, kernel: 1, pool: 1 }));
    }
    Architecture {
        network: Model::K1c2,
        budget,
        mel_bands,
        window_frames: Some(PAPER_FRAMES),
        pad_frames: [0, 0],
        layers,
    }
}
