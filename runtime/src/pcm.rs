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
