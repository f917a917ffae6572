//! AdamW (Loshchilov and Hutter 2019) whose state can be stored, which candle's own cannot.

use candle_core::backprop::GradStore;
use candle_core::{DType, Result, Tensor, Var};
use std::collections::HashMap;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The optimiser with its moments.
pub struct AdamW {
    slots: Vec<Slot>,
    steps: i32,
    weight_decay: f64,
}

struct Slot {
    name: String,
    var: Var,
    first: Tensor,
    second: Tensor,
    decays: bool,
}

impl AdamW {
    /// Takes the parameters to adjust. Only tensors of two dimensions and more decay: scales, shifts and biases do not.
    ///
    /// # Errors
    /// When candle cannot allocate.
    pub fn new(parameters: Vec<(String, Var)>, weight_decay: f64) -> Result<Self> {
        let slots = parameters
            .into_iter()
            .map(|(name, var)| {
                let zeros = Tensor::zeros(var.shape(), DType::F32, var.device())?;
                Ok(Slot { name, decays: var.rank() >= 2, first: zeros.clone(), second: zeros, var })
            })
            .collect::<Result<_>>()?;
        Ok(Self { slots, steps: 0, weight_decay })
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.steps as usize
    }

    /// One step down `gradients`.
    ///
    /// # Errors
    /// When candle fails.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.steps += 1;
        let (correct1, correct2) = (1.0 - BETA1.powi(self.steps), 1.0 - BETA2.powi(self.steps));
        for slot in &mut self.slots {
            let Some(gradient) = gradients.get(&slot.var) else { continue };
            let gradient = gradient.detach();
            slot.first = ((&slot.first * BETA1)? + (&gradient * (1.0 - BETA1))?)?;
            slot.second = ((&slot.second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
            let deviation = ((&slot.second / correct2)?.sqrt()? + EPSILON)?;
            let change = ((&slot.first / correct1)? / deviation)?;
            let decay = if slot.decays { 1.0 - learning_rate * self.weight_decay } else { 1.0 };
            let value = ((slot.var.as_detached_tensor() * decay)? - (change * learning_rate)?)?;
            slot.var.set(&value)?;
        }
        Ok(())
    }

    /// The moments, by name.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let slots = self.slots.iter();
        slots
            .flat_map(|s| {
                [
                    (format!("adam.first.{}", s.name), s.first.clone()),
                    (format!("adam.second.{}", s.name), s.second.clone()),
                ]
            })
            .collect()
    }

    /// Takes the moments back.
    ///
    /// # Errors
    /// When one is missing or of another shape.
    pub fn load(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        for slot in &mut self.slots {
            for (kind, moment) in [("first", &mut slot.first), ("second", &mut slot.second)] {
                let name = format!("adam.{kind}.{}", slot.name);
                match state.get(&name) {
                    Some(t) if t.shape() == moment.shape() => *moment = t.to_device(slot.var.device())?,
                    _ => candle_core::bail!("`{name}` is missing or of another shape"),
                }
            }
        }
        self.steps = steps as i32;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn follows_the_published_recurrence() -> Result<()> {
        let var = Var::from_slice(&[1.0f32, -2.0], (1, 2), &Device::Cpu)?;
        let mut adam = AdamW::new(vec![("w".into(), var.clone())], 0.1)?;
        let (mut w, mut m, mut v) = ([1.0f64, -2.0], [0.0f64; 2], [0.0f64; 2]);
        for t in 1..=5 {
            let gradients = var.as_tensor().sqr()?.sum_all()?.backward()?; // gradient 2 w
            adam.step(&gradients, 0.01)?;
            for i in 0..2 {
                let g = 2.0 * w[i];
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let change =
                    (m[i] / (1.0 - 0.9f64.powi(t))) / ((v[i] / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
                w[i] = w[i] * (1.0 - 0.01 * 0.1) - 0.01 * change;
            }
        }
        let got = var.flatten_all()?.to_vec1::<f32>()?;
        assert!((f64::from(got[0]) - w[0]).abs() < 1e-5 && (f64::from(got[1]) - w[1]).abs() < 1e-5);
        Ok(())
    }
}
