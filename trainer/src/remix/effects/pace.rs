//! Speed, pitch and tempo.

use runtime::pcm::Pcm;
use runtime::resample::{ResampleError, resample};

use super::stretch;

/// A source is played at a multiple of this many hertz: other rates would need transforms of awkward lengths.
const RATE_STEP: f64 = 50.0;

/// How a piece runs, against its source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As it was.
    AsIs,
    /// Pitch and time together, as a tape does it: a factor.
    Speed(f32),
    /// Pitch (and the formants with it) alone: the factor on frequencies.
    Pitch(f32),
    /// Time alone: the factor on the tempo.
    Tempo(f32),
}

impl Pace {
    /// Seconds of the source in a second of the piece.
    pub fn consumes(self) -> f32 {
        match self {
            Self::AsIs | Self::Pitch(_) => 1.0,
            Self::Speed(factor) | Self::Tempo(factor) => factor,
        }
    }

    /// `length` samples at `rate` hertz made of a source, which begins again where it ends too early.
    ///
    /// # Errors
    /// Rates that cannot be resampled. An empty source gives silence.
    pub fn render(self, source: Pcm<'_>, rate: u32, length: usize) -> Result<Vec<f32>, ResampleError> {
        let shifted = match self {
            Self::Speed(factor) | Self::Pitch(factor) => f64::from(factor),
            Self::AsIs | Self::Tempo(_) => 1.0,
        };
        let tempo = match self {
            Self::Tempo(factor) => f64::from(factor),
            Self::Pitch(factor) => 1.0 / f64::from(factor),
            Self::AsIs | Self::Speed(_) => 1.0,
        };
        // A source said to have a higher rate is played faster: one resampling does both.
        let said = f64::from(source.sample_rate) * shifted;
        let said = if shifted == 1.0 { said } else { (said / RATE_STEP).round() * RATE_STEP };
        let samples = resample(Pcm::new(said as u32, source.samples), rate)?;
        if samples.is_empty() {
            return Ok(vec![0.0; length]);
        }
        let wanted = (length as f64 * tempo).ceil() as usize;
        let turned: Vec<f32> = samples.iter().copied().cycle().take(wanted).collect();
        if tempo == 1.0 {
            return Ok(turned);
        }
        Ok(stretch(rate, &turned, tempo, length))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frequency, sine};
    use super::*;

    #[test]
    fn speed_and_pitch_move_a_sine_by_their_factor_and_tempo_does_not() {
        for rate in [22_050, 44_100, 48_000] {
            let source = sine(rate, 440.0, 4.0);
            for (pace, factor) in [
                (Pace::AsIs, 1.0),
                (Pace::Speed(0.8), 0.8),
                (Pace::Speed(1.25), 1.25),
                (Pace::Speed(1.0731), 1.0731),
                (Pace::Pitch(1.335), 1.335),
                (Pace::Pitch(0.749), 0.749),
                (Pace::Tempo(1.25), 1.0),
                (Pace::Tempo(0.8), 1.0),
            ] {
                let length = 16_000 * 3;
                let out = pace.render(Pcm::new(rate, &source), 16_000, length).unwrap();
                assert_eq!(out.len(), length);
                let found = frequency(16_000, &out[2000..length - 4000]);
                assert!((found / 440.0 / factor - 1.0).abs() < 0.005, "{rate}: {pace:?} gave {found} Hz");
            }
        }
    }

    #[test]
    fn a_short_source_begins_again() {
        let source = sine(16_000, 100.0, 0.5);
        let out = Pace::AsIs.render(Pcm::new(16_000, &source), 16_000, 20_000).unwrap();
        assert_eq!(out[8000..16_000], source);
        assert_eq!(Pace::Speed(1.1).render(Pcm::new(16_000, &[]), 16_000, 5).unwrap(), [0.0; 5]);
    }
}
