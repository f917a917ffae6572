//! The layers that networks are made of, as data: widths, kernels, pooling.

use serde::{Deserialize, Serialize};

/// A convolution over time with what follows it; what comes in are channels over time `[batch, inputs, frames]`.
///
/// A plane of bands and time that reaches such a layer is flattened first: channel `c` of band `f` is input
/// `c * bands + f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLayer {
    /// Channels that come in; the first layer's are the mel bands.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Taps over time, without padding; 1 is a fully connected layer.
    pub kernel: usize,
    /// Max-pooling over time after it, 1 for none.
    pub pool: usize,
}

impl TimeLayer {
    /// Weights of the convolution.
    pub const fn weights(&self) -> usize {
        self.inputs * self.outputs * self.kernel
    }
}

/// A convolution over a plane of bands and time, `[batch, inputs, bands, frames]`, padded with zeros to the same size
/// (`(k - 1) / 2` before and `k / 2` after on either axis), then pooled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneLayer {
    /// Channels that come in; 1 for the spectrogram.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Taps over bands and over time.
    pub kernel: [usize; 2],
    /// Max-pooling over bands and over time; what does not fill a window is dropped.
    pub pool: [usize; 2],
    /// Share of the outputs that training sets to zero.
    #[serde(default)]
    pub dropout: f32,
}

impl PlaneLayer {
    /// Weights of the convolution.
    pub const fn weights(&self) -> usize {
        self.inputs * self.outputs * self.kernel[0] * self.kernel[1]
    }
}

/// A gated recurrent unit over time (Cho et al. 2014, in the form of cuDNN and PyTorch: the reset gate after the
/// product); gives all its states, `[batch, outputs, frames]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GruLayer {
    /// Channels that come in.
    pub inputs: usize,
    /// Width of the state.
    pub outputs: usize,
}

impl GruLayer {
    /// Weights of the three gates.
    pub const fn weights(&self) -> usize {
        3 * self.outputs * (self.inputs + self.outputs)
    }
}

/// One layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Layer {
    /// Convolution over time, batch norm, pooling, ELU; the network's last layer has a bias instead and gives the
    /// logits.
    Time(TimeLayer),
    /// Convolution over bands and time, batch norm, pooling, ELU, dropout.
    Plane(PlaneLayer),
    /// GRU.
    Recurrent(GruLayer),
    /// Only the last state in time goes on.
    LastState {
        /// Width of the state.
        width: usize,
    },
    /// The mean of all states, weighted by additive attention (Bahdanau et al. 2014).
    Attention {
        /// Width of the state and of the hidden layer that weighs it.
        width: usize,
    },
}

impl Layer {
    /// Weights of products: what the paper's budgets are read by.
    pub const fn weights(&self) -> usize {
        match self {
            Layer::Time(l) => l.weights(),
            Layer::Plane(l) => l.weights(),
            Layer::Recurrent(l) => l.weights(),
            Layer::LastState { .. } => 0,
            Layer::Attention { width } => *width * *width + *width,
        }
    }

    /// Numbers besides the weights that training adjusts; `last` for the layer that gives the logits.
    pub const fn other_parameters(&self, last: bool) -> usize {
        match self {
            Layer::Time(l) => l.outputs * if last { 1 } else { 2 },
            Layer::Plane(l) => l.outputs * 2,
            Layer::Recurrent(l) => 6 * l.outputs,
            Layer::LastState { .. } => 0,
            Layer::Attention { width } => *width,
        }
    }

    /// Channels that go out.
    pub const fn outputs(&self) -> usize {
        match self {
            Layer::Time(l) => l.outputs,
            Layer::Plane(l) => l.outputs,
            Layer::Recurrent(l) => l.outputs,
            Layer::LastState { width } | Layer::Attention { width } => *width,
        }
    }

    /// The layer as one over time, where it is one.
    pub const fn time(&self) -> Option<&TimeLayer> {
        match self {
            Layer::Time(l) => Some(l),
            _ => None,
        }
    }

    /// What comes out of `[inputs, bands, frames]` (bands is 1 where there is no plane any more), and the
    /// multiply-accumulates it takes; none when it cannot come in.
    pub fn flow(&self, [channels, bands, frames]: [usize; 3]) -> Option<([usize; 3], u64)> {
        let product = |weights: usize, places: usize| weights as u64 * places as u64;
        match self {
            Layer::Time(l) => {
                let out = (frames + 1).checked_sub(l.kernel).filter(|&out| out >= l.pool && l.pool > 0)?;
                let fits = channels * bands == l.inputs && l.kernel > 0;
                fits.then(|| ([l.outputs, 1, out / l.pool], product(l.weights(), out)))
            }
            Layer::Plane(l) => {
                let [pool_bands, pool_frames] = l.pool;
                let fits = channels == l.inputs
                    && l.kernel[0] * l.kernel[1] > 0
                    && pool_bands * pool_frames > 0
                    && bands >= pool_bands
                    && frames >= pool_frames;
                fits.then(|| {
                    let out = [l.outputs, bands / pool_bands, frames / pool_frames];
                    (out, product(l.weights(), bands * frames))
                })
            }
            Layer::Recurrent(l) => (channels * bands == l.inputs && frames > 0)
                .then(|| ([l.outputs, 1, frames], product(l.weights(), frames))),
            Layer::LastState { width } => {
                (channels * bands == *width && frames > 0).then_some(([*width, 1, 1], 0))
            }
            Layer::Attention { width } => (channels * bands == *width && frames > 0)
                .then(|| ([*width, 1, 1], product(width * width + 2 * width, frames))),
        }
    }
}
