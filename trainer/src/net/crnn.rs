//! CRNN of Choi et al. 2016: four 3x3 convolutions, then two GRU layers over the 15 steps that are left of time. The
//! last state goes to the tags.
//!
//! Pooling by 2x2, 3x3, 4x4 and 4x4 gives the paper's 1 x 15 of 1440 frames and 1 x 14 of 1366; the authors' code
//! puts 37 frames of zeros before and after the 1366, and so does this. Dropout of 0.1 is between the convolutions.

use super::layer::{GruLayer, Layer, PlaneLayer};
use super::{Architecture, Budget, Model, crnn_attention};
use crate::net::architecture::PAPER_FRAMES;

/// Pooling over bands and time after the four convolutions.
pub const POOLS: [[usize; 2]; 4] = [[2, 2], [3, 3], [4, 4], [4, 4]];

/// Share of the values between convolutions that training drops.
pub const DROPOUT: f32 = 0.1;

/// Frames of zeros before and after a window.
pub const PADDING: usize = 37;

/// The layers up to the last hidden one, with the last state or attention at the end.
pub(super) fn architecture(budget: Budget, mel_bands: usize, attention: bool) -> Architecture {
    let first = budget.of([30, 48, 68, 96, 169]);
    let rest = budget.of([60, 96, 137, 195, 339]);
    let state = first;
    let widths = [1, first, rest, rest, rest];
    let mut layers: Vec<Layer> = (0..POOLS.len())
        .map(|i| {
            Layer::Plane(PlaneLayer {
                inputs: widths[i],
                outputs: widths[i + 1],
                kernel: [3, 3],
                pool: POOLS[i],
                // Between convolutions: not after the last.
                dropout: if i + 1 < POOLS.len() { DROPOUT } else { 0.0 },
            })
        })
        .collect();
    for inputs in [rest, state] {
        layers.push(Layer::Recurrent(GruLayer { inputs, outputs: state }));
    }
    layers.push(if attention { crnn_attention::layer(state) } else { Layer::LastState { width: state } });
    Architecture {
        network: if attention { Model::CrnnAttention } else { Model::Crnn },
        budget,
        mel_bands,
        window_frames: Some(PAPER_FRAMES),
        pad_frames: [PADDING, PADDING],
        layers,
    }
}
