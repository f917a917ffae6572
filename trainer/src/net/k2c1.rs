//! k2c1 of Choi et al. 2016: the first kernel spans all mel bands, everything after it is one-dimensional in time.

use super::ops::norm_pool_elu::NormBy;
use super::ops::{BatchMoments, Moments, norm_pool_elu, time_conv};
use super::{Architecture, Layer, Network};
use candle_core::{Device, Result, Tensor, Var, bail};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// Weight of a batch's moments in the running ones.
const MOMENTUM: f32 = 0.1;

/// The network with its numbers.
pub struct K2c1 {
    architecture: Architecture,
    blocks: Vec<Block>,
    output: Output,
}

struct Block {
    layer: Layer,
    weight: Var,
    gamma: Var,
    beta: Var,
    running: Moments,
}

struct Output {
    weight: Var,
    bias: Var,
}

impl K2c1 {
    /// A fresh network: weights normal by He et al. 2015 (variance 2 / fan-in), drawn from `seed` alone.
    ///
    /// # Errors
    /// When the architecture has no layers, or candle fails.
    pub fn new(architecture: &Architecture, seed: u64, device: &Device) -> Result<Self> {
        let Some((last, hidden)) = architecture.layers.split_last() else {
            bail!("a network without layers")
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let blocks = hidden
            .iter()
            .map(|&layer| {
                let channels = layer.outputs;
                Ok(Block {
                    layer,
                    weight: draw_weight(&layer, 2.0, &mut rng, device)?,
                    gamma: Var::ones(channels, candle_core::DType::F32, device)?,
                    beta: Var::zeros(channels, candle_core::DType::F32, device)?,
                    running: Moments { mean: vec![0.0; channels], variance: vec![1.0; channels] },
                })
            })
            .collect::<Result<_>>()?;
        let output = Output {
            weight: draw_weight(last, 1.0, &mut rng, device)?,
            bias: Var::zeros(last.outputs, candle_core::DType::F32, device)?,
        };
        Ok(Self { architecture: architecture.clone(), blocks, output })
    }

    /// Starts the output's biases at the logits of the tags' shares, so that training does not begin by learning
    /// how rare each tag is.
    ///
    /// # Errors
    /// When there is not one share per tag.
    pub fn set_prior(&mut self, shares: &[f32]) -> Result<()> {
        let logits: Vec<f32> =
            shares.iter().map(|p| p.clamp(1e-4, 1.0 - 1e-4)).map(|p| (p / (1.0 - p)).ln()).collect();
        self.output.bias.set(&Tensor::from_vec(logits, shares.len(), self.output.bias.device())?)
    }

    pub(super) fn hidden(&self) -> impl Iterator<Item = (&Layer, &Var, &Var, &Var, &Moments)> {
        self.blocks.iter().map(|b| (&b.layer, &b.weight, &b.gamma, &b.beta, &b.running))
    }

    pub(super) fn output(&self) -> (&Var, &Var) {
        (&self.output.weight, &self.output.bias)
    }

    fn run(
        &self,
        x: &Tensor,
        mut block: impl FnMut(usize, &Block, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut y = x.clone();
        for (i, b) in self.blocks.iter().enumerate() {
            y = block(i, b, &time_conv(&y, &b.weight, i > 0)?)?;
        }
        let logits = time_conv(&y, &self.output.weight, true)?;
        logits.broadcast_add(&self.output.bias.reshape((1, self.output.bias.elem_count(), 1))?)
    }
}

fn draw_weight(layer: &Layer, gain: f64, rng: &mut ChaCha8Rng, device: &Device) -> Result<Var> {
    let fan_in = (layer.inputs * layer.kernel) as f64;
    let normal = Normal::new(0.0, (gain / fan_in).sqrt()).map_err(candle_core::Error::wrap)?;
    let values: Vec<f32> = (0..layer.weights()).map(|_| normal.sample(rng) as f32).collect();
    Var::from_vec(values, (layer.outputs, layer.inputs, layer.kernel), device)
}

impl Network for K2c1 {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn forward_train(&mut self, x: &Tensor) -> Result<Tensor> {
        let kept: Vec<BatchMoments> = self.blocks.iter().map(|_| BatchMoments::default()).collect();
        let logits = self.run(x, |i, b, y| {
            norm_pool_elu(y, &b.gamma, &b.beta, NormBy::Batch(&kept[i]), b.layer.pool, true)
        })?;
        for (block, kept) in self.blocks.iter_mut().zip(kept) {
            let Some(batch) = kept.lock().expect("no thread panicked while holding the moments").take()
            else {
                continue;
            };
            let blend = |running: &mut [f32], batch: &[f32]| {
                running.iter_mut().zip(batch).for_each(|(r, b)| *r += MOMENTUM * (b - *r));
            };
            blend(&mut block.running.mean, &batch.mean);
            blend(&mut block.running.variance, &batch.variance);
        }
        Ok(logits)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, |_, b, y| {
            norm_pool_elu(y, &b.gamma, &b.beta, NormBy::Given(&b.running), b.layer.pool, true)
        })
    }

    fn parameters(&self) -> Vec<(String, Var)> {
        let mut all = Vec::new();
        for (i, b) in self.blocks.iter().enumerate() {
            for (name, var) in [("weight", &b.weight), ("gamma", &b.gamma), ("beta", &b.beta)] {
                all.push((format!("layer{}.{name}", i + 1), var.clone()));
            }
        }
        let last = self.blocks.len() + 1;
        all.push((format!("layer{last}.weight"), self.output.weight.clone()));
        all.push((format!("layer{last}.bias"), self.output.bias.clone()));
        all
    }

    fn buffers(&self) -> Vec<(String, Vec<f32>)> {
        let blocks = self.blocks.iter().enumerate();
        blocks
            .flat_map(|(i, b)| {
                let name = |what| format!("layer{}.running_{what}", i + 1);
                [(name("mean"), b.running.mean.clone()), (name("variance"), b.running.variance.clone())]
            })
            .collect()
    }

    fn set_buffer(&mut self, name: &str, values: &[f32]) -> bool {
        for (i, b) in self.blocks.iter_mut().enumerate() {
            for (what, kept) in [("mean", &mut b.running.mean), ("variance", &mut b.running.variance)] {
                if name == format!("layer{}.running_{what}", i + 1) && kept.len() == values.len() {
                    kept.copy_from_slice(values);
                    return true;
                }
            }
        }
        false
    }
}
