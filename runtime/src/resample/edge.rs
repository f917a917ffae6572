//! The edge of the band: how sound fades out just below half the lower rate.
//!
//! A network hears its highest bands through this edge, and one that was trained behind another edge hears other
//! music there: MSD_musicnn's probabilities move by up to 0.13 when 7.3 to 8 kHz comes through in full. So the edge is
//! that of librosa's default, `soxr_hq`, through which the teachers of this project are heard everywhere else: full up
//! to 0.9136 of half the rate, half at 0.9568, nothing at 1.

use std::f64::consts::PI;

/// Half the amplitude is left here, as a share of half the rate: the middle between soxr's end of the pass band,
/// 0.9136, and 1.
const HALF: f64 = 0.9568;
/// Taps on either side of the middle one, and the Kaiser window's parameter: fitted to the response of soxr 0.1.3 from
/// 44.1 to 16 kHz, which they meet within 0.002; from 48 kHz its edge is another by 0.007.
const SIDE: usize = 99;
const KAISER: f64 = 13.0;

/// Sums computed together.
const BLOCK: usize = 64;

/// Filters a clip that comes in pieces: no delay in the result, and silence beyond the ends.
#[derive(Clone, Debug)]
pub(super) struct Softener {
    arch: pulp::Arch,
    taps: Vec<f32>,
    /// Samples that are still needed, from `SIDE` before the next one of the result on.
    held: Vec<f32>,
    softened: Vec<f32>,
}

impl Softener {
    pub fn new() -> Self {
        Self { arch: pulp::Arch::new(), taps: taps(), held: vec![0.0; SIDE], softened: Vec::new() }
    }

    /// Takes the next samples and gives those of the result that they complete.
    pub fn push(&mut self, samples: &[f32]) -> &[f32] {
        self.held.extend_from_slice(samples);
        let Self { arch, taps, held, softened } = self;
        let complete = held.len().saturating_sub(2 * SIDE);
        softened.clear();
        softened.resize(complete, 0.0);
        if complete > 0 {
            let known = held.len();
            // The last block is computed whole.
            held.resize(known + BLOCK, 0.0);
            arch.dispatch(|| convolve(taps, held, softened));
            held.truncate(known);
            held.drain(..complete);
        }
        softened
    }

    /// Ends the clip and gives the rest of the result.
    pub fn flush(&mut self) -> &[f32] {
        self.push(&[0.0; SIDE])
    }
}

#[inline(always)]
fn convolve(taps: &[f32], padded: &[f32], out: &mut [f32]) {
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut sums = [0.0; BLOCK];
        for (tap, x) in taps.iter().zip(padded[block * BLOCK..].windows(BLOCK)) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += tap * x;
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
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
    fn short_clips_and_odd_lengths_are_filtered_in_place() {
        for length in [1, 2, 63, 64, 65, 500] {
            let mut clip = vec![0.0; length];
            clip[length / 2] = 1.0;
            let mut softener = Softener::new();
            let mut clip = softener.push(&clip).to_vec();
            clip.extend_from_slice(softener.flush());
            assert_eq!(clip.len(), length);
            let taps = taps();
            for (i, &value) in clip.iter().enumerate() {
                let place = (i + SIDE).checked_sub(length / 2);
                let right = place.and_then(|place| taps.get(place)).copied().unwrap_or(0.0);
                assert!((value - right).abs() < 1e-7, "{length}, {i}");
            }
        }
    }
}
