//! What follows the convolutions of the recurrent networks: copies of the trained numbers.

use crate::net::GruLayer;
use crate::net::blocks::{AttentionBlock, GruBlock};
use crate::net::ops::{additive_attention, gru};
use candle_core::{Device, Result, Shape, Tensor};

/// [`GruLayer`] with its numbers, gates r, z, n in a row; see [`crate::net::ops::gru`].
#[derive(Clone, Debug)]
pub struct FoldedGru {
    /// Shape.
    pub layer: GruLayer,
    /// Of the input, `[3 outputs, inputs]`.
    pub weight_ih: Vec<f32>,
    /// Of the state, `[3 outputs, outputs]`.
    pub weight_hh: Vec<f32>,
    /// Biases of the input's products.
    pub bias_ih: Vec<f32>,
    /// Biases of the state's products.
    pub bias_hh: Vec<f32>,
}

impl FoldedGru {
    pub(super) fn of(block: &GruBlock) -> Result<Self> {
        Ok(Self {
            layer: block.layer,
            weight_ih: block.weight_ih.flatten_all()?.to_vec1()?,
            weight_hh: block.weight_hh.flatten_all()?.to_vec1()?,
            bias_ih: block.bias_ih.to_vec1()?,
            bias_hh: block.bias_hh.to_vec1()?,
        })
    }

    /// All states [batch, outputs, frames] of [batch, inputs, frames].
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let GruLayer { inputs, outputs } = self.layer;
        let gates = 3 * outputs;
        let x = x.transpose(1, 2)?.contiguous()?;
        let weights = (tensor(&self.weight_ih, (gates, inputs))?, tensor(&self.weight_hh, (gates, outputs))?);
        let biases = (tensor(&self.bias_ih, gates)?, tensor(&self.bias_hh, gates)?);
        gru(&x, &weights.0, &weights.1, &biases.0, &biases.1)?.transpose(1, 2)
    }
}

/// Additive attention with its numbers; see [`crate::net::ops::attention`].
#[derive(Clone, Debug)]
pub struct FoldedAttention {
    /// Width of the state and of the hidden layer.
    pub width: usize,
    /// `[hidden, width]`.
    pub weight: Vec<f32>,
    /// `[hidden]`.
    pub bias: Vec<f32>,
    /// What the hidden layer is read out by, `[hidden]`.
    pub score: Vec<f32>,
}

impl FoldedAttention {
    pub(super) fn of(block: &AttentionBlock) -> Result<Self> {
        Ok(Self {
            width: block.score.elem_count(),
            weight: block.weight.flatten_all()?.to_vec1()?,
            bias: block.bias.to_vec1()?,
            score: block.score.to_vec1()?,
        })
    }

    /// ([batch, width, 1], weights [batch, frames]) of states [batch, width, frames].
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let weight = tensor(&self.weight, (self.width, self.width))?;
        let (bias, score) = (tensor(&self.bias, self.width)?, tensor(&self.score, self.width)?);
        let (context, weights) = additive_attention(&x.transpose(1, 2)?, &weight, &bias, &score)?;
        Ok((context.unsqueeze(2)?, weights))
    }
}

fn tensor(values: &[f32], shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_slice(values, shape.into(), &Device::Cpu)
}
