//! From a folded network to 8-bit integers.
//!
//! What the numbers mean (and what the ONNX file and every engine must do with them): weights are symmetric int8 with
//! a scale per output channel; activations are int8 with a scale and zero point per tensor; accumulators and biases
//! are int32 at the scale `input scale x weight scale`. A layer's sums are max-pooled, requantised to int8, go through ELU
//! (a table of 256 entries, since its input is int8) and are requantised once more. Pooling and requantising both
//! keep order, so they may be done in either order. The input is the front end's 8-bit code less 128.
//!
//! Scales of activations are powers of two and those of weights have four significant bits. A weight times an
//! activation then has at most 20 bits on a grid common to its sum, so float32 adds them without rounding, in any
//! order, fused or not: onnxruntime, tract, candle and integer arithmetic get the same sums, and the same integers
//! after them, to the last bit. It costs up to an eighth of the weights' range and up to half of the activations'.

mod range;

use crate::net::folded::{FoldedLayer, input_shift};
use crate::net::{Architecture, Folded, TimeLayer};
use candle_core::{Device, Result, Tensor};
pub use range::Affine;
use runtime::mel::FrameCodes;

/// The network in integers.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// Shape.
    pub architecture: Architecture,
    /// Scale and zero point of the input: the front end's codes.
    pub input: Affine,
    /// Layers in order.
    pub layers: Vec<QuantisedLayer>,
}

/// One layer in integers.
#[derive(Clone, Debug)]
pub struct QuantisedLayer {
    /// Shape.
    pub layer: TimeLayer,
    /// Weights `[outputs, inputs, kernel]`, -127 to 127.
    pub weight: Vec<i8>,
    /// Scale of each output channel's weights.
    pub weight_scale: Vec<f32>,
    /// Biases `[outputs]`, at `bias_scale`.
    pub bias: Vec<i32>,
    /// Scale of each bias: input scale x weight scale.
    pub bias_scale: Vec<f32>,
    /// The pooled sums, before ELU; for the last layer the logits.
    pub pooled: Affine,
    /// After ELU; none for the last layer.
    pub activated: Option<Affine>,
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
    let mut scale_in = input;
    // The float network's activations and the integer one's, layer by layer, so that each layer's biases make up for
    // what the rounding of all before it shifted.
    let (mut float, mut integer) = (calibration.to_vec(), calibration.to_vec());
    let mut layers = Vec::new();
    for (i, layer) in folded.layers.iter().enumerate() {
        let (weight, weight_scale) = quantise_weights(layer);
        let bias_scale: Vec<f32> = weight_scale.iter().map(|s| s * scale_in.scale).collect();
        let mut rounded = FoldedLayer { weight: dequantise(layer, &weight, &weight_scale), ..layer.clone() };
        if i == 0 {
            // The input's mean is far from zero: what rounding did to the weights' sums goes out with the bias.
            let (old, new) = (
                input_shift(&layer.layer, &layer.weight, &folded.standardise),
                input_shift(&layer.layer, &rounded.weight, &folded.standardise),
            );
            for ((bias, old), new) in rounded.bias.iter_mut().zip(old).zip(new) {
                *bias += new - old;
            }
        }
        let want = float.iter().map(|x| layer.pooled(x)).collect::<Result<Vec<_>>>()?;
        let got = integer.iter().map(|x| rounded.pooled(x)).collect::<Result<Vec<_>>>()?;
        let shift = channel_means(&want)?.into_iter().zip(channel_means(&got)?).map(|(w, g)| (w - g) as f32);
        rounded.bias.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift);
        let bias = round_biases(&mut rounded.bias, &bias_scale);

        let values = flatten(&want)?;
        let (pooled, activated) = range::choose(&values, layer.elu);
        let quantised =
            QuantisedLayer { layer: layer.layer, weight, weight_scale, bias, bias_scale, pooled, activated };
        float =
            want.iter().map(|x| if layer.elu { x.elu(1.0) } else { Ok(x.clone()) }).collect::<Result<_>>()?;
        integer = integer.iter().map(|x| quantised.forward_with(&rounded, x)).collect::<Result<_>>()?;
        scale_in = quantised.output();
        layers.push(quantised);
    }
    Ok(Quantised { architecture: folded.architecture.clone(), input, layers })
}

