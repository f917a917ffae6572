//! What a network looks like, as data: widths, kernel, pooling, and what follows from them by arithmetic.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Filters of a k2c1 kernel over time (Choi et al. 2016: 96x4 for the first layer, 1x4 after it).
pub const KERNEL: usize = 4;

/// Pooling of the paper: by 4 after each of the first four convolutions, so that one answer hears 27 s.
pub const PAPER_POOLS: [usize; 4] = [4, 4, 4, 4];

/// The paper's five sizes, in millions of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Budget {
    /// 0.1M.
    #[serde(rename = "0.1M")]
    M0_1,
    /// 0.25M.
    #[serde(rename = "0.25M")]
    M0_25,
    /// 0.5M.
    #[serde(rename = "0.5M")]
    M0_5,
    /// 1M.
    #[serde(rename = "1M")]
    M1,
    /// 3M.
    #[serde(rename = "3M")]
    M3,
}

impl Budget {
    /// All five, smallest first.
    pub const ALL: [Budget; 5] = [Budget::M0_1, Budget::M0_25, Budget::M0_5, Budget::M1, Budget::M3];

    /// Widths of k2c1: of its first three convolutions, and of its last two and the two fully connected layers.
    pub const fn k2c1_widths(self) -> (usize, usize) {
        match self {
            Budget::M0_1 => (43, 87),
            Budget::M0_25 => (72, 145),
            Budget::M0_5 => (106, 212),
            Budget::M1 => (152, 304),
            Budget::M3 => (265, 535),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Budget::M0_1 => "0.1M",
            Budget::M0_25 => "0.25M",
            Budget::M0_5 => "0.5M",
            Budget::M1 => "1M",
            Budget::M3 => "3M",
        })
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Budget::ALL
            .into_iter()
            .find(|b| b.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("no budget `{text}`: it is one of 0.1M, 0.25M, 0.5M, 1M, 3M"))
    }
}

/// One convolution over time with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Channels that come in; the first layer's are the mel bands.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Taps over time, without padding.
    pub kernel: usize,
    /// Max-pooling over time after it, 1 for none.
    pub pool: usize,
}

impl Layer {
    /// Weights of the convolution.
    pub const fn weights(&self) -> usize {
        self.inputs * self.outputs * self.kernel
    }
}

/// A network of convolutions over time: batch norm and ELU after each but the last, which gives the logits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// `k2c1`.
    pub network: String,
    /// The paper's size it belongs to.
    pub budget: Budget,
    /// The layers in order; the last one's outputs are the tags.
    pub layers: Vec<Layer>,
}

impl Architecture {
    /// k2c1: five convolutions over time (the first spans all bands), two fully connected layers as 1x1
    /// convolutions, and the output. `pools` follow the first convolutions in order; those not named are 1.
    ///
    /// # Errors
    /// When `pools` has more than five entries or one is not in 1..=16, or there are no tags or bands.
    pub fn k2c1(budget: Budget, mel_bands: usize, pools: &[usize], tags: usize) -> Result<Self, String> {
        if pools.len() > 5 || pools.iter().any(|p| !(1..=16).contains(p)) {
            return Err(format!("pools {pools:?}: at most five, each from 1 to 16"));
        }
        if tags == 0 || mel_bands == 0 {
            return Err(format!("a network of {mel_bands} bands and {tags} tags"));
        }
        let (narrow, wide) = budget.k2c1_widths();
        let widths = [narrow, narrow, narrow, wide, wide, wide, wide, tags];
        let mut inputs = mel_bands;
        let layers = widths.into_iter().enumerate().map(|(i, outputs)| {
            let kernel = if i < 5 { KERNEL } else { 1 };
            let pool = pools.get(i).copied().unwrap_or(1);
            Layer { inputs: std::mem::replace(&mut inputs, outputs), outputs, kernel, pool }
        });
        Ok(Self { network: "k2c1".into(), budget, layers: layers.collect() })
    }

    /// Weights of all layers, without biases and normalisation: the count that the paper's budgets are read by.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(Layer::weights).sum()
    }

    /// All numbers that training adjusts: weights, two per channel of batch norm, the output's biases.
    pub fn parameters(&self) -> usize {
        let channels: usize = self.layers.iter().map(|l| l.outputs).sum();
        let output = self.layers.last().map_or(0, |l| l.outputs);
        self.weights() + 2 * (channels - output) + output
    }

    /// Frames that one answer hears.
    pub fn receptive_field(&self) -> usize {
        self.field_and_stride().0
    }

    /// Frames from one answer to the next.
    pub fn stride(&self) -> usize {
        self.field_and_stride().1
    }

    fn field_and_stride(&self) -> (usize, usize) {
        self.layers.iter().fold((1, 1), |(field, stride), layer| {
            (field + (layer.kernel - 1 + (layer.pool - 1)) * stride, stride * layer.pool)
        })
    }

    /// Answers that `frames` frames give.
    pub fn windows(&self, frames: usize) -> usize {
        let (field, stride) = self.field_and_stride();
        if frames < field { 0 } else { 1 + (frames - field) / stride }
    }

    /// Multiply-accumulates for a clip of `frames` frames.
    pub fn multiply_accumulates(&self, frames: usize) -> u64 {
        let mut frames = frames;
        self.layers.iter().fold(0, |sum, layer| {
            let out = (frames + 1).saturating_sub(layer.kernel);
            frames = out / layer.pool;
            sum + layer.weights() as u64 * out as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_papers_within_one_percent() {
        // docs: weights at the five budgets, by arithmetic on the paper's widths, with 50 tags.
        for (budget, paper) in Budget::ALL.into_iter().zip([96.1e3, 244e3, 501e3, 998e3, 2.98e6]) {
            let weights = Architecture::k2c1(budget, 96, &PAPER_POOLS, 50).unwrap().weights() as f64;
            assert!((weights / paper - 1.0).abs() < 0.01, "{budget}: {weights} for {paper}");
        }
    }

    #[test]
    fn receptive_field_and_stride_follow_from_the_pools() {
        let paper = Architecture::k2c1(Budget::M0_1, 96, &PAPER_POOLS, 50).unwrap();
        assert_eq!((paper.receptive_field(), paper.stride()), (1279, 256));
        assert_eq!((paper.windows(1278), paper.windows(1279), paper.windows(1535)), (0, 1, 2));
        let short = Architecture::k2c1(Budget::M0_1, 96, &[4, 4, 2, 1], 50).unwrap();
        assert_eq!((short.receptive_field(), short.stride()), (287, 32));
    }

    #[test]
    fn windows_are_what_the_layers_leave() {
        for pools in [&[4, 4, 4, 4][..], &[4, 4, 2, 1], &[2, 3, 1, 5], &[]] {
            let a = Architecture::k2c1(Budget::M0_1, 96, pools, 3).unwrap();
            for frames in 0..3000 {
                let left =
                    a.layers.iter().fold(frames, |n, l| (n + 1usize).saturating_sub(l.kernel) / l.pool);
                assert_eq!(a.windows(frames), left, "{pools:?} {frames}");
            }
        }
    }

    #[test]
    fn budgets_print_and_parse() {
        for b in Budget::ALL {
            assert_eq!(b.to_string().parse::<Budget>().unwrap(), b);
        }
        assert!("2M".parse::<Budget>().unwrap_err().contains("0.25M"));
    }
}
