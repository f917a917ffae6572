//! The blocks that every network is a chain of: one kind of layer each, with its numbers.

mod attention;
mod gru;
mod init;
mod normalised;
mod output;
mod plane;
mod time;

pub use attention::AttentionBlock;
pub use gru::GruBlock;
pub use normalised::{MOMENTUM, Normalised};
pub use output::OutputBlock;
pub use plane::PlaneBlock;
pub use time::TimeBlock;

pub(super) use init::Initial;

use super::ops::{Dice, Moments};
use candle_core::{Result, Tensor, Var};

/// How a pass through the network is made.
#[derive(Clone, Copy)]
pub enum Mode {
    /// By the batch's own moments, which move the running ones, and with dropout.
    Train(Dice),
    /// By the running moments.
    Infer,
}

/// A layer of a network with its numbers.
///
/// What flows between blocks is [batch, channels, frames], or [batch, channels, bands, frames] behind plane blocks;
/// a block that wants channels over time takes bands as further channels.
pub enum Block {
    /// Convolution over time.
    Time(TimeBlock),
    /// Convolution over bands and time.
    Plane(PlaneBlock),
    /// GRU.
    Gru(GruBlock),
    /// The last state of a GRU.
    LastState,
    /// Attention over its states.
    Attention(AttentionBlock),
    /// The last layer, to logits.
    Output(OutputBlock),
}

impl Block {
    /// Runs the block. `place` is its number in the network, for dropout; the first one's input is data.
    pub(super) fn run(&mut self, x: &Tensor, dice: Dice, place: usize) -> Result<Tensor> {
        match self {
            Block::Time(b) => b.train(&over_time(x)?, place > 0),
            Block::Plane(b) => b.train(&plane(x)?, dice, place),
            other => other.infer(x),
        }
    }

    /// The same without leaving anything behind.
    pub(super) fn infer(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Block::Time(b) => b.infer(&over_time(x)?),
            Block::Plane(b) => b.infer(&plane(x)?),
            Block::Gru(b) => b.forward(&over_time(x)?),
            Block::LastState => last_state(x),
            Block::Attention(b) => Ok(b.forward(&over_time(x)?)?.0),
            Block::Output(b) => b.forward(&over_time(x)?),
        }
    }

    /// Numbers that training adjusts, by name.
    pub(super) fn parameters(&self) -> Vec<(&'static str, &Var)> {
        match self {
            Block::Time(b) => b.normalised.parameters(),
            Block::Plane(b) => b.normalised.parameters(),
            Block::Gru(b) => b.parameters(),
            Block::LastState => Vec::new(),
            Block::Attention(b) => b.parameters(),
            Block::Output(b) => vec![("weight", &b.weight), ("bias", &b.bias)],
        }
    }

    pub(super) fn running(&self) -> Option<&Moments> {
        match self {
            Block::Time(b) => Some(&b.normalised.running),
            Block::Plane(b) => Some(&b.normalised.running),
            _ => None,
        }
    }

    pub(super) fn running_mut(&mut self) -> Option<&mut Moments> {
        match self {
            Block::Time(b) => Some(&mut b.normalised.running),
            Block::Plane(b) => Some(&mut b.normalised.running),
            _ => None,
        }
    }
}

/// [batch, channels x bands, frames].
pub(super) fn over_time(x: &Tensor) -> Result<Tensor> {
    if x.rank() == 4 { x.flatten(1, 2) } else { Ok(x.clone()) }
}

/// [batch, channels, bands, frames], a spectrogram being one channel.
pub(super) fn plane(x: &Tensor) -> Result<Tensor> {
    if x.rank() == 3 { x.unsqueeze(1) } else { Ok(x.clone()) }
}

/// [batch, width, 1] of [batch, width, frames].
pub(super) fn last_state(x: &Tensor) -> Result<Tensor> {
    let x = over_time(x)?;
    x.narrow(2, x.dim(2)? - 1, 1)
}
