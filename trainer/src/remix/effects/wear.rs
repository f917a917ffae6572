//! What poor recordings and transmissions do to sound.

use super::{Band, Room, gain, peak, rms};
use crate::corpus::synth::dice::Noise;

/// One kind of wear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wear {
    /// A room around the whole.
    Room(Room),
    /// Saturation: the peak is driven this many decibel beyond the knee of a soft limiter.
    Drive(f32),
    /// Nothing above so many hertz, as low-rate codecs leave it.
    Limit(f32),
    /// 300 to 3400 Hz.
    Telephone,
    /// Logarithmic steps, as in digital telephony: so many bits.
    MuLaw(u32),
    /// Even steps: so many bits.
    Bits(u32),
    /// White noise, so many decibel against the sound by RMS, and the seed of its generator.
    Hiss(f32, u32),
    /// Mains hum of so many hertz with two overtones, so many decibel against the sound by RMS.
    Hum(f32, f32),
}

impl Wear {
    /// Where it comes in the chain from the room to the listener.
    pub fn order(&self) -> u8 {
        match self {
            Self::Room(_) => 0,
            Self::Drive(_) => 1,
            Self::Hum(..) => 2,
            Self::Hiss(..) => 3,
            Self::Limit(_) | Self::Telephone => 4,
            Self::MuLaw(_) | Self::Bits(_) => 5,
        }
    }

    /// Wears samples at `rate` hertz in place. Silence stays as it is.
    pub fn apply(&self, rate: u32, samples: &mut [f32]) {
        let (top, level) = (peak(samples), rms(samples));
        if top <= 0.0 {
            return;
        }
        match *self {
            Self::Room(room) => room.apply(rate, samples),
            Self::Drive(decibel) => {
                let drive = gain(decibel) / top;
                samples.iter_mut().for_each(|sample| *sample = (*sample * drive).tanh());
            }
            Self::Limit(hertz) => {
                Band::steep_low_pass(hertz).iter().for_each(|band| band.apply(rate, samples));
            }
            Self::Telephone => {
                let bands = [Band::HighPass(300.0, 0.54), Band::HighPass(300.0, 1.31)];
                let low = Band::steep_low_pass(3400.0);
                bands.iter().chain(&low).for_each(|band| band.apply(rate, samples));
            }
            Self::MuLaw(bits) => {
                let steps = (1_u32 << (bits.clamp(2, 16) - 1)) as f32;
                let scale = 256.0_f32.ln();
                for sample in samples {
                    let bent = (255.0 * sample.abs() / top).ln_1p() / scale;
                    let kept = (bent * steps).round() / steps;
                    *sample = (top * (kept * scale).exp_m1() / 255.0).copysign(*sample);
                }
            }
            Self::Bits(bits) => {
                let step = top / (1_u32 << (bits.clamp(2, 16) - 1)) as f32;
                samples.iter_mut().for_each(|sample| *sample = (*sample / step).round() * step);
            }
            Self::Hiss(decibel, seed) => {
                let mut noise = Noise::seeded(seed);
                // Uniform noise has an RMS of 1 over the root of 3.
                let height = gain(decibel) * level * 3.0_f32.sqrt();
                samples.iter_mut().for_each(|sample| *sample += height * noise.sample());
            }
            Self::Hum(hertz, decibel) => {
                let turn = std::f64::consts::TAU * f64::from(hertz) / f64::from(rate);
                // Amplitudes 1, 1/2 and 1/4 have together an RMS of 0.81.
                let height = gain(decibel) * level / 0.81;
                for (i, sample) in samples.iter_mut().enumerate() {
                    let angle = (turn * i as f64) % std::f64::consts::TAU;
                    let angle = angle as f32;
                    *sample +=
                        height * (angle.sin() + 0.5 * (2.0 * angle).sin() + 0.25 * (3.0 * angle).sin());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gain_at, sine};
    use super::*;

    const RATE: u32 = 16_000;

    fn worn(wear: Wear, samples: &[f32]) -> Vec<f32> {
        let mut worn = samples.to_vec();
        wear.apply(RATE, &mut worn);
        worn
    }

    #[test]
    fn noise_and_hum_lie_where_they_were_asked_for() {
        let clean = sine(RATE, 1000.0, 3.0);
        for wear in [Wear::Hiss(-20.0, 7), Wear::Hum(50.0, -20.0)] {
            let added: Vec<f32> = worn(wear, &clean).iter().zip(&clean).map(|(a, b)| a - b).collect();
            let decibel = 20.0 * (rms(&added) / rms(&clean)).log10();
            assert!((decibel + 20.0).abs() < 0.3, "{wear:?}: {decibel}");
        }
    }

    #[test]
    fn coarse_steps_are_as_coarse_as_asked_and_keep_the_sound() {
        let clean = sine(RATE, 333.0, 1.0);
        for (wear, least, most) in
            [(Wear::Bits(6), 30.0, 40.0), (Wear::Bits(10), 55.0, 65.0), (Wear::MuLaw(8), 30.0, 42.0)]
        {
            let lost: Vec<f32> = worn(wear, &clean).iter().zip(&clean).map(|(a, b)| a - b).collect();
            let decibel = 20.0 * (rms(&clean) / rms(&lost)).log10();
            assert!((least..most).contains(&decibel), "{wear:?}: {decibel}");
        }
    }

    #[test]
    fn a_telephone_passes_speech_alone_and_drive_flattens() {
        for (hertz, least, most) in [(60.0, -90.0, -40.0), (1000.0, -0.5, 0.5), (6000.0, -90.0, -30.0)] {
            let clean = sine(RATE, hertz, 1.0);
            let decibel = gain_at(RATE, hertz, &clean, &worn(Wear::Telephone, &clean));
            assert!((least..most).contains(&decibel), "{hertz} Hz: {decibel}");
        }
        let clean = sine(RATE, 200.0, 1.0);
        let driven = worn(Wear::Drive(18.0), &clean);
        assert!(peak(&driven) / rms(&driven) < 1.15 && peak(&driven) <= 1.0);
    }

    #[test]
    fn silence_stays_silent_and_nothing_is_not_a_number() {
        let room = Room { seconds: 0.5, decibel: -6.0, damping: 0.3 };
        for wear in [
            Wear::Room(room),
            Wear::Drive(12.0),
            Wear::Limit(5000.0),
            Wear::Telephone,
            Wear::MuLaw(8),
            Wear::Bits(8),
            Wear::Hiss(-30.0, 1),
            Wear::Hum(60.0, -30.0),
        ] {
            assert!(worn(wear, &[0.0; 500]).iter().all(|s| *s == 0.0), "{wear:?}");
            assert!(worn(wear, &sine(RATE, 500.0, 0.2)).iter().all(|s| s.is_finite()), "{wear:?}");
            assert!(worn(wear, &[]).is_empty());
        }
    }
}
