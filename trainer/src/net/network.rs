//! A network with its numbers: a chain of blocks as its architecture says.

use super::blocks::{
    AttentionBlock, Block, GruBlock, Initial, OutputBlock, PlaneBlock, TimeBlock, over_time,
};
use super::ops::Dice;
use super::{Architecture, Layer, Network};
use candle_core::{DType, Device, Result, Tensor, Var, bail};

/// Windows of networks that do not slide that are scored together: planes of many channels are large, and a long song has
/// dozens of windows.
const WINDOWS_AT_ONCE: usize = 16;

/// Any of the networks.
pub struct Net {
    architecture: Architecture,
    blocks: Vec<Block>,
}

impl Net {
    /// A fresh network: convolutions' weights normal by He et al. 2015 (variance 2 / fan-in), everything drawn from `seed`
    /// alone.
    ///
    /// # Errors
    /// When the architecture makes no sense, or candle fails.
    pub fn new(architecture: &Architecture, seed: u64, device: &Device) -> Result<Self> {
        architecture.check().map_err(candle_core::Error::msg)?;
        let mut initial = Initial::new(seed, device);
        let last = architecture.layers.len() - 1;
        let blocks = architecture
            .layers
            .iter()
            .enumerate()
            .map(|(i, layer)| {
                Ok(match *layer {
                    Layer::Time(l) if i == last => Block::Output(OutputBlock::new(l, &mut initial)?),
                    Layer::Time(l) => Block::Time(TimeBlock::new(l, &mut initial)?),
                    Layer::Plane(l) => Block::Plane(PlaneBlock::new(l, &mut initial)?),
                    Layer::Recurrent(l) => Block::Gru(GruBlock::new(l, &mut initial)?),
                    Layer::LastState { .. } => Block::LastState,
                    Layer::Attention { width } => Block::Attention(AttentionBlock::new(width, &mut initial)?),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { architecture: architecture.clone(), blocks })
    }

    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Attention's weights [batch x windows, steps] for log-mels as [`Network::forward`] takes them; none for networks
    /// without attention.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn attention(&self, x: &Tensor) -> Result<Option<Tensor>> {
        let mut y = self.enter(x)?;
        for block in &self.blocks {
            if let Block::Attention(b) = block {
                return Ok(Some(b.forward(&over_time(&y)?)?.1));
            }
            y = block.infer(&y)?;
        }
        Ok(None)
    }

    /// What the first block takes.
    fn enter(&self, x: &Tensor) -> Result<Tensor> {
        pad(&self.architecture, &cut(&self.architecture, x)?)
    }
}

/// Windows of [batch, mel_bands, frames] side by side in the batch, where the network does not slide.
pub(super) fn cut(a: &Architecture, x: &Tensor) -> Result<Tensor> {
    let (batch, bands, frames) = x.dims3()?;
    let windows = a.windows(frames);
    if windows == 0 {
        bail!("{frames} frames are fewer than the {} that {} hears", a.receptive_field(), a.network);
    }
    let Some(field) = a.window_frames else { return Ok(x.clone()) };
    if windows == 1 {
        return x.narrow(2, 0, field);
    }
    let each = (0..windows).map(|w| x.narrow(2, w * a.stride(), field)).collect::<Result<Vec<_>>>()?;
    Tensor::stack(&each, 1)?.reshape((batch * windows, bands, field))
}

/// The network's frames of zeros before and after what [`cut`] gave.
pub(super) fn pad(a: &Architecture, x: &Tensor) -> Result<Tensor> {
    match a.pad_frames {
        [0, 0] => Ok(x.clone()),
        [before, after] => x.pad_with_zeros(2, before, after),
    }
}

/// Logits [batch, tags, windows] of what the last block gives for what [`cut`] gave.
pub(crate) fn join(logits: Tensor, batch: usize) -> Result<Tensor> {
    let (rows, tags, _) = logits.dims3()?;
    if rows == batch {
        return Ok(logits);
    }
    logits.reshape((batch, rows / batch, tags))?.transpose(1, 2)?.contiguous()
}

impl Network for Net {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn forward_train(&mut self, x: &Tensor, dice: Dice) -> Result<Tensor> {
        let mut y = self.enter(x)?;
        for (place, block) in self.blocks.iter_mut().enumerate() {
            y = block.run(&y, dice, place)?;
        }
        join(y, x.dim(0)?)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let entered = self.enter(x)?;
        let infer = |x: Tensor| self.blocks.iter().try_fold(x, |y, block| block.infer(&y));
        let rows = entered.dim(0)?;
        let logits = if self.architecture.slides() || rows <= WINDOWS_AT_ONCE {
            infer(entered)?
        } else {
            let starts = (0..rows).step_by(WINDOWS_AT_ONCE);
            let part = |start| infer(entered.narrow(0, start, WINDOWS_AT_ONCE.min(rows - start))?);
            Tensor::cat(&starts.map(part).collect::<Result<Vec<_>>>()?, 0)?
        };
        join(logits, x.dim(0)?)
    }

    fn parameters(&self) -> Vec<(String, Var)> {
        let blocks = self.blocks.iter().enumerate();
        let named = blocks.flat_map(|(i, block)| {
            block
                .parameters()
                .into_iter()
                .map(move |(name, var)| (format!("layer{}.{name}", i + 1), var.clone()))
        });
        named.collect()
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        let blocks = self.blocks.iter().enumerate();
        let named = blocks.filter_map(|(i, block)| {
            let running = block.running()?;
            let name = |what| format!("layer{}.running_{what}", i + 1);
            Some([(name("mean"), running.mean.clone()), (name("variance"), running.variance.clone())])
        });
        named.flatten().collect()
    }

    fn set_buffer(&mut self, name: &str, values: &Tensor) -> Result<bool> {
        for (i, block) in self.blocks.iter_mut().enumerate() {
            let Some(running) = block.running_mut() else { continue };
            for (what, kept) in [("mean", &mut running.mean), ("variance", &mut running.variance)] {
                if name == format!("layer{}.running_{what}", i + 1) && kept.shape() == values.shape() {
                    *kept = values.to_dtype(DType::F32)?.to_device(kept.device())?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn set_prior(&mut self, shares: &[f32]) -> Result<()> {
        let Some(Block::Output(output)) = self.blocks.last() else { bail!("a network without an output") };
        let logits: Vec<f32> =
            shares.iter().map(|p| p.clamp(1e-4, 1.0 - 1e-4)).map(|p| (p / (1.0 - p)).ln()).collect();
        output.bias.set(&Tensor::from_vec(logits, shares.len(), output.bias.device())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Budget, Model, PAPER_POOLS};

    #[test]
    fn many_windows_give_what_each_gives() -> Result<()> {
        let a = Architecture::new(Model::K1c2, Budget::M0_1, 4, &PAPER_POOLS, 3)
            .map_err(candle_core::Error::msg)?;
        let network = Net::new(&a, 1, &Device::Cpu)?;
        let (field, stride, windows) = (a.receptive_field(), a.stride(), WINDOWS_AT_ONCE + 2);
        let frames = field + (windows - 1) * stride + 5;
        let values: Vec<f32> = (0..4 * frames).map(|i| ((i * 7919 % 1009) as f32) / 500.0 - 1.0).collect();
        let x = Tensor::from_vec(values, (1, 4, frames), &Device::Cpu)?;
        let all = network.forward(&x)?;
        assert_eq!(all.dims(), [1, 3, windows]);
        for w in 0..windows {
            let alone = network.forward(&x.narrow(2, w * stride, field)?)?;
            let difference = (all.narrow(2, w, 1)? - alone)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(difference < 1e-5, "window {w}: {difference}");
        }
        Ok(())
    }
}
