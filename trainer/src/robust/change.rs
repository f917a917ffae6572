//! What is done to a clip.

use runtime::pcm::Pcm;
use runtime::resample::{ResampleError, resample};
use serde::{Deserialize, Serialize};

use super::codec::{CodecError, through_mp3};
use super::sound::Sound;
use crate::remix::effects::{Pace, Wear, rms};

/// One way to change a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing is done.
    None,
    /// 0.8 of the tempo at the same pitch.
    Slower,
    /// 1.25 times the tempo at the same pitch.
    Faster,
    /// One semitone lower at the same tempo.
    Lower,
    /// One semitone higher at the same tempo.
    Higher,
    /// Loud and soft brought together: see [`Compressor`].
    Compressed,
    /// White noise 20 dB below the music, by RMS.
    Noise20,
    /// White noise 5 dB below the music, by RMS.
    Noise5,
    /// Encoded as an mp3 of 64 kb/s (joint stereo where the clip is stereo) and decoded.
    Mp3,
    /// Nothing above 3 kHz: a low pass of eighth order.
    LowPass,
}

/// Why a clip could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Its rate cannot be resampled.
    #[error(transparent)]
    Rate(#[from] ResampleError),
    /// The codec refused it.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// A semitone as a factor on frequencies.
const SEMITONE: f32 = 1.059_463_1;

impl Change {
    /// All of them, the unchanged clip first.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Slower,
        Self::Faster,
        Self::Lower,
        Self::Higher,
        Self::Compressed,
        Self::Noise20,
        Self::Noise5,
        Self::Mp3,
        Self::LowPass,
    ];

    /// In a few words, for a table.
    pub fn said(self) -> &'static str {
        match self {
            Self::None => "as it is",
            Self::Slower => "tempo x 0.8",
            Self::Faster => "tempo x 1.25",
            Self::Lower => "a semitone lower",
            Self::Higher => "a semitone higher",
            Self::Compressed => "compressed, 6 : 1",
            Self::Noise20 => "noise at 20 dB",
            Self::Noise5 => "noise at 5 dB",
            Self::Mp3 => "mp3, 64 kb/s",
            Self::LowPass => "nothing above 3 kHz",
        }
    }

    /// The changed clip: mono samples at `rate` hertz. `seed` is that of noise.
    ///
    /// # Errors
    /// When rates cannot be resampled or the codec refuses the clip.
    pub fn apply(self, sound: &Sound, rate: u32, seed: u32) -> Result<Vec<f32>, ChangeError> {
        let own = sound.sample_rate;
        let paced = |pace: Pace, tempo: f64| -> Result<Vec<f32>, ChangeError> {
            let length = sound.mono.len() as f64 * f64::from(rate) / (f64::from(own) * tempo);
            Ok(pace.render(Pcm::new(own, &sound.mono), rate, length.round() as usize)?)
        };
        let worn = |wear: Wear| -> Result<Vec<f32>, ChangeError> {
            let mut samples = sound.mono.clone();
            wear.apply(own, &mut samples);
            at_rate(samples, own, rate)
        };
        match self {
            Self::None => at_rate(sound.mono.clone(), own, rate),
            Self::Slower => paced(Pace::Tempo(0.8), 0.8),
            Self::Faster => paced(Pace::Tempo(1.25), 1.25),
            Self::Lower => paced(Pace::Pitch(1.0 / SEMITONE), 1.0),
            Self::Higher => paced(Pace::Pitch(SEMITONE), 1.0),
            Self::Compressed => {
                let mut samples = sound.mono.clone();
                Compressor::BROADCAST.apply(own, &mut samples);
                at_rate(samples, own, rate)
            }
            Self::Noise20 => worn(Wear::Hiss(-20.0, seed)),
            Self::Noise5 => worn(Wear::Hiss(-5.0, seed)),
            Self::Mp3 => {
                let heard = through_mp3(sound, 64)?;
                at_rate(heard.mono, heard.sample_rate, rate)
            }
            Self::LowPass => worn(Wear::Limit(3000.0)),
        }
    }
}

fn at_rate(samples: Vec<f32>, from: u32, to: u32) -> Result<Vec<f32>, ChangeError> {
    if from == to {
        return Ok(samples);
    }
    Ok(resample(Pcm::new(from, &samples), to)?.into_owned())
}

/// A feed-forward compressor (Giannoulis, Massberg and Reiss, Digital dynamic range compressor design, 2012) with a hard
/// knee and a peak detector that rises and falls exponentially. Afterwards the clip has the RMS that it had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compressor {
    /// Where it begins, in decibel against the RMS of the clip.
    pub threshold: f32,
    /// What is louder by so many decibel comes out louder by one.
    pub ratio: f32,
    /// Seconds in which the detector rises to 63 %.
    pub attack: f32,
    /// Seconds in which it falls by as much.
    pub release: f32,
}

