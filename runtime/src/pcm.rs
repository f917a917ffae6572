//! Samples that carry their rate.

/// A piece of mono PCM together with the rate at which it was sampled.
///
/// The rate travels with the samples so that a front end built for another rate can refuse them: the wrong
/// rate would give plausible and wrong tags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pcm<'a> {
    /// Sampling rate in hertz.
    pub sample_rate: u32,
    /// Mono samples, full scale is -1.0 to 1.0.
    pub samples: &'a [f32],
}

impl<'a> Pcm<'a> {
    /// Pairs samples with their rate in hertz.
    pub const fn new(sample_rate: u32, samples: &'a [f32]) -> Self {
        Self { sample_rate, samples }
    }

    /// Length in seconds; 0 when the rate is 0.
    pub fn seconds(&self) -> f64 {
        if self.sample_rate == 0 { 0.0 } else { self.samples.len() as f64 / f64::from(self.sample_rate) }
    }
}

/// The largest absolute value of the samples, 0 of none; where one is not finite, the index of the first such one.
///
/// The bits of floating-point numbers without their sign are in the order of the numbers, with infinity and what is no
/// number at the end: one pass over integers, of which the compiler takes several at a time.
#[cfg(feature = "onnx")]
pub(crate) fn peak(samples: &[f32]) -> Result<f32, usize> {
    let bits = samples.iter().fold(0, |most, sample| most.max(sample.abs().to_bits() as i32));
    let peak = f32::from_bits(bits as u32);
    if peak.is_finite() {
        return Ok(peak);
    }
    Err(samples.iter().position(|sample| !sample.is_finite()).unwrap_or(0))
}

/// Samples beyond this size are no audio; up to it no sum of a frame overflows `f32`.
const LARGEST_SAMPLE: f32 = 1e12;

/// The sample, or 0 if it cannot be audio: not finite, or absurdly large.
#[inline]
pub(crate) fn sane(sample: f32) -> f32 {
    if sample.abs() <= LARGEST_SAMPLE { sample } else { 0.0 }
}

#[cfg(all(test, feature = "onnx"))]
mod tests {
    use super::peak;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_peak_is_the_largest_or_says_what_is_not_finite(samples in prop::collection::vec(prop::num::f32::ANY, 0..60)) {
            match samples.iter().position(|sample| !sample.is_finite()) {
                Some(first) => prop_assert_eq!(peak(&samples), Err(first)),
                None => prop_assert_eq!(peak(&samples), Ok(samples.iter().fold(0.0, |most: f32, s| most.max(s.abs())))),
            }
        }
    }
}
