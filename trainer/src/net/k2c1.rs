//! k2c1 of Choi et al. 2016: the first kernel spans all mel bands, everything after it is one-dimensional in time.
//!
//! Nothing is padded, so it slides: a song of any length goes through in one pass.

use super::layer::{Layer, TimeLayer};
use super::{Architecture, Budget, Model};

/// Taps over time (Choi et al. 2016: 96x4 for the first layer, 1x4 after it).
pub const KERNEL: usize = 4;

/// Pooling of the paper: by 4 after each of the first four convolutions, so that one answer hears 27 s.
pub const PAPER_POOLS: [usize; 4] = [4, 4, 4, 4];

/// Five convolutions over time (the first spans all bands) and two fully connected layers as 1x1 convolutions. `pools`
/// follow the first convolutions in order; those not named are 1.
pub(super) fn architecture(
    budget: Budget,
    mel_bands: usize,
    pools: &[usize],
) -> Result<Architecture, String> {
    if pools.len() > 5 || pools.iter().any(|p| !(1..=16).contains(p)) {
        return Err(format!("pools {pools:?}: at most five, each from 1 to 16"));
    }
    let narrow = budget.of([43, 72, 106, 152, 265]);
    let wide = budget.of([87, 145, 212, 304, 535]);
    let widths = [mel_bands, narrow, narrow, narrow, wide, wide, wide, wide];
    let layers = (0..7).map(|i| {
        let kernel = if i < 5 { KERNEL } else { 1 };
        let pool = pools.get(i).copied().unwrap_or(1);
        Layer::Time(TimeLayer { inputs: widths[i], outputs: widths[i + 1], kernel, pool })
    });
    Ok(Architecture {
        network: Model::K2c1,
        budget,
        mel_bands,
        window_frames: None,
        pad_frames: [0, 0],
        layers: layers.collect(),
    })
}
