//! k2c2 of Choi et al. 2016: five 3x3 convolutions, pooled over bands and time to a single point.
//!
//! The paper's pooling (2x4, 2x4, 2x4, 3x5, 4x4) takes 96 x 1366 to 1 x 1 with "same" padding: bands 48, 24, 12, 4, 1
//! and frames 341, 85, 21, 4, 1. There is no fully connected layer: the point's channels go to the tags.

use super::layer::{Layer, PlaneLayer};
use super::{Architecture, Budget, Model};
use crate::net::architecture::PAPER_FRAMES;

/// Pooling over bands and time after the five convolutions.
pub const POOLS: [[usize; 2]; 5] = [[2, 4], [2, 4], [2, 4], [3, 5], [4, 4]];

/// The layers up to the last hidden one.
pub(super) fn architecture(budget: Budget, mel_bands: usize) -> Architecture {
    let second = budget.of([41, 66, 95, 135, 236]);
    let widths = [
        1,
        budget.of([20, 33, 47, 67, 118]),
        second,
        second,
        budget.of([62, 100, 142, 203, 355]),
        budget.of([83, 133, 190, 271, 473]),
    ];
    let layers = (0..POOLS.len()).map(|i| {
        Layer::Plane(PlaneLayer {
            inputs: widths[i],
            outputs: widths[i + 1],
            kernel: [3, 3],
            pool: POOLS[i],
            dropout: 0.0,
        })
    });
    Architecture {
        network: Model::K2c2,
        budget,
        mel_bands,
        window_frames: Some(PAPER_FRAMES),
        pad_frames: [0, 0],
        layers: layers.collect(),
    }
}
