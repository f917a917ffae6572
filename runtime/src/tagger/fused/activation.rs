//! What happens to pooled values: rounding to 8 bits, ELU, rounding again.

/// Rounding to an 8-bit integer and back, as QuantizeLinear and DequantizeLinear in a row: divide by the scale, round
/// half to even, add the zero point, saturate, and all the way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FakeQuant {
    /// Above 0 and finite.
    pub scale: f32,
    /// An integer.
    pub zero_point: f32,
    /// Lowest integer: -128 or 0. The highest is 255 above it.
    pub lowest: f32,
}

impl FakeQuant {
    /// The integer, from `lowest` to `lowest + 255`.
    #[inline(always)]
    fn quantise(&self, value: f32) -> f32 {
        let q = (value / self.scale).round_ties_even() + self.zero_point;
        // Comparisons and not clamp(): what NaN becomes does not matter, that it is one instruction does.
        let q = if q > self.lowest { q } else { self.lowest };
        let highest = self.lowest + 255.0;
        if q < highest { q } else { highest }
    }

    #[inline(always)]
    fn dequantise(&self, q: f32) -> f32 {
        (q - self.zero_point) * self.scale
    }

    /// The nearest value that an integer stands for.
    #[inline(always)]
    pub fn apply(&self, value: f32) -> f32 {
        self.dequantise(self.quantise(value))
    }
}

/// Steps in their order, each optional.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Activation {
    pub first: Option<FakeQuant>,
    pub elu: bool,
    pub second: Option<FakeQuant>,
}

impl Activation {
    // A table of 256 entries after the first rounding was measured: looking up costs eight times as much as
    // computing lane by lane.
    #[inline(always)]
    pub fn apply(&self, values: &mut [f32]) {
        if let Some(first) = &self.first {
            values.iter_mut().for_each(|x| *x = first.apply(*x));
        }
        if self.elu {
            values.iter_mut().for_each(|x| *x = elu(*x));
        }
        if let Some(second) = &self.second {
            values.iter_mut().for_each(|x| *x = second.apply(*x));
        }
    }
}

/// `x` above 0, `exp(x) - 1` below; absolute error below 1e-6.
///
/// No branch and no call, so that it is done lane by lane at once. `x = n ln 2 + r` with |r| <= ln 2 / 2, then
/// `exp(r)` as its Taylor polynomial of degree 6 (remainder 2e-7 of the value) times 2 to the power of `n`.
#[inline(always)]
fn elu(x: f32) -> f32 {
    /// Adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to an integer, found in its low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4; // few bits, so that n times it is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let below = if x < 0.0 { x } else { 0.0 };
    let below = if below > -80.0 { below } else { -80.0 };
    let shifted = below * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (below - n * LN2_HIGH) - n * LN2_LOW;
    let poly =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    let exp_m1 = poly * f32::from_bits(exponent) - 1.0;
    if x < 0.0 { exp_m1 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elu_is_within_its_error() {
        let mut worst = 0.0f64;
        for i in 0..2_000_000 {
            let x = -100.0 * (i as f32 / 2e6).powi(3);
            worst = worst.max((f64::from(elu(x)) - f64::from(x).exp_m1()).abs());
        }
        assert!(worst < 1e-6, "{worst}");
        assert_eq!((elu(0.0), elu(3.5), elu(f32::NEG_INFINITY)), (0.0, 3.5, -1.0));
    }

    #[test]
    fn rounding_goes_to_even_and_saturates() {
        let quant = FakeQuant { scale: 0.5, zero_point: 10.0, lowest: -128.0 };
        for (value, want) in [(0.25, 0.0), (0.75, 1.0), (-0.25, 0.0), (1e9, 58.5), (-1e9, -69.0), (0.6, 0.5)]
        {
            assert_eq!(quant.apply(value), want, "{value}");
        }
        let unsigned = FakeQuant { scale: 0.1, zero_point: 0.0, lowest: 0.0 };
        assert_eq!((unsigned.apply(-3.0), unsigned.apply(99.0)), (0.0, 25.5));
    }

    #[test]
    fn steps_follow_each_other() {
        let first = FakeQuant { scale: 0.5, zero_point: 0.0, lowest: -128.0 };
        let second = FakeQuant { scale: 0.25, zero_point: 0.0, lowest: -128.0 };
        let mut values = [0.8, -0.8, -0.2];
        Activation { first: Some(first), elu: true, second: Some(second) }.apply(&mut values);
        assert_eq!(values, [1.0, -0.75, 0.0]); // 0.8 -> 1; -0.8 -> -1 -> -0.632 -> -0.75; -0.2 -> 0
    }
}
