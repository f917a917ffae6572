//! Sigmoid and hyperbolic tangent that a compiler can vectorise: no calls, no branches.

/// `exp(x)` to about one unit in the last place for |x| <= 87; beyond that it stays at the ends.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // exp(x) = 2^k exp(r) with k the nearest integer to x / ln 2, found by adding a number so large that the
    // fraction falls off; ln 2 in two parts, so that r keeps its digits.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN2_HIGH - k * LN2_LOW;
    // Cephes' polynomial for |r| <= ln 2 / 2.
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + c;
    }
    let mantissa = p * r * r + r + 1.0;
    // The low bits of `shifted` hold k: moved to the exponent's place they multiply by 2^k.
    mantissa * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent, within 2e-7.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_functions_they_are_called() {
        for i in -40_000..=40_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x);
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-exact).exp())).abs() < 1.5e-7, "sigmoid({x})");
            assert!((f64::from(tanh(x)) - exact.tanh()).abs() < 2.5e-7, "tanh({x})");
            if exact.abs() < 20.0 {
                assert!((f64::from(exp(x)) / exact.exp() - 1.0).abs() < 2e-7, "exp({x})");
            }
        }
    }

    #[test]
    fn far_out_they_stay_at_their_limits() {
        for x in [100.0, 1e4, f32::MAX, f32::INFINITY] {
            assert_eq!((sigmoid(x), tanh(x)), (1.0, 1.0));
            assert!(sigmoid(-x) < 1e-37 && tanh(-x) == -1.0);
        }
        assert!(sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }
}
