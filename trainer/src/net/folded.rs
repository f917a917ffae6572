//! The network as it leaves training: convolutions with a bias, nothing to normalise.
//!
//! Batch norm's affine map goes into the weights and biases of its convolution, and the standardisation of the input
//! into the first layer (possible because nothing is padded). What comes in is then the log-mel itself, in decibel.

use super::Standardise;
use super::blocks::Block;
use super::ops::time_conv;
use super::{Architecture, Net, Network, TimeLayer};
use candle_core::{D, Device, Result, Tensor};

/// A convolution with a bias, then pooling, then ELU (the output layer has neither).
#[derive(Clone, Debug)]
pub struct FoldedLayer {
    /// Shape.
    pub layer: TimeLayer,
    /// Weights `[outputs, inputs, kernel]`.
    pub weight: Vec<f32>,
    /// Biases `[outputs]`.
    pub bias: Vec<f32>,
    /// ELU after pooling: all but the last layer.
    pub elu: bool,
}

/// A network of folded layers, from log-mels in decibel to logits.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Shape.
    pub architecture: Architecture,
    /// Standardisation that the first layer contains; kept because quantising the weights wants the bias again.
    pub standardise: Standardise,
    /// Layers in order.
    pub layers: Vec<FoldedLayer>,
}

impl Folded {
    /// Folds a trained network.
    ///
    /// # Errors
    /// When candle cannot copy the numbers out.
    pub fn of(network: &Net, standardise: &Standardise) -> Result<Self> {
        let mut layers = Vec::new();
        for block in network.blocks() {
            match block {
                Block::Time(b) => {
                    let n = &b.normalised;
                    let (gamma, beta) = (n.gamma.to_vec1::<f32>()?, n.beta.to_vec1::<f32>()?);
                    let (mean, variance) =
                        (n.running.mean.to_vec1::<f32>()?, n.running.variance.to_vec1::<f32>()?);
                    let mut weight = n.weight.flatten_all()?.to_vec1::<f32>()?;
                    let mut bias = Vec::with_capacity(b.layer.outputs);
                    for (c, taps) in weight.chunks_mut(b.layer.inputs * b.layer.kernel).enumerate() {
                        let deviation = (f64::from(variance[c]) + super::ops::moments::EPSILON).sqrt();
                        let scale = f64::from(gamma[c]) / deviation;
                        taps.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
                        bias.push((f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32);
                    }
                    layers.push(FoldedLayer { layer: b.layer, weight, bias, elu: true });
                }
                Block::Output(b) => layers.push(FoldedLayer {
                    layer: b.layer,
                    weight: b.weight.flatten_all()?.to_vec1()?,
                    bias: b.bias.to_vec1()?,
                    elu: false,
                }),
                _ => candle_core::bail!("{} cannot be folded", network.architecture().network),
            }
        }
        let first = &mut layers[0];
        // x' = (x - mean) / deviation, so w x' = (w / deviation) x - sum of (w / deviation) mean.
        first.weight.iter_mut().for_each(|w| *w /= standardise.deviation);
        for (bias, shift) in first.bias.iter_mut().zip(input_shift(&first.layer, &first.weight, standardise))
        {
            *bias += shift;
        }
        Ok(Self { architecture: network.architecture().clone(), standardise: standardise.clone(), layers })
    }

    /// Logits [batch, tags, windows] of log-mels in decibel [batch, mel_bands, frames], on the CPU.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }
}

/// What the standardisation's means add to the first layer's biases, for weights already divided by the deviation.
pub fn input_shift(layer: &TimeLayer, weight: &[f32], standardise: &Standardise) -> Vec<f32> {
    weight
        .chunks(layer.inputs * layer.kernel)
        .map(|taps| {
            let bands = taps.chunks(layer.kernel).zip(&standardise.mean);
            -bands
                .map(|(taps, &mean)| taps.iter().map(|&w| f64::from(w)).sum::<f64>() * f64::from(mean))
                .sum::<f64>() as f32
        })
        .collect()
}

impl FoldedLayer {
    /// Weights as a tensor [outputs, inputs, kernel].
    ///
    /// # Errors
    /// When candle fails.
    pub fn weight_tensor(&self) -> Result<Tensor> {
        let l = &self.layer;
        Tensor::from_slice(&self.weight, (l.outputs, l.inputs, l.kernel), &Device::Cpu)
    }

    /// Convolution, bias and pooling, before ELU: [batch, outputs, frames].
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn pooled(&self, x: &Tensor) -> Result<Tensor> {
        let y = time_conv(x, &self.weight_tensor()?, false)?;
        let bias = Tensor::from_slice(&self.bias, (1, self.bias.len(), 1), &Device::Cpu)?;
        pool(&y.broadcast_add(&bias)?, self.layer.pool)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.pooled(x)?;
        if self.elu { y.elu(1.0) } else { Ok(y) }
    }
}

fn pool(y: &Tensor, size: usize) -> Result<Tensor> {
    if size == 1 {
        return Ok(y.clone());
    }
    let (batch, channels, frames) = y.dims3()?;
    let out = frames / size;
    y.narrow(2, 0, out * size)?.contiguous()?.reshape((batch, channels, out, size))?.max(D::Minus1)
}
