//! Logarithm that compiles to straight-line code, so that a frame's bands are compressed several at a time, and
//! that gives the same bits on every target.

use super::config::Compression;

/// Powers below this are taken for it: -100 dB.
const POWER_FLOOR: f32 = 1e-10;

const LOG10_2: f32 = core::f32::consts::LOG10_2;
const LOG10_E: f32 = core::f32::consts::LOG10_E;

/// `log10` of a positive, normal, finite number, to 3e-7 of the result or 1e-7, whichever is more.
///
/// Splits off the exponent so that the mantissa lies in `[sqrt(1/2), sqrt(2))`; `ln(1 + m)` is then the
/// polynomial of Cephes' `logf` (S. L. Moshier).
#[inline(always)]
fn log10(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    const MANTISSA: u32 = 0x007f_ffff;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let exponent = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & MANTISSA) + SQRT_HALF_BITS) - 1.0;
    let mut p = 7.037_683_6e-2;
    p = p * m - 1.151_461e-1;
    p = p * m + 1.167_699_84e-1;
    p = p * m - 1.242_014_1e-1;
    p = p * m + 1.424_932_3e-1;
    p = p * m - 1.666_805_7e-1;
    p = p * m + 2.000_071_5e-1;
    p = p * m - 2.499_999_4e-1;
    p = p * m + 3.333_333e-1;
    let square = m * m;
    let ln = p * m * square - 0.5 * square + m;
    exponent * LOG10_2 + ln * LOG10_E
}

impl Compression {
    /// Compresses powers (0 or above, finite) in place.
    #[inline]
    pub(super) fn apply(&self, powers: &mut [f32]) {
        match *self {
            Compression::Decibel => {
                for p in powers {
                    *p = 10.0 * log10(if *p > POWER_FLOOR { *p } else { POWER_FLOOR });
                }
            }
            Compression::Log10 { scale, bias } => {
                for p in powers {
                    let x = scale * *p + bias;
                    *p = log10(if x < f32::MAX { x } else { f32::MAX });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log10_is_right_from_the_smallest_to_the_largest_number() {
        let mut worst = 0.0_f64;
        for bits in (f32::MIN_POSITIVE.to_bits()..=f32::MAX.to_bits()).step_by(1009) {
            let x = f32::from_bits(bits);
            let right = libm::log10(f64::from(x));
            worst = worst.max((f64::from(log10(x)) - right).abs() / right.abs().max(1.0 / 3.0));
        }
        assert!(worst < 3e-7, "{worst:e}");
        assert_eq!(log10(1.0), 0.0);
    }

    #[test]
    fn decibels_stop_at_the_floor() {
        let mut frame = [0.0, 1e-12, 1e-10, 1.0, 100.0];
        Compression::Decibel.apply(&mut frame);
        for (value, right) in frame.iter().zip([-100.0, -100.0, -100.0, 0.0, 20.0]) {
            assert!((value - right).abs() < 2e-5, "{frame:?}");
        }
    }

    #[test]
    fn log10_of_silence_is_that_of_the_bias_and_overflow_stays_finite() {
        let mut frame = [0.0, 0.0999, 1e37];
        Compression::Log10 { scale: 10_000.0, bias: 1.0 }.apply(&mut frame);
        assert_eq!(frame[0], 0.0);
        assert!((frame[1] - 3.0).abs() < 1e-6);
        assert!((frame[2] - 38.531_84).abs() < 1e-4, "{}", frame[2]);
    }
}
