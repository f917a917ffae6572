//! Mean and variance per channel: of a batch, or kept over many.

use candle_core::{Device, Result, Tensor};
use std::sync::{Arc, Mutex};

/// Added to the variance before its root, as everywhere.
pub const EPSILON: f64 = 1e-5;

/// Mean and (biased) variance of each channel, `[channels]`, on the network's device and without a history of gradients.
#[derive(Clone, Debug)]
pub struct Moments {
    /// One mean per channel.
    pub mean: Tensor,
    /// One variance per channel, divided by the count (not the count less one).
    pub variance: Tensor,
}

impl Moments {
    /// Those of a channel that needs no normalising: mean 0, variance 1.
    ///
    /// # Errors
    /// When candle cannot allocate.
    pub fn standard(channels: usize, device: &Device) -> Result<Self> {
        let mean = Tensor::zeros(channels, candle_core::DType::F32, device)?;
        Ok(Self { variance: mean.ones_like()?, mean })
    }

    /// From numbers, on the CPU.
    ///
    /// # Errors
    /// When candle cannot allocate.
    pub fn on_cpu(mean: Vec<f32>, variance: Vec<f32>) -> Result<Self> {
        let tensor = |values: Vec<f32>| {
            let count = values.len();
            Tensor::from_vec(values, count, &Device::Cpu)
        };
        Ok(Self { mean: tensor(mean)?, variance: tensor(variance)? })
    }

    /// Moves `share` of the way to `batch`.
    ///
    /// # Errors
    /// When the numbers of channels differ.
    pub fn blend(&mut self, batch: &Moments, share: f64) -> Result<()> {
        let towards = |running: &Tensor, batch: &Tensor| running + ((batch - running)? * share)?;
        self.mean = towards(&self.mean, &batch.mean)?;
        self.variance = towards(&self.variance, &batch.variance)?;
        Ok(())
    }
}

/// Where a training step leaves the moments of its batch, for the running averages.
pub type BatchMoments = Arc<Mutex<Option<Moments>>>;

/// Which moments normalise.
pub enum NormBy<'a> {
    /// Those of this batch; they are left behind for the running averages, and the gradient flows through them.
    Batch(&'a BatchMoments),
    /// Given ones, as in evaluation.
    Given(&'a Moments),
}

/// Normalises `x` [batch, channels, ...] per channel, scales by `gamma` and shifts by `beta`, from candle's elementary
/// operations. Nothing is copied from the device.
///
/// # Errors
/// When shapes do not fit.
pub fn normalise_plain(x: &Tensor, gamma: &Tensor, beta: &Tensor, norm: NormBy<'_>) -> Result<Tensor> {
    let (batch, channels) = (x.dim(0)?, x.dim(1)?);
    let channel = (1, channels, 1);
    let rows = x.reshape((batch, channels, ()))?;
    let (mean, variance) = match norm {
        NormBy::Batch(keep) => {
            // Clip by clip: one float32 sum over a whole batch of planes loses the digits that its mean is made of.
            let mean_of = |t: &Tensor| t.mean_keepdim(2)?.mean_keepdim(0);
            let mean = mean_of(&rows)?;
            let variance = mean_of(&rows.broadcast_sub(&mean)?.sqr()?)?;
            let kept = Moments {
                mean: mean.detach().reshape(channels)?,
                variance: variance.detach().reshape(channels)?,
            };
            *keep.lock().expect("no thread panicked while holding the moments") = Some(kept);
            (mean, variance)
        }
        NormBy::Given(m) => (m.mean.reshape(channel)?, m.variance.reshape(channel)?),
    };
    rows.broadcast_sub(&mean)?
        .broadcast_div(&(variance + EPSILON)?.sqrt()?)?
        .broadcast_mul(&gamma.reshape(channel)?)?
        .broadcast_add(&beta.reshape(channel)?)?
        .reshape(x.shape())
}