impl Quantised {
    /// The integer network's logits [batch, tags, windows], in float arithmetic on numbers that integers stand for.
    /// The input, log-mels in decibel [batch, mel_bands, frames], is rounded to codes.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.input.round_tensor(x)?;
        self.layers.iter().try_fold(x, |x, layer| layer.forward_with(&layer.folded(), &x))
    }

    /// Scale and zero point of the logits.
    pub fn output(&self) -> Affine {
        self.layers.last().expect("a network has layers").output()
    }
}

impl QuantisedLayer {
    /// Scale and zero point of what comes out.
    pub fn output(&self) -> Affine {
        self.activated.unwrap_or(self.pooled)
    }

    /// The layer with the numbers that its integers stand for.
    fn folded(&self) -> FoldedLayer {
        let bias = self.bias.iter().zip(&self.bias_scale).map(|(&b, &s)| b as f32 * s).collect();
        let mut layer =
            FoldedLayer { layer: self.layer, weight: Vec::new(), bias, elu: self.activated.is_some() };
        layer.weight = dequantise(&layer, &self.weight, &self.weight_scale);
        layer
    }

    fn forward_with(&self, folded: &FoldedLayer, x: &Tensor) -> Result<Tensor> {
        let y = self.pooled.round_tensor(&folded.pooled(x)?)?;
        match &self.activated {
            Some(activated) => activated.round_tensor(&y.elu(1.0)?),
            None => Ok(y),
        }
    }
}

fn quantise_weights(layer: &FoldedLayer) -> (Vec<i8>, Vec<f32>) {
    let taps = layer.layer.inputs * layer.layer.kernel;
    let scales: Vec<f32> = layer
        .weight
        .chunks(taps)
        .map(|w| range::round_up_scale((w.iter().fold(0.0f32, |top, w| top.max(w.abs())) / 127.0).max(1e-12)))
        .collect();
    let rounded = layer.weight.chunks(taps).zip(&scales);
    let rounded =
        rounded.flat_map(|(w, s)| w.iter().map(move |w| (w / s).round().clamp(-127.0, 127.0) as i8));
    (rounded.collect(), scales)
}

fn dequantise(layer: &FoldedLayer, weight: &[i8], scales: &[f32]) -> Vec<f32> {
    let taps = layer.layer.inputs * layer.layer.kernel;
    weight.chunks(taps).zip(scales).flat_map(|(w, &s)| w.iter().map(move |&w| f32::from(w) * s)).collect()
}

/// Rounds biases to multiples of their scales and returns the multiples.
fn round_biases(bias: &mut [f32], scales: &[f32]) -> Vec<i32> {
    bias.iter_mut()
        .zip(scales)
        .map(|(bias, &scale)| {
            // Half of int32's range is left to the sums.
            let q = (f64::from(*bias) / f64::from(scale)).round().clamp(-1_073_741_824.0, 1_073_741_823.0);
            *bias = (q * f64::from(scale)) as f32;
            q as i32
        })
        .collect()
}

fn channel_means(tensors: &[Tensor]) -> Result<Vec<f64>> {
    let mut sums: Vec<f64> = Vec::new();
    let mut count = 0;
    for tensor in tensors {
        let (batch, channels, frames) = tensor.dims3()?;
        sums.resize(channels, 0.0);
        count += batch * frames;
        for (row, values) in tensor.flatten_all()?.to_vec1::<f32>()?.chunks(frames).enumerate() {
            sums[row % channels] += values.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
    Ok(sums.into_iter().map(|s| s / count as f64).collect())
}

/// Values of all tensors, thinned to what choosing a range needs.
fn flatten(tensors: &[Tensor]) -> Result<Vec<f32>> {
    const ENOUGH: usize = 100_000;
    let total: usize = tensors.iter().map(Tensor::elem_count).sum();
    // A stride that shares no factor with usual row lengths, so that all channels and times are met.
    let stride = (total / ENOUGH).max(1) | 1;
    let (mut values, mut offset) = (Vec::with_capacity(total / stride + 1), 0);
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for tensor in tensors {
        for &v in tensor.flatten_all()?.to_device(&Device::Cpu)?.to_vec1::<f32>()?.iter() {
            (low, high) = (low.min(v), high.max(v));
            if offset % stride == 0 {
                values.push(v);
            }
            offset += 1;
        }
    }
    values.extend([low, high]);
    Ok(values)
}
