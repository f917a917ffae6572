//! What a step changes: the network, the optimiser's moments, the average of the weights and the sum of the losses. All
//! of it lives on the device, and no step waits for the device to say anything.

use super::TrainConfig;
use super::adamw::AdamW;
use super::batches::{Batch, Crops, LabelledClip, tag_shares};
use super::clip::clip_norm;
use super::ema::Ema;
use super::exchange::{Exchange, average};
use super::loss::Objective;
use super::resident::Resident;
use super::time::{Lap, StepTime};
use crate::net::{Architecture, Dice, Net, Network, load};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor};
use std::collections::HashMap;

pub struct Learner<'a> {
    config: &'a TrainConfig,
    device: &'a Device,
    exchange: Option<Box<dyn Exchange>>,
    objective: Objective,
    pub network: Net,
    optimiser: AdamW,
    ema: Option<Ema>,
    /// Of the epoch so far, float64: float32 losses of like size add up in it without rounding, so that a sum that was
    /// stored and taken back is the same sum.
    loss_sum: Tensor,
}

/// Shape of the crops [clips, bands, frames] but for the clips.
#[derive(Clone, Copy)]
pub struct CropShape {
    pub bands: usize,
    pub frames: usize,
}

impl<'a> Learner<'a> {
    pub fn new(
        config: &'a TrainConfig,
        architecture: &Architecture,
        clips: &[LabelledClip<'_>],
        device: &'a Device,
    ) -> Result<Self> {
        let mut network = Net::new(architecture, config.seed, device)?;
        network.set_prior(&tag_shares(clips))?;
        let objective = Objective::new(config, clips, device)?;
        let optimiser = AdamW::new(network.parameters(), config.weight_decay)?;
        let ema = (config.ema > 0.0).then(|| Ema::new(config.ema, values(&network))).transpose()?;
        let loss_sum = Tensor::zeros((), DType::F64, device)?;
        Ok(Self { config, device, exchange: None, objective, network, optimiser, ema, loss_sum })
    }

    /// Makes this one of several ranks, which take their steps together.
    pub fn join(&mut self, exchange: Box<dyn Exchange>) {
        self.exchange = Some(exchange);
    }

    /// Leaves the ranks, so that none waits for this one.
    pub fn leave(&mut self) {
        self.exchange = None;
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.optimiser.steps()
    }

    /// One step down the loss of a batch, at a learning rate.
    pub fn step(
        &mut self,
        batch: Batch,
        resident: Option<&Resident>,
        shape: CropShape,
        rate: f64,
        (lap, time): (&mut Lap, &mut StepTime),
    ) -> Result<()> {
        let x = match (batch.x, resident) {
            (Crops::Values(x), _) => {
                Tensor::from_vec(x, (batch.clips, shape.bands, shape.frames), self.device)?
            }
            (Crops::Places { starts, changes }, Some(resident)) => {
                let crops = resident.crops(&starts, shape.frames)?;
                changes.iter().try_fold(crops, |x, change| super::augment::apply_on_device(change, &x))?
            }
            (Crops::Places { .. }, None) => candle_core::bail!("the codes are not on the device"),
        };
        let labels = (batch.clips, batch.targets.len() / batch.clips / batch.answers, batch.answers);
        let targets = Tensor::from_vec(batch.targets, labels, self.device)?;
        let weights = Tensor::from_vec(batch.weights, labels, self.device)?;
        // Ranks drop different values; the first draws what a single one would.
        let rank = self.exchange.as_ref().map_or(0, |e| e.rank() as u64);
        let seed = self.config.seed.wrapping_add(rank << 32);
        let dice = Dice { seed, step: self.optimiser.steps() as u64 };
        let loss = self.objective.of(&self.network.forward_train(&x, dice)?, &targets, &weights)?;
        lap.add_to(&mut time.forward);

        let mut gradients = loss.backward()?;
        let loss = self.share(&mut gradients, loss.detach())?;
        self.loss_sum = (&self.loss_sum + loss.to_dtype(DType::F64)?)?;
        lap.add_to(&mut time.backward);

        if self.config.clip_norm > 0.0 {
            clip_norm(&mut gradients, &self.network.parameters(), self.config.clip_norm)?;
        }
        self.optimiser.step(&gradients, rate)?;
        if let Some(ema) = &mut self.ema {
            ema.update(&values(&self.network), self.optimiser.steps())?;
        }
        lap.add_to(&mut time.step);
        Ok(())
    }

    /// Takes the means of gradients, running moments and loss over the ranks, where there are several.
    fn share(&mut self, gradients: &mut GradStore, loss: Tensor) -> Result<Tensor> {
        let Some(exchange) = &self.exchange else { return Ok(loss) };
        let mut others = self.network.buffers();
        others.push((String::new(), loss.reshape(1)?));
        let mut means = average(exchange.as_ref(), &self.network.parameters(), gradients, &others)?;
        let loss = means.pop().map_or(Ok(loss), |(_, mean)| mean.reshape(()))?;
        for (name, mean) in means {
            self.network.set_buffer(&name, &mean)?;
        }
        Ok(loss)
    }

    /// Sum of the losses since it was set. Waits for the device.
    pub fn loss_sum(&self) -> Result<f64> {
        self.loss_sum.to_scalar()
    }

    /// Sets the sum of the losses.
    pub fn set_loss_sum(&mut self, sum: f64) -> Result<()> {
        self.loss_sum = Tensor::full(sum, (), self.device)?;
        Ok(())
    }

    /// Lets `look` see the network as it would be exported: with the averages, where they are kept, for its weights.
    pub fn as_exported<T>(&mut self, look: impl FnOnce(&Net) -> Result<T>) -> Result<T> {
        let Some(ema) = &self.ema else { return look(&self.network) };
        let weights = on_cpu(&values(&self.network))?;
        load(&mut self.network, &ema.values().iter().cloned().collect())?;
        let seen = look(&self.network);
        load(&mut self.network, &weights)?;
        seen
    }

    /// Copies of everything by name, on the CPU: parameters and buffers, `adam.` and `ema.`.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>> {
        let mut tensors = on_cpu(&values(&self.network))?;
        tensors.extend(self.optimiser.state()?);
        for (name, average) in self.ema.iter().flat_map(Ema::values) {
            tensors.insert(format!("{EMA}{name}"), average.clone());
        }
        Ok(tensors)
    }

    /// Takes back what [`Self::tensors`] gave after so many steps.
    pub fn load(&mut self, tensors: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        load(&mut self.network, tensors)?;
        self.optimiser.load(tensors, steps)?;
        if let Some(ema) = &mut self.ema {
            let named =
                tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(EMA)?.to_string(), t.clone())));
            ema.load(&named.collect())?;
        }
        Ok(())
    }
}

/// Before the names of averages in a checkpoint.
const EMA: &str = "ema.";

/// A network's parameters and buffers by name, as they are and where they are.
fn values(network: &Net) -> Vec<(String, Tensor)> {
    let parameters = network.parameters().into_iter().map(|(name, var)| (name, var.as_detached_tensor()));
    let mut values: Vec<(String, Tensor)> = parameters.collect();
    values.extend(network.buffers());
    values
}

/// Copies of a network's parameters and buffers by name.
pub fn snapshot(network: &Net) -> Result<HashMap<String, Tensor>> {
    on_cpu(&values(network))
}

fn on_cpu(values: &[(String, Tensor)]) -> Result<HashMap<String, Tensor>> {
    values.iter().map(|(name, t)| Ok((name.clone(), t.to_device(&Device::Cpu)?.copy()?))).collect()
}
