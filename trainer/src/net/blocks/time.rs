//! Convolution over time with what follows it.

use super::{Initial, Normalised};
use crate::net::layer::TimeLayer;
use crate::net::ops::{NormBy, time_block};
use candle_core::{Result, Tensor};

/// [`TimeLayer`] with its numbers; weights [outputs, inputs, kernel].
pub struct TimeBlock {
    /// Shape.
    pub layer: TimeLayer,
    /// Numbers.
    pub normalised: Normalised,
}

impl TimeBlock {
    pub(in crate::net) fn new(layer: TimeLayer, initial: &mut Initial<'_>) -> Result<Self> {
        let TimeLayer { inputs, outputs, kernel, .. } = layer;
        let normalised = Normalised::new((outputs, inputs, kernel), inputs * kernel, outputs, initial)?;
        Ok(Self { layer, normalised })
    }

    pub(super) fn train(&mut self, x: &Tensor, input_gradient: bool) -> Result<Tensor> {
        let pool = self.layer.pool;
        self.normalised
            .train(|n, norm| time_block(x, &n.weight, &n.gamma, &n.beta, norm, pool, input_gradient))
    }

    pub(super) fn infer(&self, x: &Tensor) -> Result<Tensor> {
        let n = &self.normalised;
        time_block(x, &n.weight, &n.gamma, &n.beta, NormBy::Given(&n.running), self.layer.pool, true)
    }
}
