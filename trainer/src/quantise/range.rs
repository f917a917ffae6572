//! Which numbers the 256 integers of an activation stand for.

use candle_core::{Result, Tensor};
use runtime::mel::FrameCodes;
use serde::{Deserialize, Serialize};

/// `real = scale * (integer - zero_point)`, integer from -128 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Step between two integers.
    pub scale: f32,
    /// Integer that stands for 0.
    pub zero_point: i8,
}

impl Affine {
    /// A scale of 2 to the power of `exponent`, reaching down to `low` (at most 0) as far as the integers go.
    ///
    /// Only powers of two: whatever order an engine adds in, sums of such numbers are exact in float32, so that every
    /// engine rounds the very same value (see [`super`]).
    pub fn power_of_two(exponent: i32, low: f32) -> Self {
        let scale = 2f32.powi(exponent);
        let zero_point = (-128.0 - (low.min(0.0) / scale).floor()).clamp(-128.0, 127.0) as i8;
        Self { scale, zero_point }
    }

    /// The front end's codes, less 128.
    pub fn of_codes(codes: FrameCodes) -> Self {
        let (lowest, next) = (codes.decode(0), codes.decode(1));
        let scale = next - lowest;
        Self { scale, zero_point: (-128.0 - lowest / scale).round().clamp(-128.0, 127.0) as i8 }
    }

    /// The integer for `real`: halves to even, ends saturate, as ONNX's QuantizeLinear does.
    pub fn quantise(&self, real: f32) -> i8 {
        ((real / self.scale).round_ties_even() + f32::from(self.zero_point)).clamp(-128.0, 127.0) as i8
    }

    /// What an integer stands for.
    pub fn real(&self, integer: i8) -> f32 {
        self.scale * f32::from(i16::from(integer) - i16::from(self.zero_point))
    }

    /// `real` as its integer stands for it.
    pub fn round(&self, real: f32) -> f32 {
        self.real(self.quantise(real))
    }

    /// [`Affine::round`] for every element of a CPU tensor.
    ///
    /// # Errors
    /// When candle fails.
    pub fn round_tensor(&self, x: &Tensor) -> Result<Tensor> {
        let values: Vec<f32> =
            x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(|v| self.round(v)).collect();
        Tensor::from_vec(values, x.shape(), x.device())
    }
}

/// ELU of what is below this is -1 within a step of any range: the sums need not reach lower.
const ELU_FLOOR: f32 = -6.0;

/// Finer steps than those that cover everything are tried this far.
const FINER: i32 = 4;

/// Ranges of a layer's pooled sums and, with `elu`, of what follows: those with the least squared error on `values`,
/// among ones with finer steps that cut off more and more of the top. The last two values are the extremes.
pub(super) fn choose(values: &[f32], elu: bool) -> (Affine, Option<Affine>) {
    let (low, high) = values.iter().fold((0.0f32, 0.0f32), |(low, high), &v| (low.min(v), high.max(v)));
    let activation = |v: f32| if elu && v < 0.0 { v.exp_m1() } else { v };
    let floors: &[f32] = if elu { &[ELU_FLOOR, -4.5, -3.0] } else { &[f32::NEG_INFINITY] };
    let covering = |low: f32, high: f32| ((high - low).max(1e-6) / 255.0).log2().ceil() as i32;
    let mut best: Option<(f64, (Affine, Option<Affine>))> = None;
    for &floor in floors {
        let low = low.max(floor);
        let coarsest = covering(low, high);
        for exponent in coarsest - FINER..=coarsest {
            let pooled = Affine::power_of_two(exponent, low);
            let choices: Vec<Option<Affine>> = if elu {
                let low = activation(low);
                let coarsest = covering(low, high);
                (coarsest - FINER..=coarsest).map(|e| Some(Affine::power_of_two(e, low))).collect()
            } else {
                vec![None]
            };
            for activated in choices {
                let error: f64 = values
                    .iter()
                    .map(|&v| {
                        let got = pooled.round(v);
                        let got = activated.map_or(got, |a| a.round(activation(got)));
                        f64::from(got - activation(v)).powi(2)
                    })
                    .sum();
                if best.as_ref().is_none_or(|(least, _)| error < *least) {
                    best = Some((error, (pooled, activated)));
                }
            }
        }
    }
    best.expect("at least one range was tried").1
}

/// The next number above `scale` (positive) with four significant bits: 8 to 15 times a power of two.
pub(super) fn round_up_scale(scale: f32) -> f32 {
    let grain = 2f32.powi(scale.log2().floor() as i32 - 3);
    (scale / grain).ceil() * grain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use runtime::mel::Compression;

    #[test]
    fn codes_are_int8_less_128() {
        let a = Affine::of_codes(FrameCodes::of(Compression::Decibel));
        assert_eq!((a.scale, a.zero_point), (0.5, 72));
        for code in 0..=255u8 {
            let real = FrameCodes::of(Compression::Decibel).decode(code);
            assert_eq!(a.quantise(real), (i16::from(code) - 128) as i8);
            assert_eq!(a.round(real), real);
        }
    }

    proptest! {
        #[test]
        fn rounding_is_within_half_a_step_and_keeps_zero(exponent in -10i32..3, low in -50f32..0.0, share in 0f32..1.0) {
            let a = Affine::power_of_two(exponent, low);
            let (least, most) = (a.real(-128), a.real(127));
            let v = least + (most - least) * share;
            prop_assert!((a.round(v) - v).abs() <= 0.501 * a.scale);
            prop_assert_eq!(a.round(0.0), 0.0);
            prop_assert!(least <= low || a.zero_point == 127);
            for i in -128..=127i8 {
                prop_assert_eq!(a.quantise(a.real(i)), i);
            }
        }

        #[test]
        fn weight_scales_have_four_bits_and_are_not_much_larger(scale in 1e-6f32..10.0) {
            let rounded = round_up_scale(scale);
            prop_assert!(rounded >= scale && rounded <= scale * 1.1251);
            prop_assert_eq!(rounded.to_bits() & 0x000f_ffff, 0);
        }
    }

    #[test]
    fn an_outlier_does_not_cost_all_others_their_precision() {
        let mut values: Vec<f32> = (0..400_000).map(|i| (i % 100) as f32 * 0.01).collect();
        values.push(2.0);
        let (pooled, activated) = choose(&values, true);
        assert!(pooled.real(127) < 1.6 && activated.unwrap().real(127) < 1.6);
    }
}
