//! The last layer: a product and a bias, without norm or ELU, gives the logits.

use super::Initial;
use crate::net::layer::TimeLayer;
use crate::net::ops::time_conv;
use candle_core::{Result, Tensor, Var};

/// The layer that gives the logits, with its numbers.
pub struct OutputBlock {
    /// Shape.
    pub layer: TimeLayer,
    /// [tags, inputs, kernel].
    pub weight: Var,
    /// `[tags]`.
    pub bias: Var,
}

impl OutputBlock {
    pub(in crate::net) fn new(layer: TimeLayer, initial: &mut Initial<'_>) -> Result<Self> {
        let TimeLayer { inputs, outputs, kernel, .. } = layer;
        let weight = initial.normal((outputs, inputs, kernel), inputs * kernel, 1.0)?;
        Ok(Self { layer, weight, bias: initial.zeros(outputs)? })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let logits = time_conv(x, &self.weight, true)?;
        logits.broadcast_add(&self.bias.reshape((1, self.bias.elem_count(), 1))?)
    }
}
