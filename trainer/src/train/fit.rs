//! The batch that a GPU has room for.

use super::loss::masked_bce;
use crate::device::{Memory, memory};
use crate::net::{Architecture, Dice, Net, Network};
use candle_core::{DType, Device, Result, Tensor};

/// Clips per step where nothing else is asked for, and on a CPU, whose caches a larger batch would only outgrow.
pub const USUAL_BATCH: usize = 16;

/// Largest batch that is tried: more clips per step mean fewer steps, and from here on hardly any more speed.
pub const LARGEST_BATCH: usize = 512;

/// Share of the memory that a step leaves free, for what a probe does not see: optimiser, averages, validation.
const SPARE: f64 = 0.15;

/// Clips per step, a power of two, that fit into the memory of `device` for crops of `frames` frames: found by training a
/// throw-away network on silence. At most an eighth of `clips`, so that an epoch still has steps. [`USUAL_BATCH`] on a
/// CPU.
///
/// # Errors
/// When not even one clip fits, or candle fails.
pub fn fitting_batch(
    architecture: &Architecture,
    frames: usize,
    clips: usize,
    device: &Device,
) -> Result<usize> {
    if device.is_cpu() {
        return Ok(USUAL_BATCH);
    }
    let mut network = Net::new(architecture, 0, device)?;
    let mut step = |batch: usize| -> Result<Option<Memory>> {
        let x = Tensor::zeros((batch, architecture.mel_bands, frames), DType::F32, device)?;
        let labels = Tensor::zeros((batch, architecture.tags(), 1), DType::F32, device)?;
        let logits = network.forward_train(&x, Dice { seed: 0, step: 0 })?;
        masked_bce(&logits, &labels, &labels.ones_like()?)?.backward()?;
        Ok(memory(device))
    };
    largest((clips / 8).clamp(1, LARGEST_BATCH), |batch| match step(batch) {
        Ok(after) => Ok(after.is_none_or(|m| m.free as f64 > SPARE * m.total as f64)),
        Err(error) if is_out_of_memory(&error) => Ok(false),
        Err(error) => Err(error),
    })?
    .ok_or_else(|| candle_core::Error::msg("not even one clip per step fits into the GPU's memory"))
}

/// The largest power of two up to `most` for which `fits`, doubling until it does not.
fn largest(most: usize, mut fits: impl FnMut(usize) -> Result<bool>) -> Result<Option<usize>> {
    let (mut best, mut batch) = (None, 1);
    while batch <= most && fits(batch)? {
        best = Some(batch);
        batch *= 2;
    }
    Ok(best)
}

/// cudarc tells by the driver's name for it.
fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let text = format!("{error:?}").to_lowercase();
    text.contains("out_of_memory") || text.contains("out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_stops_at_what_fits() {
        let found = |most, room| largest(most, |batch| Ok(batch <= room)).unwrap();
        assert_eq!(found(512, 100), Some(64));
        assert_eq!(found(512, 1000), Some(512));
        assert_eq!(found(20, 1000), Some(16));
        assert_eq!(found(512, 0), None);
        assert!(largest(8, |_| Err(candle_core::Error::msg("broken"))).is_err());
    }

    #[test]
    fn memory_errors_are_told_from_others() {
        assert!(is_out_of_memory(&candle_core::Error::msg(
            "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")"
        )));
        assert!(!is_out_of_memory(&candle_core::Error::msg("CUDA_ERROR_ILLEGAL_ADDRESS")));
    }
}
