//! What every convolution with batch norm has: weights, scale and shift, running moments.

use super::Initial;
use crate::net::ops::{BatchMoments, Moments, NormBy};
use candle_core::{Result, Shape, Tensor, Var};

/// Weight of a batch's moments in the running ones.
pub const MOMENTUM: f64 = 0.1;

/// The numbers of a convolution and of the batch norm after it.
pub struct Normalised {
    /// Weights of the convolution.
    pub weight: Var,
    /// Scale of each channel.
    pub gamma: Var,
    /// Shift of each channel.
    pub beta: Var,
    /// Running moments of what the convolution gives.
    pub running: Moments,
}

impl Normalised {
    pub(super) fn new(
        shape: impl Into<Shape>,
        fan_in: usize,
        channels: usize,
        initial: &mut Initial<'_>,
    ) -> Result<Self> {
        Ok(Self {
            weight: initial.normal(shape, fan_in, 2.0)?,
            gamma: initial.ones(channels)?,
            beta: initial.zeros(channels)?,
            running: Moments::standard(channels, initial.device())?,
        })
    }

    pub(super) fn parameters(&self) -> Vec<(&'static str, &Var)> {
        vec![("weight", &self.weight), ("gamma", &self.gamma), ("beta", &self.beta)]
    }

    /// Runs `forward` by the batch's moments, which then move the running ones.
    pub(super) fn train(
        &mut self,
        forward: impl FnOnce(&Self, NormBy<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let kept = BatchMoments::default();
        let y = forward(self, NormBy::Batch(&kept))?;
        let batch = kept.lock().expect("no thread panicked while holding the moments").take();
        if let Some(batch) = batch {
            self.running.blend(&batch, MOMENTUM)?;
        }
        Ok(y)
    }
}
