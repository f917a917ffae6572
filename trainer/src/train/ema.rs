//! A running average of a network's weights.

use candle_core::{Result, Tensor};
use std::collections::HashMap;

/// Averages of parameters and running moments, by name: after every step `a = d a + (1 - d) w`.
///
/// Moments are averaged with the weights that they were measured with. `d` is `min(decay, (1 + n) / (10 + n))` after n
/// steps, so that the first, random weights do not linger in the average of a short run.
pub struct Ema {
    decay: f64,
    values: Vec<(String, Tensor)>,
}

impl Ema {
    /// Starts at `values`.
    ///
    /// # Errors
    /// When candle cannot copy.
    pub fn new(decay: f64, values: Vec<(String, Tensor)>) -> Result<Self> {
        let values = values.into_iter().map(|(name, t)| Ok((name, t.copy()?))).collect::<Result<_>>()?;
        Ok(Self { decay, values })
    }

    /// Takes in the weights after `steps` steps; on the device, without waiting for it.
    ///
    /// # Errors
    /// When they are other ones, or candle fails.
    pub fn update(&mut self, values: &[(String, Tensor)], steps: usize) -> Result<()> {
        let decay = self.decay.min((1.0 + steps as f64) / (10.0 + steps as f64));
        for ((name, average), (new_name, value)) in self.values.iter_mut().zip(values) {
            if name != new_name {
                candle_core::bail!("the average of `{name}` cannot take `{new_name}`");
            }
            *average = ((&*average * decay)? + (value * (1.0 - decay))?)?;
        }
        Ok(())
    }

    /// The averages.
    pub fn values(&self) -> &[(String, Tensor)] {
        &self.values
    }

    /// Takes averages back.
    ///
    /// # Errors
    /// When one is missing or of another shape.
    pub fn load(&mut self, stored: &HashMap<String, Tensor>) -> Result<()> {
        for (name, average) in &mut self.values {
            match stored.get(name) {
                Some(t) if t.shape() == average.shape() => *average = t.to_device(average.device())?,
                _ => candle_core::bail!("the average of `{name}` is missing or of another shape"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn named(var: &Var) -> Vec<(String, Tensor)> {
        vec![("w".to_string(), var.as_detached_tensor())]
    }

    #[test]
    fn follows_the_recurrence_and_is_no_view_of_the_weights() -> Result<()> {
        let var = Var::from_slice(&[1.0f32, -4.0], 2, &Device::Cpu)?;
        let mut ema = Ema::new(0.5, named(&var))?;
        let mut want = [1.0f32, -4.0];
        for steps in 1..=20 {
            let w = [steps as f32, 0.5];
            var.set(&Tensor::from_slice(&w, 2, &Device::Cpu)?)?;
            ema.update(&named(&var), steps)?;
            let d = (0.5f32).min((1.0 + steps as f32) / (10.0 + steps as f32));
            want = std::array::from_fn(|i| d * want[i] + (1.0 - d) * w[i]);
        }
        let got = ema.values()[0].1.to_vec1::<f32>()?;
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-5), "{got:?} {want:?}");
        Ok(())
    }

    #[test]
    fn other_weights_are_refused() -> Result<()> {
        let var = Var::from_slice(&[1.0f32], 1, &Device::Cpu)?;
        let mut ema = Ema::new(0.9, named(&var))?;
        assert!(ema.update(&[("v".into(), var.as_detached_tensor())], 1).is_err());
        assert!(ema.load(&HashMap::new()).is_err());
        Ok(())
    }
}
