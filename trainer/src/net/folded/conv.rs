//! A convolution with a bias, over time or over bands and time.

use crate::net::blocks::{Normalised, over_time, plane};
use crate::net::ops::moments::EPSILON;
use crate::net::ops::plane_block::{plane_conv_plain, pool_plain};
use crate::net::ops::time_conv;
use crate::net::{PlaneLayer, Standardise, TimeLayer};
use candle_core::{D, Device, Result, Tensor};

/// Over which axes a convolution goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConvShape {
    /// Time; weights `[outputs, inputs, kernel]`.
    Time(TimeLayer),
    /// Bands and time; weights `[outputs, inputs, taps over bands, taps over time]`.
    Plane(PlaneLayer),
}

impl ConvShape {
    /// Channels that go out.
    pub const fn outputs(&self) -> usize {
        match self {
            ConvShape::Time(l) => l.outputs,
            ConvShape::Plane(l) => l.outputs,
        }
    }

    /// Weights of one output channel.
    pub const fn taps(&self) -> usize {
        match self {
            ConvShape::Time(l) => l.inputs * l.kernel,
            ConvShape::Plane(l) => l.inputs * l.kernel[0] * l.kernel[1],
        }
    }

    /// Sizes of the weights' axes.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            ConvShape::Time(l) => vec![l.outputs, l.inputs, l.kernel],
            ConvShape::Plane(l) => vec![l.outputs, l.inputs, l.kernel[0], l.kernel[1]],
        }
    }
}

/// A convolution with a bias, then pooling, then ELU (the output layer has neither).
#[derive(Clone, Debug)]
pub struct FoldedConv {
    /// Shape.
    pub shape: ConvShape,
    /// Weights, with the axes of [`ConvShape::dims`].
    pub weight: Vec<f32>,
    /// Biases `[outputs]`.
    pub bias: Vec<f32>,
    /// ELU after pooling: all but the last layer.
    pub elu: bool,
}

impl FoldedConv {
    /// The convolution with the batch norm after it.
    pub(super) fn of(shape: ConvShape, n: &Normalised) -> Result<Self> {
        let (gamma, beta) = (n.gamma.to_vec1::<f32>()?, n.beta.to_vec1::<f32>()?);
        let (mean, variance) = (n.running.mean.to_vec1::<f32>()?, n.running.variance.to_vec1::<f32>()?);
        let mut weight = n.weight.flatten_all()?.to_vec1::<f32>()?;
        let mut bias = Vec::with_capacity(shape.outputs());
        for (c, taps) in weight.chunks_mut(shape.taps()).enumerate() {
            let deviation = (f64::from(variance[c]) + EPSILON).sqrt();
            let scale = f64::from(gamma[c]) / deviation;
            taps.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            bias.push((f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32);
        }
        Ok(Self { shape, weight, bias, elu: true })
    }

    /// Convolution, bias and pooling, before ELU.
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn pooled(&self, x: &Tensor) -> Result<Tensor> {
        let weight = Tensor::from_slice(&self.weight, self.shape.dims(), &Device::Cpu)?;
        let bias = |rank: usize| {
            let mut dims = vec![1; rank];
            dims[1] = self.bias.len();
            Tensor::from_slice(&self.bias, dims, &Device::Cpu)
        };
        match &self.shape {
            ConvShape::Time(l) => {
                let y = time_conv(&over_time(x)?, &weight, false)?;
                pool(&y.broadcast_add(&bias(3)?)?, l.pool)
            }
            // The maximum and a bias per channel may change places; there is less to add to afterwards.
            ConvShape::Plane(l) => {
                let y = pool_plain(&plane_conv_plain(&plane(x)?, &weight)?, l.pool)?;
                y.broadcast_add(&bias(4)?)
            }
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.pooled(x)?;
        if self.elu { y.elu(1.0) } else { Ok(y) }
    }
}

/// What the standardisation's means add to the first layer's biases, for weights already divided by the deviation.
pub fn input_shift(shape: &ConvShape, weight: &[f32], standardise: &Standardise) -> Vec<f32> {
    weight
        .chunks(shape.taps())
        .map(|taps| {
            let bands = taps.chunks(shape.taps() / standardise.mean.len().max(1)).zip(&standardise.mean);
            -bands
                .map(|(taps, &mean)| taps.iter().map(|&w| f64::from(w)).sum::<f64>() * f64::from(mean))
                .sum::<f64>() as f32
        })
        .collect()
}

fn pool(y: &Tensor, size: usize) -> Result<Tensor> {
    if size == 1 {
        return Ok(y.clone());
    }
    let (batch, channels, frames) = y.dims3()?;
    let out = frames / size;
    y.narrow(2, 0, out * size)?.contiguous()?.reshape((batch, channels, out, size))?.max(D::Minus1)
}
