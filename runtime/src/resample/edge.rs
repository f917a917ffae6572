//! The edge of the band: how sound fades out just below half the lower rate.
//!
//! A network hears its highest bands through this edge, and one that was trained behind another edge hears other
//! music there: MSD_musicnn's probabilities move by up to 0.13 when 7.3 to 8 kHz comes through in full. So the edge is
//! that of librosa's default, `soxr_hq`, through which the teachers of this project are heard everywhere else: full up
//! to 0.9136 of half the rate, half at 0.9568, nothing at 1.

use std::f64::consts::PI;

use realfft::RealToComplex;

/// Half the amplitude is left here, as a share of half the rate: the middle between soxr's end of the pass band,
/// 0.9136, and 1.
const HALF: f64 = 0.9568;
/// Taps on either side of the middle one, and the Kaiser window's parameter: fitted to the response of soxr 0.1.3 from
/// 44.1 to 16 kHz, which they meet within 0.002; from 48 kHz its edge is another by 0.007.
pub(super) const SIDE: usize = 99;
const KAISER: f64 = 13.0;

/// The filter's response below half the lower rate, times a scale: one value for each frequency of a transform of samples
/// at that rate, which is longer than the filter. It has no phase, for the middle tap counts as the first.
pub(super) fn response(transform: &dyn RealToComplex<f32>, scale: f32) -> Vec<f32> {
    let mut around_zero = transform.make_input_vec();
    let length = around_zero.len();
    for (i, tap) in taps().into_iter().enumerate() {
        around_zero[(i + length - SIDE) % length] = tap;
    }
    let mut spectrum = transform.make_output_vec();
    transform.process(&mut around_zero, &mut spectrum).expect("buffers of the planned lengths");
    spectrum[..length / 2].iter().map(|value| value.re * scale).collect()
}

/// A sinc under a Kaiser window, adding up to 1.
fn taps() -> Vec<f32> {
    let side = SIDE as f64;
    let tap = |i: usize| {
        let t = i as f64 - side;
        let sinc = if t == 0.0 { HALF } else { (PI * HALF * t).sin() / (PI * t) };
        sinc * bessel(KAISER * (1.0 - (t / side).powi(2)).max(0.0).sqrt())
    };
    let taps: Vec<f64> = (0..=2 * SIDE).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        term *= quarter / f64::from(k * k);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use realfft::RealFftPlanner;

    #[test]
    fn the_edge_is_that_of_soxr() {
        let taps = taps();
        assert_eq!(taps.len(), 199);
        let response = |share: f64| {
            let phase = |i: usize| PI * share * (i as f64 - SIDE as f64);
            let sum: f64 = taps.iter().enumerate().map(|(i, &tap)| f64::from(tap) * phase(i).cos()).sum();
            sum.abs()
        };
        // Share of half the rate, and decibels of soxr_hq there.
        for (hertz, decibels) in [
            (7200.0, -0.01),
            (7400.0, -0.02),
            (7500.0, -0.40),
            (7600.0, -2.84),
            (7654.0, -5.96),
            (7700.0, -10.05),
        ] {
            let error = response(hertz / 8000.0) - 10f64.powf(decibels / 20.0);
            assert!(error.abs() < 0.003, "{hertz} Hz: {error}");
        }
        assert!(response(0.0) > 0.999_999 && response(0.5) > 0.9999);
        assert!(response(7800.0 / 8000.0) < 0.06 && response(1.0) < 1e-5);
    }

    #[test]
    fn the_response_is_that_of_the_taps() {
        let length = 1120;
        let response = response(&*RealFftPlanner::new().plan_fft_forward(length), 2.0);
        assert_eq!(response.len(), length / 2);
        let taps = taps();
        for (k, &value) in response.iter().enumerate() {
            let phase = |i: usize| 2.0 * PI * k as f64 / length as f64 * (i as f64 - SIDE as f64);
            let right: f64 = taps.iter().enumerate().map(|(i, &tap)| f64::from(tap) * phase(i).cos()).sum();
            assert!((f64::from(value) - 2.0 * right).abs() < 1e-5, "{k}: {value}");
        }
    }
}
