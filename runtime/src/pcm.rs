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

/// Samples beyond this size are no audio; up to it no sum of a frame overflows `f32`.
const LARGEST_SAMPLE: f32 = 1e12;

/// The sample, or 0 if it cannot be audio: not finite, or absurdly large.
#[inline]
pub(crate) fn sane(sample: f32) -> f32 {
    if sample.abs() <= LARGEST_SAMPLE { sample } else { 0.0 }
}
