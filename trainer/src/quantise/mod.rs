//! From a folded network to 8-bit integers.
//!
//! What the numbers mean (and what the ONNX file and every engine must do with them): weights are symmetric int8 with
//! a scale per output channel; activations are int8 with a scale and zero point per tensor; accumulators and biases
//! are int32 at the scale `input scale x weight scale`. A layer's sums are max-pooled, requantised to int8, go through ELU
//! (a table of 256 entries, since its input is int8) and are requantised once more. Pooling and requantising both
//! keep order, so they may be done in either order. The input is the front end's 8-bit code less 128; networks that pad
//! begin with the code less its band's mean code, so that padding is the integer 0. Recurrent layers and attention
//! calculate in float with weights rounded to int8; what comes out of them, between -1 and 1, is rounded to int8
//! before the next convolution.
//!
//! Scales of activations are powers of two and those of weights have four significant bits. A weight times an
//! activation then has at most 20 bits on a grid common to its sum, so float32 adds them without rounding, in any
//! order, fused or not: onnxruntime, tract, candle and integer arithmetic get the same sums, and the same integers
//! after them, to the last bit. It costs up to an eighth of the weights' range and up to half of the activations'.

mod conv;
mod matrix;
mod range;

use crate::net::folded::{FoldedAttention, FoldedGru, FoldedLayer, enter};
use crate::net::network::join;
use crate::net::{Architecture, Folded};
use candle_core::{Result, Tensor};
pub use conv::QuantisedConv;
pub use matrix::Int8Rows;
pub use range::Affine;
use rayon::prelude::*;
use runtime::mel::FrameCodes;

/// The network in integers.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// Shape.
    pub architecture: Architecture,
    /// Scale and zero point of what the front end gives: its codes.
    pub input: Affine,
    /// What is taken away from the input first, where the network pads.
    pub centre: Option<Centre>,
    /// Layers in order.
    pub layers: Vec<QuantisedLayer>,
}

/// The input about its mean.
#[derive(Clone, Debug)]
pub struct Centre {
    /// Mean of each band.
    pub mean: Vec<f32>,
    /// Scale and zero point (0) of the difference.
    pub affine: Affine,
}

/// One layer in integers, or as far as it goes in integers.
#[derive(Clone, Debug)]
pub enum QuantisedLayer {
    /// Convolution.
    Conv(QuantisedConv),
    /// GRU; the float layer has the numbers that the integers stand for.
    Recurrent {
        /// What is calculated.
        float: FoldedGru,
        /// Weights of the input.
        ih: Int8Rows,
        /// Weights of the state.
        hh: Int8Rows,
    },
    /// The last state.
    LastState,
    /// Attention; the float layer has the numbers that the integers stand for.
    Attention {
        /// What is calculated.
        float: FoldedAttention,
        /// Weights of the hidden layer.
        weight: Int8Rows,
    },
}

/// Quantises `folded`, choosing ranges on `calibration`: log-mels in decibel as the front end's codes decode to, each
/// [1 or more, mel_bands, frames].
///
/// # Errors
/// When there is nothing to calibrate on, or candle fails.
pub fn quantise(folded: &Folded, codes: FrameCodes, calibration: &[Tensor]) -> Result<Quantised> {
    if calibration.is_empty() {
        candle_core::bail!("there are no clips to calibrate the integers on");
    }
    let input = Affine::of_codes(codes);
    let centre = folded
        .centre()
        .map(|mean| Centre { mean: mean.to_vec(), affine: Affine { scale: input.scale, zero_point: 0 } });
    let mut network = Quantised { architecture: folded.architecture.clone(), input, centre, layers: vec![] };
    // The float network's activations and the integer one's, layer by layer, so that each layer's biases make up for
    // what the rounding of all before it shifted.
    let mut float = each(calibration, |x| folded.enter(x, |x| Ok(x.clone())))?;
    let mut integer = each(calibration, |x| network.enter(x))?;
    // None behind a layer that calculates in float.
    let mut scale_in = Some(network.entry());
    for (i, layer) in folded.layers.iter().enumerate() {
        let quantised = match layer {
            FoldedLayer::Conv(layer) => {
                let standardise = (i == 0 && folded.centre().is_none()).then_some(&folded.standardise);
                let layer = QuantisedConv::of(layer, scale_in, standardise, &mut float, &mut integer)?;
                scale_in = Some(layer.output());
                network.layers.push(QuantisedLayer::Conv(layer));
                continue;
            }
            FoldedLayer::Recurrent(layer) => {
                let (ih, hh) = (
                    Int8Rows::of(&layer.weight_ih, layer.layer.inputs),
                    Int8Rows::of(&layer.weight_hh, layer.layer.outputs),
                );
                let float = FoldedGru { weight_ih: ih.real(), weight_hh: hh.real(), ..layer.clone() };
                QuantisedLayer::Recurrent { float, ih, hh }
            }
            FoldedLayer::LastState => QuantisedLayer::LastState,
            FoldedLayer::Attention(layer) => {
                let weight = Int8Rows::of(&layer.weight, layer.width);
                let float = FoldedAttention { weight: weight.real(), ..layer.clone() };
                QuantisedLayer::Attention { float, weight }
            }
        };
        float = each(&float, |x| layer.forward(x))?;
        integer = each(&integer, |x| quantised.forward(x))?;
        scale_in = None;
        network.layers.push(quantised);
    }
    Ok(network)
}

/// `f` of each, on all cores.
fn each(tensors: &[Tensor], f: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync) -> Result<Vec<Tensor>> {
    tensors.par_iter().map(f).collect()
}

impl Quantised {
    /// The integer network's logits [batch, tags, windows], in float arithmetic on numbers that integers stand for.
    /// The input, log-mels in decibel [batch, mel_bands, frames], is rounded to codes.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.layers.iter().try_fold(self.enter(x)?, |x, layer| layer.forward(&x))?;
        join(y, x.dim(0)?)
    }

    /// Scale and zero point of the logits.
    pub fn output(&self) -> Affine {
        match self.layers.last() {
            Some(QuantisedLayer::Conv(layer)) => layer.output(),
            _ => unreachable!("a network ends with the layer that gives the logits"),
        }
    }

    /// The convolutions in order.
    pub fn convs(&self) -> impl Iterator<Item = &QuantisedConv> {
        self.layers.iter().filter_map(|layer| match layer {
            QuantisedLayer::Conv(layer) => Some(layer),
            _ => None,
        })
    }

    /// Scale and zero point of what the first layer takes.
    pub fn entry(&self) -> Affine {
        self.centre.as_ref().map_or(self.input, |centre| centre.affine)
    }

    fn enter(&self, x: &Tensor) -> Result<Tensor> {
        let centre = self.centre.as_ref().map(|centre| &centre.mean[..]);
        enter(&self.architecture, centre, x, |x| self.entry().round_tensor(x))
    }
}

impl QuantisedLayer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            QuantisedLayer::Conv(layer) => layer.forward(x),
            QuantisedLayer::Recurrent { float, .. } => FoldedLayer::Recurrent(float.clone()).forward(x),
            QuantisedLayer::LastState => FoldedLayer::LastState.forward(x),
            QuantisedLayer::Attention { float, .. } => FoldedLayer::Attention(float.clone()).forward(x),
        }
    }
}
