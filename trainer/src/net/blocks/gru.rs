//! GRU over time.

use super::Initial;
use crate::net::layer::GruLayer;
use crate::net::ops::gru;
use candle_core::{Result, Tensor, Var};

/// [`GruLayer`] with its numbers, gates r, z, n in a row; see [`crate::net::ops::gru`].
pub struct GruBlock {
    /// Shape.
    pub layer: GruLayer,
    /// Of the input, [3 outputs, inputs].
    pub weight_ih: Var,
    /// Of the state, [3 outputs, outputs].
    pub weight_hh: Var,
    /// Biases of the input's products.
    pub bias_ih: Var,
    /// Biases of the state's products.
    pub bias_hh: Var,
}

impl GruBlock {
    /// Uniform within the inverse root of the width, as PyTorch starts them.
    pub(in crate::net) fn new(layer: GruLayer, initial: &mut Initial<'_>) -> Result<Self> {
        let limit = 1.0 / (layer.outputs as f64).sqrt();
        let gates = 3 * layer.outputs;
        Ok(Self {
            layer,
            weight_ih: initial.uniform((gates, layer.inputs), limit)?,
            weight_hh: initial.uniform((gates, layer.outputs), limit)?,
            bias_ih: initial.uniform(gates, limit)?,
            bias_hh: initial.uniform(gates, limit)?,
        })
    }

    /// All states [batch, outputs, frames] of [batch, inputs, frames].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.transpose(1, 2)?.contiguous()?;
        gru(&x, &self.weight_ih, &self.weight_hh, &self.bias_ih, &self.bias_hh)?.transpose(1, 2)
    }

    pub(super) fn parameters(&self) -> Vec<(&'static str, &Var)> {
        vec![
            ("weight_ih", &self.weight_ih),
            ("weight_hh", &self.weight_hh),
            ("bias_ih", &self.bias_ih),
            ("bias_hh", &self.bias_hh),
        ]
    }
}