impl Compressor {
    /// Heavy, as on the radio: 6 : 1 from 12 dB below the RMS on, within 5 ms, back within 200 ms.
    pub const BROADCAST: Self = Self { threshold: -12.0, ratio: 6.0, attack: 0.005, release: 0.2 };

    /// Compresses mono samples at `rate` hertz in place. Silence stays as it is.
    pub fn apply(&self, rate: u32, samples: &mut [f32]) {
        let level = rms(samples);
        if level <= 0.0 || !level.is_finite() {
            return;
        }
        let threshold = level * 10.0_f32.powf(self.threshold / 20.0);
        let follow = |seconds: f32| 1.0 - (-1.0 / (seconds * rate as f32)).exp();
        let (attack, release) = (follow(self.attack), follow(self.release));
        let power = 1.0 / self.ratio - 1.0;
        let mut envelope = 0.0_f32;
        for sample in samples.iter_mut() {
            let loud = sample.abs();
            envelope += (if loud > envelope { attack } else { release }) * (loud - envelope);
            if envelope > threshold {
                *sample *= (envelope / threshold).powf(power);
            }
        }
        let makeup = level / rms(samples).max(f32::MIN_POSITIVE);
        samples.iter_mut().for_each(|sample| *sample *= makeup);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
        let step = std::f64::consts::TAU * f64::from(hertz) / f64::from(rate);
        let sample = |i: usize| amplitude * (step * i as f64).sin() as f32;
        (0..(seconds * rate as f32) as usize).map(sample).collect()
    }

    #[test]
    fn a_compressor_brings_loud_and_soft_together_by_its_ratio() {
        // Half of it 24 dB below the other half, which stays above the threshold all the same.
        let rate = 16_000;
        let mut samples = sine(rate, 500.0, 0.8, 2.0);
        samples.extend(sine(rate, 500.0, 0.8 * 10.0_f32.powf(-10.0 / 20.0), 2.0));
        let before = rms(&samples);
        Compressor::BROADCAST.apply(rate, &mut samples);
        assert!((rms(&samples) / before - 1.0).abs() < 1e-3);
        let (loud, soft) = (rms(&samples[16_000..30_000]), rms(&samples[48_000..62_000]));
        let decibel = 20.0 * (loud / soft).log10();
        assert!((decibel - 10.0 / 6.0).abs() < 0.1, "{decibel}");
        let mut silence = [0.0; 100];
        Compressor::BROADCAST.apply(rate, &mut silence);
        assert_eq!(silence, [0.0; 100]);
    }

    #[test]
    fn changes_change_what_they_say_and_nothing_else() {
        let (rate, to) = (44_100, 12_000);
        let sound = Sound::mono(rate, sine(rate, 1000.0, 0.3, 3.0));
        let changed = |change: Change| change.apply(&sound, to, 5).unwrap();
        let seconds = |samples: &[f32]| samples.len() as f64 / f64::from(to);
        let plain = changed(Change::None);
        assert_eq!(plain, resample(Pcm::new(rate, &sound.mono), to).unwrap().into_owned());
        for (change, length) in [(Change::Slower, 3.75), (Change::Faster, 2.4), (Change::Higher, 3.0)] {
            assert!((seconds(&changed(change)) - length).abs() < 0.01, "{change:?}");
        }
        let rising = |samples: &[f32]| {
            let middle = &samples[4000..28_000];
            middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count() as f32 / 2.0
        };
        assert!((rising(&changed(Change::Slower)) - 1000.0).abs() < 10.0);
        assert!((rising(&changed(Change::Higher)) - 1059.5).abs() < 10.0);
        assert!((rising(&changed(Change::Lower)) - 943.9).abs() < 10.0);
        // Of white noise up to 22.05 kHz, 6 of 22.05 parts come through to 12 kHz.
        let noise: Vec<f32> = changed(Change::Noise5).iter().zip(&plain).map(|(a, b)| a - b).collect();
        let decibel = 20.0 * (rms(&noise) / rms(&plain)).log10() - 10.0 * (5.74_f32 / 22.05).log10();
        assert!((decibel + 5.0).abs() < 0.5, "{decibel}");
        let high = Sound::mono(rate, sine(rate, 5000.0, 0.3, 1.0));
        let kept = rms(&Change::LowPass.apply(&high, to, 0).unwrap()[2000..10_000]);
        assert!(kept < 0.01, "{kept}");
        for change in Change::ALL {
            assert!(changed(change).iter().all(|sample| sample.is_finite()), "{change:?}");
            let silence = Sound::mono(rate, vec![0.0; 30_000]);
            assert!(
                change.apply(&silence, to, 0).unwrap().iter().all(|sample| sample.abs() < 1e-3),
                "{change:?}"
            );
        }
    }
}
