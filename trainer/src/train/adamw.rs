//! AdamW (Loshchilov and Hutter 2019) whose state can be stored, which candle's own cannot.

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Names of the two moments.
const KINDS: [&str; 2] = ["first", "second"];

/// The optimiser with its moments.
pub struct AdamW {
    slots: Vec<Slot>,
    steps: i32,
    weight_decay: f64,
}

struct Slot {
    name: String,
    var: Var,
    moments: Moments,
    decays: bool,
}

/// Running means of the gradient and of its square.
enum Moments {
    /// In this memory: a step is one pass over all four arrays.
    Host([Vec<f32>; 2]),
    /// On another device.
    Device([Tensor; 2]),
}

impl Moments {
    fn zeros(var: &Var) -> Result<Self> {
        Ok(match var.device() {
            Device::Cpu => Self::Host([vec![0.0; var.elem_count()], vec![0.0; var.elem_count()]]),
            device => {
                let zeros = Tensor::zeros(var.shape(), DType::F32, device)?;
                Self::Device([zeros.clone(), zeros])
            }
        })
    }

    /// As tensors in the variable's shape.
    fn tensors(&self, var: &Var) -> Result<[Tensor; 2]> {
        match self {
            Self::Host([first, second]) => Ok([
                Tensor::from_slice(first, var.shape(), &Device::Cpu)?,
                Tensor::from_slice(second, var.shape(), &Device::Cpu)?,
            ]),
            Self::Device(tensors) => Ok(tensors.clone()),
        }
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Rates {
    learning_rate: f64,
    /// What remains of the value before the step.
    decay: f64,
    /// What the moments fall short of by having begun at zero.
    correct: [f64; 2],
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
                Ok(Slot { name, decays: var.rank() >= 2, moments: Moments::zeros(&var)?, var })
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
        let correct = [1.0 - BETA1.powi(self.steps), 1.0 - BETA2.powi(self.steps)];
        for slot in &mut self.slots {
            let Some(gradient) = gradients.get(&slot.var) else { continue };
            let decay = if slot.decays { 1.0 - learning_rate * self.weight_decay } else { 1.0 };
            let rates = Rates { learning_rate, decay, correct };
            match &mut slot.moments {
                Moments::Host(moments) => {
                    let moments = Mutex::new(moments);
                    slot.var.inplace_op2(&gradient.contiguous()?, &Fused { moments, rates })?;
                }
                Moments::Device(moments) => {
                    let value = step_plain(slot.var.as_detached_tensor(), gradient, moments, rates)?;
                    slot.var.set(&value)?;
                }
            }
        }
        Ok(())
    }

    /// The moments, by name.
    ///
    /// # Errors
    /// When candle cannot allocate.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::with_capacity(2 * self.slots.len());
        for slot in &self.slots {
            for (kind, tensor) in KINDS.into_iter().zip(slot.moments.tensors(&slot.var)?) {
                state.push((format!("adam.{kind}.{}", slot.name), tensor));
            }
        }
        Ok(state)
    }

    /// Takes the moments back.
    ///
    /// # Errors
    /// When one is missing or of another shape.
    pub fn load(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        for slot in &mut self.slots {
            for (i, kind) in KINDS.into_iter().enumerate() {
                let name = format!("adam.{kind}.{}", slot.name);
                let Some(kept) = state.get(&name).filter(|t| t.shape() == slot.var.shape()) else {
                    bail!("`{name}` is missing or of another shape");
                };
                match &mut slot.moments {
                    Moments::Host(moments) => moments[i] = kept.flatten_all()?.to_vec1()?,
                    Moments::Device(moments) => moments[i] = kept.to_device(slot.var.device())?,
                }
            }
        }
        self.steps = steps as i32;
        Ok(())
    }
}

/// The value after a step, from candle's elementary operations.
fn step_plain(value: Tensor, gradient: &Tensor, moments: &mut [Tensor; 2], rates: Rates) -> Result<Tensor> {
    let gradient = gradient.detach();
    let [first, second] = moments;
    *first = ((&*first * BETA1)? + (&gradient * (1.0 - BETA1))?)?;
    *second = ((&*second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
    let deviation = ((&*second / rates.correct[1])?.sqrt()? + EPSILON)?;
    let change = ((&*first / rates.correct[0])? / deviation)?;
    (value * rates.decay)? - (change * rates.learning_rate)?
}

/// The same on the CPU, in place.
struct Fused<'a> {
    moments: Mutex<&'a mut [Vec<f32>; 2]>,
    rates: Rates,
}

/// Numbers that a thread takes at a time.
const CHUNK: usize = 1 << 14;

impl InplaceOp2 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, value: &mut CpuStorage, lv: &Layout, gradient: &CpuStorage, lg: &Layout) -> Result<()> {
        let (CpuStorage::F32(value), CpuStorage::F32(gradient)) = (value, gradient) else {
            bail!("{} needs float32", self.name());
        };
        let (Some((from, to)), Some(gradients)) = (lv.contiguous_offsets(), lg.contiguous_offsets()) else {
            bail!("{} needs contiguous tensors", self.name());
        };
        let (value, gradient) = (&mut value[from..to], &gradient[gradients.0..gradients.1]);
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let [first, second] = &mut **moments;
        if gradient.len() != value.len() || first.len() != value.len() || second.len() != value.len() {
            bail!("{} of {} values with {} gradients", self.name(), value.len(), gradient.len());
        }
        let values = value.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
        values.zip(moments).for_each(|((value, gradient), (first, second))| {
            pulp::Arch::new().dispatch(|| step_inline(value, gradient, first, second, self.rates));
        });
        Ok(())
    }
}

#[inline(always)]
fn step_inline(value: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], rates: Rates) {
    let (keep1, take1) = (BETA1 as f32, (1.0 - BETA1) as f32);
    let (keep2, take2) = (BETA2 as f32, (1.0 - BETA2) as f32);
    let [up1, up2] = rates.correct.map(|c| (1.0 / c) as f32);
    let (decay, rate) = (rates.decay as f32, rates.learning_rate as f32);
    let moments = first.iter_mut().zip(second);
    for ((value, &g), (first, second)) in value.iter_mut().zip(gradient).zip(moments) {
        *first = *first * keep1 + g * take1;
        *second = *second * keep2 + g * g * take2;
        *value = *value * decay - rate * (*first * up1) / ((*second * up2).sqrt() + EPSILON as f32);
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

    #[test]
    fn one_pass_equals_the_elementary_operations() -> Result<()> {
        let count = CHUNK + 37;
        let at = |i: usize| ((i * 7919) % 1000) as f32 * 1e-3 - 0.5;
        let values: Vec<f32> = (0..count).map(at).collect();
        let gradients: Vec<f32> = (1..=count).map(at).collect();
        let var = Var::from_vec(values, count, &Device::Cpu)?;
        let gradient = Tensor::from_vec(gradients, count, &Device::Cpu)?;
        let mut plain = [var.zeros_like()?, var.zeros_like()?];
        let mut host = [vec![0.0; count], vec![0.0; count]];
        for step in 1..4 {
            let correct = [1.0 - BETA1.powi(step), 1.0 - BETA2.powi(step)];
            let rates = Rates { learning_rate: 0.01, decay: 0.99, correct };
            let want = step_plain(var.copy()?, &gradient, &mut plain, rates)?;
            var.inplace_op2(&gradient, &Fused { moments: Mutex::new(&mut host), rates })?;
            assert!((want - var.as_tensor())?.abs()?.max(0)?.to_scalar::<f32>()? < 1e-6);
        }
        Ok(())
    }
}
