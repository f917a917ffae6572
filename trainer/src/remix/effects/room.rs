//! A small room after Schroeder: four combs beside each other, two all-passes after them.

/// Times of the combs and all-passes in seconds; no two have a common divisor that would ring.
const COMBS: [f32; 4] = [0.0297, 0.0371, 0.0411, 0.0437];
const ALL_PASSES: [f32; 2] = [0.005, 0.0017];
const ALL_PASS_GAIN: f32 = 0.7;

/// A room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Seconds in which the sound falls by 60 dB.
    pub seconds: f32,
    /// Reverberation against the sound itself, in decibel by RMS.
    pub decibel: f32,
    /// Share of the treble that each reflection keeps from the one before, 0 to 1: walls swallow it.
    pub damping: f32,
}

impl Room {
    /// Adds the reverberation to samples at `rate` hertz.
    pub fn apply(&self, rate: u32, samples: &mut [f32]) {
        let mut wet = vec![0.0; samples.len()];
        for seconds in COMBS {
            let feedback = 10.0_f32.powf(-3.0 * seconds / self.seconds.max(0.05));
            let mut line = vec![0.0; delay(seconds, rate)];
            let (mut at, mut dull) = (0, 0.0_f32);
            for (wet, &dry) in wet.iter_mut().zip(samples.iter()) {
                let out = line[at];
                dull = out + self.damping.clamp(0.0, 0.95) * (dull - out);
                line[at] = dry + feedback * dull;
                at = if at + 1 == line.len() { 0 } else { at + 1 };
                *wet += out;
            }
        }
        for seconds in ALL_PASSES {
            let mut line = vec![0.0; delay(seconds, rate)];
            let mut at = 0;
            for wet in &mut wet {
                let held = line[at];
                let input = *wet + ALL_PASS_GAIN * held;
                *wet = held - ALL_PASS_GAIN * input;
                line[at] = input;
                at = if at + 1 == line.len() { 0 } else { at + 1 };
            }
        }
        let (dry, raw) = (super::rms(samples), super::rms(&wet));
        if raw > 0.0 {
            let gain = super::gain(self.decibel) * dry / raw;
            samples.iter_mut().zip(&wet).for_each(|(sample, wet)| *sample += gain * wet);
        }
    }
}

fn delay(seconds: f32, rate: u32) -> usize {
    ((seconds * rate as f32).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_dies_away_in_the_time_of_the_room() {
        let room = Room { seconds: 0.8, decibel: -3.0, damping: 0.0 };
        let mut samples = vec![0.0; 32_000];
        samples[0] = 1.0;
        room.apply(16_000, &mut samples);
        let level = |from: usize| 20.0 * super::super::rms(&samples[from..from + 3200]).log10();
        // 0.5 s later it is 0.5 / 0.8 of 60 dB softer.
        let fall = level(1600) - level(9600);
        assert!((fall - 37.5).abs() < 3.0, "{fall}");
    }

    #[test]
    fn silence_stays_silent() {
        let mut samples = vec![0.0; 1000];
        Room { seconds: 1.0, decibel: 0.0, damping: 0.5 }.apply(16_000, &mut samples);
        assert!(samples.iter().all(|s| *s == 0.0));
    }
}
