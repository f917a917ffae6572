//! Centring and scaling of the log-mels that a network trains on.

use serde::{Deserialize, Serialize};

/// A mean per band and one deviation for all: `(dB - mean[band]) / deviation`.
///
/// One deviation, because it is folded into the first layer's weights: a band that hardly moves (above an mp3's
/// low-pass, say) would otherwise blow up its weights, and with them the step of their int8 form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardise {
    /// Mean of each mel band, in decibel.
    pub mean: Vec<f32>,
    /// Root mean square of what is left, in decibel; at least 1.
    pub deviation: f32,
}

impl Standardise {
    /// Leaves decibel as they are.
    pub fn none(mel_bands: usize) -> Self {
        Self { mean: vec![0.0; mel_bands], deviation: 1.0 }
    }

    /// Measures clips of 8-bit codes, each frame-major [frames, mel_bands]; `decode` turns a code into decibel.
    pub fn measure<'a>(
        clips: impl Iterator<Item = &'a [u8]>,
        mel_bands: usize,
        decode: impl Fn(u8) -> f32,
    ) -> Self {
        Self::measure_on_grid(clips, mel_bands, decode, false)
    }

    /// [`Standardise::measure`]; with `on_grid` the means are rounded to what codes stand for.
    ///
    /// For networks that take the means away before their first layer: the difference of two codes is a small integer
    /// again, which is what the int8 network begins with. Networks that slide have the means in their biases.
    pub fn measure_on_grid<'a>(
        clips: impl Iterator<Item = &'a [u8]>,
        mel_bands: usize,
        decode: impl Fn(u8) -> f32,
        on_grid: bool,
    ) -> Self {
        let mut counts = vec![[0u64; 256]; mel_bands];
        for codes in clips {
            for frame in codes.chunks_exact(mel_bands) {
                for (count, &code) in counts.iter_mut().zip(frame) {
                    count[usize::from(code)] += 1;
                }
            }
        }
        let level: Vec<f64> = (0..=255).map(|code| f64::from(decode(code))).collect();
        let (mut squares, mut all) = (0.0, 0);
        let mean = counts
            .iter()
            .map(|count| {
                let n: u64 = count.iter().sum();
                let weighted = |f: &dyn Fn(f64) -> f64| {
                    count.iter().zip(&level).map(|(&c, &l)| c as f64 * f(l)).sum::<f64>()
                };
                let mut mean = if n == 0 { 0.0 } else { weighted(&|l| l) / n as f64 };
                if on_grid {
                    let (lowest, step) = (level[0], level[1] - level[0]);
                    mean = lowest + step * ((mean - lowest) / step).round();
                }
                squares += weighted(&|l| (l - mean).powi(2));
                all += n;
                mean as f32
            })
            .collect();
        let deviation = if all == 0 { 1.0 } else { (squares / all as f64).sqrt().max(1.0) as f32 };
        Self { mean, deviation }
    }

    /// What each code of each band becomes: `[mel_bands][256]`.
    pub fn table(&self, decode: impl Fn(u8) -> f32) -> Vec<[f32; 256]> {
        let row = |&mean: &f32| std::array::from_fn(|code| (decode(code as u8) - mean) / self.deviation);
        self.mean.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_comes_out_centred_with_unit_deviation() {
        let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
        let codes: Vec<u8> =
            (0..3000u32).map(|i| if i % 3 == 0 { 10 } else { (i * 37 % 251) as u8 }).collect();
        let s = Standardise::measure([&codes[..1500], &codes[1500..]].into_iter(), 3, decode);
        assert_eq!(s.mean[0], -95.0);
        let table = s.table(decode);
        let values: Vec<f32> = codes.iter().enumerate().map(|(i, &c)| table[i % 3][usize::from(c)]).collect();
        let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(values.iter().sum::<f32>().abs() / 3000.0 < 1e-3 && (square - 1.0).abs() < 1e-3);
    }

    #[test]
    fn means_on_the_grid_are_codes_and_the_deviation_is_about_them() {
        let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
        let codes: Vec<u8> = (0..3000u32).map(|i| 90 + (i * 37 % 31) as u8).collect();
        let free = Standardise::measure(std::iter::once(&codes[..]), 3, decode);
        let s = Standardise::measure_on_grid(std::iter::once(&codes[..]), 3, decode, true);
        for (mean, free) in s.mean.iter().zip(&free.mean) {
            assert!((0..=255).any(|code| decode(code) == *mean) && (mean - free).abs() <= 0.25);
        }
        let table = s.table(decode);
        let squares = codes.iter().enumerate().map(|(i, &c)| table[i % 3][usize::from(c)].powi(2));
        assert!((squares.sum::<f32>() / 3000.0 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn silence_has_a_deviation_that_can_be_divided_by() {
        let s = Standardise::measure(std::iter::once(&[0u8; 96][..]), 96, f32::from);
        assert_eq!((s.mean[5], s.deviation), (0.0, 1.0));
        assert_eq!(Standardise::measure(std::iter::empty(), 2, f32::from).deviation, 1.0);
    }
}
