//! Seeded chance, with arithmetic of our own: a new version of a crate must not change the music.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of chance for one purpose of one clip.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `purpose` in clip `index` of `seed`; streams do not influence each other.
    pub fn new(seed: u64, index: u64, purpose: u16) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((index << 16) | u64::from(purpose));
        Self(rng)
    }

    /// Uniform in `low..high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.0.next_u32() >> 8) as f32 / (1 << 24) as f32)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.between(0.0, 1.0) < probability
    }

    /// One of the choices, evenly. `choices` must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let scaled = (u64::from(self.0.next_u32()) * choices.len() as u64) >> 32;
        choices[scaled as usize]
    }

    /// Any number of 32 bits.
    pub fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A source of white noise.
    pub fn noise(&mut self) -> Noise {
        Noise::seeded(self.number())
    }
}

/// White noise, uniform in -1..1: a xorshift of 32 bits, fast enough to run per sample.
pub(crate) struct Noise(u32);

impl Noise {
    pub fn seeded(seed: u32) -> Self {
        Self(seed | 1)
    }

    #[inline]
    pub fn sample(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as i32 as f32 * (1.0 / 2_147_483_648.0)
    }
}

/// Decibels to a factor on amplitudes.
pub(crate) fn gain(decibels: f32) -> f32 {
    10.0_f32.powf(decibels / 20.0)
}
