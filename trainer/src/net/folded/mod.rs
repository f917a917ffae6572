//! The network as it leaves training: convolutions with a bias, nothing to normalise.
//!
//! Batch norm's affine map goes into the weights and biases of its convolution, and the standardisation of the input
//! into the first layer. What comes in is then the log-mel itself, in decibel. Where a network pads its input with zeros,
//! which are the mean of a standardised log-mel, the mean cannot go into the biases (the borders would see something
//! else than the middle): it is taken away before the padding, and only the deviation is in the weights.

mod conv;
mod recurrent;

pub use conv::{ConvShape, FoldedConv, input_shift};
pub use recurrent::{FoldedAttention, FoldedGru};

use super::Standardise;
use super::blocks::{Block, last_state, over_time};
use super::network::{cut, join, pad};
use super::{Architecture, Net, Network};
use candle_core::{Result, Tensor};

/// A layer of a folded network.
#[derive(Clone, Debug)]
pub enum FoldedLayer {
    /// Convolution, pooling, ELU.
    Conv(FoldedConv),
    /// GRU.
    Recurrent(FoldedGru),
    /// The last state of a GRU.
    LastState,
    /// Attention over its states.
    Attention(FoldedAttention),
}

impl FoldedLayer {
    /// What flows through networks, as between [blocks](super::blocks::Block).
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            FoldedLayer::Conv(layer) => layer.forward(x),
            FoldedLayer::Recurrent(layer) => layer.forward(&over_time(x)?),
            FoldedLayer::LastState => last_state(x),
            FoldedLayer::Attention(layer) => Ok(layer.forward(&over_time(x)?)?.0),
        }
    }

    /// The layer as a convolution, where it is one.
    pub fn conv(&self) -> Option<&FoldedConv> {
        match self {
            FoldedLayer::Conv(layer) => Some(layer),
            _ => None,
        }
    }
}

/// A network of folded layers, from log-mels in decibel to logits.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Shape.
    pub architecture: Architecture,
    /// Standardisation that the network contains; kept because quantising the weights wants the bias again.
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
        let folded = |block: &Block| {
            Ok(match block {
                Block::Time(b) => FoldedLayer::Conv(FoldedConv::of(ConvShape::Time(b.layer), &b.normalised)?),
                Block::Plane(b) => {
                    FoldedLayer::Conv(FoldedConv::of(ConvShape::Plane(b.layer), &b.normalised)?)
                }
                Block::Gru(b) => FoldedLayer::Recurrent(FoldedGru::of(b)?),
                Block::LastState => FoldedLayer::LastState,
                Block::Attention(b) => FoldedLayer::Attention(FoldedAttention::of(b)?),
                Block::Output(b) => FoldedLayer::Conv(FoldedConv {
                    shape: ConvShape::Time(b.layer),
                    weight: b.weight.flatten_all()?.to_vec1()?,
                    bias: b.bias.to_vec1()?,
                    elu: false,
                }),
            })
        };
        let mut layers = network.blocks().iter().map(folded).collect::<Result<Vec<_>>>()?;
        let architecture = network.architecture().clone();
        let Some(FoldedLayer::Conv(first)) = layers.first_mut() else {
            candle_core::bail!("{} does not begin with a convolution", architecture.network)
        };
        // x' = (x - mean) / deviation, so w x' = (w / deviation) x - sum of (w / deviation) mean.
        first.weight.iter_mut().for_each(|w| *w /= standardise.deviation);
        if architecture.slides() {
            let shift = input_shift(&first.shape, &first.weight, standardise);
            first.bias.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift);
        }
        Ok(Self { architecture, standardise: standardise.clone(), layers })
    }

    /// The mean of each band, where it is taken away before the first layer instead of in its biases.
    pub fn centre(&self) -> Option<&[f32]> {
        (!self.architecture.slides()).then_some(&self.standardise.mean[..])
    }

    /// Log-mels in decibel [batch, mel_bands, frames] as the first layer takes them: windows side by side in the batch,
    /// centred and with `rounded` applied, then padded.
    pub(crate) fn enter(&self, x: &Tensor, rounded: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        enter(&self.architecture, self.centre(), x, rounded)
    }

    /// Logits [batch, tags, windows] of log-mels in decibel [batch, mel_bands, frames], on the CPU.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.enter(x, |x| Ok(x.clone()))?;
        let y = self.layers.iter().try_fold(y, |x, layer| layer.forward(&x))?;
        join(y, x.dim(0)?)
    }
}

/// See [`Folded::enter`].
pub(crate) fn enter(
    architecture: &Architecture,
    centre: Option<&[f32]>,
    x: &Tensor,
    rounded: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let x = cut(architecture, x)?;
    let x = match centre {
        Some(mean) => x.broadcast_sub(&Tensor::from_slice(mean, (1, mean.len(), 1), x.device())?)?,
        None => x,
    };
    pad(architecture, &rounded(&x)?)
}
