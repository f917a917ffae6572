//! Frames in 8 bits.

use super::config::Compression;

/// 8-bit codes of frame values: 256 levels, evenly spaced over a fixed range.
///
/// | compression | step | code 0 | code 255 |
/// | --- | --- | --- | --- |
/// | [`Compression::Decibel`] | 0.5 dB | -100 dB | +27.5 dB |
/// | [`Compression::Log10`] | 0.05, which is 0.5 dB of `scale * P + bias` | 0 | 12.75 |
///
/// Values beyond the range take its nearest end, NaN takes code 0. Within the range, decoding what was encoded
/// is off by half a step at most. A full-scale sine gives at most 27.9 dB in [`MelConfig::MINIM`]'s bands, and only
/// near 140 Hz: music that fits its file uses the range to the top and hardly leaves it.
///
/// [`MelConfig::MINIM`]: super::MelConfig::MINIM
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameCodes {
    floor: f32,
    step: f32,
    per_step: f32,
}

impl FrameCodes {
    /// Codes of decibels: `round((dB + 100) / 0.5)`.
    pub const DECIBEL: Self = Self { floor: -100.0, step: 0.5, per_step: 2.0 };
    /// Codes of `log10(scale * P + bias)`: `round(value / 0.05)`.
    pub const LOG10: Self = Self { floor: 0.0, step: 0.05, per_step: 20.0 };

    /// The codes that belong to a compression.
    pub const fn of(compression: Compression) -> Self {
        match compression {
            Compression::Decibel => Self::DECIBEL,
            Compression::Log10 { .. } => Self::LOG10,
        }
    }

    /// The value of code 0.
    pub const fn floor(&self) -> f32 {
        self.floor
    }

    /// From one code to the next.
    pub const fn step(&self) -> f32 {
        self.step
    }

    /// The nearest code; the end of the range for values beyond it, 0 for NaN.
    #[inline]
    pub fn encode(&self, value: f32) -> u8 {
        // `as` saturates, truncates and turns NaN into 0: with the half added it rounds.
        ((value - self.floor) * self.per_step + 0.5) as u8
    }

    /// The value that a code stands for.
    #[inline]
    pub fn decode(&self, code: u8) -> f32 {
        self.floor + f32::from(code) * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for codes in [FrameCodes::DECIBEL, FrameCodes::LOG10] {
            for code in 0..=255 {
                assert_eq!(codes.encode(codes.decode(code)), code);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_are_those_documented() {
        let (db, log) = (FrameCodes::DECIBEL, FrameCodes::LOG10);
        assert_eq!((db.decode(0), db.decode(255)), (-100.0, 27.5));
        assert_eq!((log.decode(0), log.decode(255)), (0.0, 12.75));
        assert_eq!((db.encode(-1e9), db.encode(1e9), db.encode(f32::NAN)), (0, 255, 0));
        assert_eq!((db.encode(f32::NEG_INFINITY), db.encode(f32::INFINITY)), (0, 255));
        assert_eq!((db.encode(-99.76), db.encode(-99.74)), (0, 1));
        assert_eq!(log.encode(1.0), 20);
    }
}
