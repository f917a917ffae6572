//! Attention over the states of a GRU.

use super::Initial;
use crate::net::ops::additive_attention;
use candle_core::{Result, Tensor, Var};

/// Additive attention with its numbers; see [`crate::net::ops::attention`].
pub struct AttentionBlock {
    /// [hidden, width].
    pub weight: Var,
    /// `[hidden]`.
    pub bias: Var,
    /// What the hidden layer is read out by, `[hidden]`.
    pub score: Var,
}

impl AttentionBlock {
    pub(in crate::net) fn new(width: usize, initial: &mut Initial<'_>) -> Result<Self> {
        Ok(Self {
            weight: initial.normal((width, width), width, 1.0)?,
            bias: initial.zeros(width)?,
            score: initial.normal(width, width, 1.0)?,
        })
    }

    /// ([batch, width, 1], weights [batch, frames]) of states [batch, width, frames].
    pub(in crate::net) fn forward(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let (context, weights) =
            additive_attention(&x.transpose(1, 2)?, &self.weight, &self.bias, &self.score)?;
        Ok((context.unsqueeze(2)?, weights))
    }

    pub(super) fn parameters(&self) -> Vec<(&'static str, &Var)> {
        vec![("weight", &self.weight), ("bias", &self.bias), ("score", &self.score)]
    }
}
