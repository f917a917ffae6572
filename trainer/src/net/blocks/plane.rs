//! Convolution over bands and time with what follows it.

use super::{Initial, Normalised};
use crate::net::layer::PlaneLayer;
use crate::net::ops::{Dice, Dropout, NormBy, PlaneSpec, plane_block};
use candle_core::{Result, Tensor};

/// [`PlaneLayer`] with its numbers; weights [outputs, inputs, taps over bands, taps over time].
pub struct PlaneBlock {
    /// Shape.
    pub layer: PlaneLayer,
    /// Numbers.
    pub normalised: Normalised,
}

impl PlaneBlock {
    pub(in crate::net) fn new(layer: PlaneLayer, initial: &mut Initial<'_>) -> Result<Self> {
        let PlaneLayer { inputs, outputs, kernel: [bands, frames], .. } = layer;
        let fan_in = inputs * bands * frames;
        let normalised = Normalised::new((outputs, inputs, bands, frames), fan_in, outputs, initial)?;
        Ok(Self { layer, normalised })
    }

    pub(super) fn train(&mut self, x: &Tensor, dice: Dice, place: usize) -> Result<Tensor> {
        let rate = self.layer.dropout;
        let dropout = (rate > 0.0).then(|| Dropout { rate, key: dice.key(place as u64) });
        let spec = PlaneSpec { pool: self.layer.pool, input_gradient: place > 0, dropout };
        self.normalised.train(|n, norm| plane_block(x, &n.weight, &n.gamma, &n.beta, norm, &spec))
    }

    pub(super) fn infer(&self, x: &Tensor) -> Result<Tensor> {
        let n = &self.normalised;
        let spec = PlaneSpec { pool: self.layer.pool, input_gradient: true, dropout: None };
        plane_block(x, &n.weight, &n.gamma, &n.beta, NormBy::Given(&n.running), &spec)
    }
}
