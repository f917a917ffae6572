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
    /// Covers `low..=high`, widened to contain 0.
    pub fn covering(low: f32, high: f32) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let scale = ((high - low) / 255.0).max(1e-6);
        let zero_point = (-128.0 - low / scale).round().clamp(-128.0, 127.0) as i8;
        Self { scale: scale as f32, zero_point }
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

/// Ranges of a layer's pooled sums and, with `elu`, of what follows: those with the least squared error on `values`,
/// among ones that cut off more and more of the top. The last two values are the extremes.
pub(super) fn choose(values: &[f32], elu: bool) -> (Affine, Option<Affine>) {
    let (low, high) = values.iter().fold((0.0f32, 0.0f32), |(low, high), &v| (low.min(v), high.max(v)));
    let activation = |v: f32| if elu && v < 0.0 { v.exp_m1() } else { v };
    let floors: &[f32] = if elu { &[ELU_FLOOR, -4.5, -3.0] } else { &[f32::NEG_INFINITY] };
    let shares: &[f32] = &[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    let mut best: Option<(f64, (Affine, Option<Affine>))> = None;
    for &floor in floors {
        for &share in shares {
            let (low, high) = (if elu { low.max(floor) } else { low * share }, high * share);
            let pooled = Affine::covering(low, high);
            let activated = elu.then(|| Affine::covering(activation(low), high));
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
    best.expect("at least one range was tried").1
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
        fn rounding_is_within_half_a_step_and_keeps_zero(low in -50f32..0.0, high in 0f32..50.0, share in 0f32..1.0) {
            let a = Affine::covering(low, high);
            let v = low + (high - low) * share;
            // The zero point is rounded, so an end may be cut by half a step.
            prop_assert!((a.round(v) - v).abs() <= 1.01 * a.scale);
            prop_assert_eq!(a.round(0.0), 0.0);
            for i in -128..=127i8 {
                prop_assert_eq!(a.quantise(a.real(i)), i);
            }
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
