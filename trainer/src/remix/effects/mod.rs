//! What a piece is put through. Everything works on a whole piece in place, mono, at any rate.

mod biquad;
mod pace;
mod room;
mod wear;
mod wsola;

pub use biquad::Band;
pub use pace::Pace;
pub use room::Room;
pub use wear::Wear;
pub use wsola::stretch;

pub(super) use crate::corpus::synth::dice::gain;
pub(crate) use crate::corpus::synth::rms;

/// The largest amplitude.
pub(super) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Decibel of an amplitude; -200 for silence.
pub(super) fn decibel(amplitude: f32) -> f32 {
    20.0 * amplitude.max(1e-10).log10()
}

#[cfg(test)]
pub(super) mod tests {
    use std::f64::consts::TAU;

    pub fn sine(rate: u32, hertz: f32, seconds: f32) -> Vec<f32> {
        let step = TAU * f64::from(hertz) / f64::from(rate);
        (0..(seconds * rate as f32) as usize).map(|i| (0.5 * (step * i as f64).sin()) as f32).collect()
    }

    /// Frequency by the zero crossings, each placed between its samples.
    pub fn frequency(rate: u32, samples: &[f32]) -> f32 {
        let rising: Vec<f64> = samples
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0] < 0.0 && pair[1] >= 0.0)
            .map(|(i, pair)| i as f64 + f64::from(pair[0] / (pair[0] - pair[1])))
            .collect();
        let periods = (rising.len() - 1) as f64;
        (periods * f64::from(rate) / (rising[rising.len() - 1] - rising[0])) as f32
    }

    fn amplitude(rate: u32, hertz: f32, samples: &[f32]) -> f64 {
        let step = TAU * f64::from(hertz) / f64::from(rate);
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &sample) in samples.iter().enumerate() {
            let window = 1.0 - (TAU * (i as f64 + 0.5) / samples.len() as f64).cos();
            re += window * f64::from(sample) * (step * i as f64).cos();
            im += window * f64::from(sample) * (step * i as f64).sin();
        }
        re.hypot(im)
    }

    /// Decibel by which one frequency is stronger afterwards, away from the ends.
    pub fn gain_at(rate: u32, hertz: f32, before: &[f32], after: &[f32]) -> f32 {
        let middle = before.len() / 4..before.len();
        let ratio = amplitude(rate, hertz, &after[middle.clone()]) / amplitude(rate, hertz, &before[middle]);
        (20.0 * ratio.log10()) as f32
    }
}
