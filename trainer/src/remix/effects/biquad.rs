//! Second-order filters after R. Bristow-Johnson's cookbook: shelves, peaks and band limits.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// What a filter does to which frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// Raises or lowers a band around a frequency: hertz, decibel, quality.
    Peak(f32, f32, f32),
    /// Raises or lowers all below a frequency: hertz, decibel.
    LowShelf(f32, f32),
    /// Raises or lowers all above a frequency: hertz, decibel.
    HighShelf(f32, f32),
    /// Takes away what is above a frequency, 12 dB an octave: hertz, quality.
    LowPass(f32, f32),
    /// Takes away what is below a frequency, 12 dB an octave: hertz, quality.
    HighPass(f32, f32),
}

impl Band {
    /// A Butterworth low pass of eighth order, as steep as the band limits of codecs look.
    pub fn steep_low_pass(hertz: f32) -> [Self; 4] {
        [0.509_8, 0.601_3, 0.9, 2.562_9].map(|quality| Self::LowPass(hertz, quality))
    }

    /// Filters samples at `rate` hertz in place. Frequencies beyond 0.45 of the rate are taken for that.
    pub fn apply(&self, rate: u32, samples: &mut [f32]) {
        let [b0, b1, b2, a1, a2] = self.coefficients(f64::from(rate)).map(|value| value as f32);
        // Transposed direct form II: two states, and little rounding in single precision.
        let (mut first, mut second) = (0.0_f32, 0.0_f32);
        for sample in samples {
            let input = *sample;
            let output = b0 * input + first;
            first = b1 * input - a1 * output + second;
            second = b2 * input - a2 * output;
            *sample = output;
        }
    }

    /// b0, b1, b2, a1, a2, for a0 = 1.
    fn coefficients(&self, rate: f64) -> [f64; 5] {
        let (hertz, decibel, quality) = match *self {
            Self::Peak(hertz, decibel, quality) => (hertz, decibel, f64::from(quality)),
            Self::LowShelf(hertz, decibel) | Self::HighShelf(hertz, decibel) => {
                (hertz, decibel, FRAC_1_SQRT_2)
            }
            Self::LowPass(hertz, quality) | Self::HighPass(hertz, quality) => {
                (hertz, 0.0, f64::from(quality))
            }
        };
        let (sin, cos) = (TAU * f64::from(hertz).clamp(1.0, 0.45 * rate) / rate).sin_cos();
        let alpha = sin / (2.0 * quality.max(0.05));
        let a = 10.0_f64.powf(f64::from(decibel) / 40.0);
        let root = 2.0 * a.sqrt() * alpha;
        // The high shelf is the low one with the spectrum turned round.
        let shelf = |cos: f64, sign: f64| {
            let (more, less) = (a + 1.0, a - 1.0);
            [
                a * (more - less * cos + root),
                sign * 2.0 * a * (less - more * cos),
                a * (more - less * cos - root),
                more + less * cos + root,
                sign * -2.0 * (less + more * cos),
                more + less * cos - root,
            ]
        };
        let [b0, b1, b2, a0, a1, a2] = match self {
            Self::Peak(..) => {
                [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a, 1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a]
            }
            Self::LowShelf(..) => shelf(cos, 1.0),
            Self::HighShelf(..) => shelf(-cos, -1.0),
            Self::LowPass(..) => {
                let b = (1.0 - cos) / 2.0;
                [b, 2.0 * b, b, 1.0 + alpha, -2.0 * cos, 1.0 - alpha]
            }
            Self::HighPass(..) => {
                let b = (1.0 + cos) / 2.0;
                [b, -2.0 * b, b, 1.0 + alpha, -2.0 * cos, 1.0 - alpha]
            }
        };
        [b0, b1, b2, a1, a2].map(|value| value / a0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gain_at, sine};
    use super::*;

    const RATE: u32 = 16_000;

    fn gain(bands: &[Band], hertz: f32) -> f32 {
        let before = sine(RATE, hertz, 1.0);
        let mut after = before.clone();
        bands.iter().for_each(|band| band.apply(RATE, &mut after));
        gain_at(RATE, hertz, &before, &after)
    }

    #[test]
    fn a_band_has_its_gain_at_its_centre_and_leaves_the_rest() {
        for decibel in [-9.0, -3.0, 4.0, 9.0] {
            let peak = [Band::Peak(1000.0, decibel, 1.0)];
            assert!((gain(&peak, 1000.0) - decibel).abs() < 0.1);
            assert!(gain(&peak, 60.0).abs() < 0.2);
            let low = [Band::LowShelf(400.0, decibel)];
            assert!((gain(&low, 30.0) - decibel).abs() < 0.2 && gain(&low, 5000.0).abs() < 0.2);
            assert!((gain(&low, 400.0) - decibel / 2.0).abs() < 0.2);
            let high = [Band::HighShelf(2000.0, decibel)];
            assert!((gain(&high, 7500.0) - decibel).abs() < 0.3 && gain(&high, 100.0).abs() < 0.2);
            assert!((gain(&high, 2000.0) - decibel / 2.0).abs() < 0.2);
        }
    }

    #[test]
    fn band_limits_are_steep() {
        let limit = Band::steep_low_pass(3500.0);
        assert!(gain(&limit, 1500.0).abs() < 0.1);
        assert!((gain(&limit, 3500.0) + 3.0).abs() < 0.2);
        assert!(gain(&limit, 5000.0) < -25.0);
        assert!(gain(&[Band::HighPass(300.0, 0.7)], 75.0) < -20.0);
    }
}
