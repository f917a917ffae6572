//! First values of a network's numbers.

use candle_core::{DType, Device, Result, Shape, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// Draws from one seed in the order of the calls; candle's own generator cannot be seeded on a CPU.
pub struct Initial<'a> {
    rng: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Initial<'a> {
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), device }
    }

    pub fn device(&self) -> &'a Device {
        self.device
    }

    /// Normal of variance `gain / fan_in` (He et al. 2015 with a gain of 2).
    pub fn normal(&mut self, shape: impl Into<Shape>, fan_in: usize, gain: f64) -> Result<Var> {
        let shape = shape.into();
        let normal = Normal::new(0.0, (gain / fan_in as f64).sqrt()).map_err(candle_core::Error::wrap)?;
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| normal.sample(&mut self.rng) as f32).collect();
        Var::from_vec(values, shape, self.device)
    }

    /// Uniform from `-limit` to `limit`.
    pub fn uniform(&mut self, shape: impl Into<Shape>, limit: f64) -> Result<Var> {
        let shape = shape.into();
        let values: Vec<f32> =
            (0..shape.elem_count()).map(|_| self.rng.random_range(-limit..limit) as f32).collect();
        Var::from_vec(values, shape, self.device)
    }

    pub fn ones(&self, count: usize) -> Result<Var> {
        Var::ones(count, DType::F32, self.device)
    }

    pub fn zeros(&self, count: usize) -> Result<Var> {
        Var::zeros(count, DType::F32, self.device)
    }
}
