//! A convolution in integers.

use super::{Affine, Int8Rows, each, range};
use crate::net::Standardise;
use crate::net::folded::{ConvShape, FoldedConv, input_shift};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

/// A convolution with what follows it, in integers.
#[derive(Clone, Debug)]
pub struct QuantisedConv {
    /// Shape.
    pub shape: ConvShape,
    /// How the input is rounded, where it comes from a layer that calculates in float.
    pub input: Option<Affine>,
    /// Weights; a row per output channel.
    pub weight: Int8Rows,
    /// Biases `[outputs]`, at `bias_scale`.
    pub bias: Vec<i32>,
    /// Scale of each bias: input scale x weight scale.
    pub bias_scale: Vec<f32>,
    /// The pooled sums, before ELU; for the last layer the logits.
    pub pooled: Affine,
    /// After ELU; none for the last layer.
    pub activated: Option<Affine>,
}

/// States of a GRU, and means of them, are between -1 and 1.
const STATES: Affine = Affine { scale: 1.0 / 128.0, zero_point: 0 };

impl QuantisedConv {
    /// Quantises `layer`; `float` and `integer` are what comes into it in either network for the clips of calibration, and
    /// afterwards what comes out. `scale_in` is none where the input is not in integers yet; `standardise` is there where
    /// the biases contain it.
    pub(super) fn of(
        layer: &FoldedConv,
        scale_in: Option<Affine>,
        standardise: Option<&Standardise>,
        float: &mut Vec<Tensor>,
        integer: &mut Vec<Tensor>,
    ) -> Result<Self> {
        let input = scale_in.is_none().then_some(STATES);
        if let Some(input) = &input {
            *integer = each(integer, |x| input.round_tensor(x))?;
        }
        let scale_in = scale_in.unwrap_or(STATES).scale;
        let weight = Int8Rows::of(&layer.weight, layer.shape.taps());
        let bias_scale: Vec<f32> = weight.scales.iter().map(|s| s * scale_in).collect();
        let mut rounded = FoldedConv { weight: weight.real(), ..layer.clone() };
        if let Some(standardise) = standardise {
            // The input's mean is far from zero: what rounding did to the weights' sums goes out with the bias.
            let (old, new) = (
                input_shift(&layer.shape, &layer.weight, standardise),
                input_shift(&layer.shape, &rounded.weight, standardise),
            );
            for ((bias, old), new) in rounded.bias.iter_mut().zip(old).zip(new) {
                *bias += new - old;
            }
        }
        let want = each(float, |x| layer.pooled(x))?;
        let got = integer.par_iter().map(|x| Sums::of(&rounded.pooled(x)?)).collect::<Result<Vec<_>>>()?;
        let wanted = want.par_iter().map(Sums::of).collect::<Result<Vec<_>>>()?;
        let shift = Sums::means(&wanted).into_iter().zip(Sums::means(&got)).map(|(w, g)| (w - g) as f32);
        rounded.bias.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift);
        let bias = round_biases(&mut rounded.bias, &bias_scale);

        let (pooled, activated) = range::choose(&flatten(&want)?, layer.elu);
        let quantised = Self { shape: layer.shape, input, weight, bias, bias_scale, pooled, activated };
        *float = each(&want, |x| if layer.elu { x.elu(1.0) } else { Ok(x.clone()) })?;
        *integer = each(integer, |x| quantised.forward_with(&rounded, x))?;
        Ok(quantised)
    }

    /// Scale and zero point of what comes out.
    pub fn output(&self) -> Affine {
        self.activated.unwrap_or(self.pooled)
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.iter().zip(&self.bias_scale).map(|(&b, &s)| b as f32 * s).collect();
        let folded =
            FoldedConv { shape: self.shape, weight: self.weight.real(), bias, elu: self.activated.is_some() };
        match &self.input {
            Some(input) => self.forward_with(&folded, &input.round_tensor(x)?),
            None => self.forward_with(&folded, x),
        }
    }

    /// By `folded`, which has the numbers that the integers stand for.
    fn forward_with(&self, folded: &FoldedConv, x: &Tensor) -> Result<Tensor> {
        let y = self.pooled.round_tensor(&folded.pooled(x)?)?;
        match &self.activated {
            Some(activated) => activated.round_tensor(&y.elu(1.0)?),
            None => Ok(y),
        }
    }
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

/// Sums of a tensor's values per channel, and how many went into each.
struct Sums {
    of_channels: Vec<f64>,
    count: usize,
}

impl Sums {
    fn of(tensor: &Tensor) -> Result<Self> {
        let (batch, channels) = (tensor.dim(0)?, tensor.dim(1)?);
        let each = tensor.elem_count() / (batch * channels);
        let mut of_channels = vec![0.0; channels];
        for (row, values) in tensor.flatten_all()?.to_vec1::<f32>()?.chunks(each).enumerate() {
            of_channels[row % channels] += values.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
        Ok(Self { of_channels, count: batch * each })
    }

    fn means(all: &[Self]) -> Vec<f64> {
        let mut means = vec![0.0; all.first().map_or(0, |sums| sums.of_channels.len())];
        for sums in all {
            means.iter_mut().zip(&sums.of_channels).for_each(|(mean, sum)| *mean += sum);
        }
        let count: usize = all.iter().map(|sums| sums.count).sum();
        means.iter_mut().for_each(|mean| *mean /= count as f64);
        means
    }
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
