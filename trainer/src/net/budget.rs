//! The paper's five sizes and its five networks, by name.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The paper's five sizes, in millions of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// Picks a network's number for this budget out of the paper's row.
    pub(super) const fn of(self, row: [usize; 5]) -> usize {
        row[self as usize]
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
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

/// The networks: four of Choi et al. 2016, and attention on the last.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Every mel band by itself: convolutions over time, then two fully connected layers
    K1c2,
    /// The first kernel spans all bands, the rest is one-dimensional in time; slides over songs of any length
    K2c1,
    /// 3x3 kernels, pooled down to a single point
    K2c2,
    /// 3x3 kernels, then two recurrent layers over time
    Crnn,
    /// CRNN with additive attention over the recurrent states in place of the last one
    CrnnAttention,
}

impl Model {
    /// All five, in the paper's order.
    pub const ALL: [Model; 5] = [Model::K1c2, Model::K2c1, Model::K2c2, Model::Crnn, Model::CrnnAttention];
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Model::K1c2 => "k1c2",
            Model::K2c1 => "k2c1",
            Model::K2c2 => "k2c2",
            Model::Crnn => "crnn",
            Model::CrnnAttention => "crnn-attention",
        })
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Model::ALL.into_iter().find(|m| m.to_string().eq_ignore_ascii_case(text)).ok_or_else(|| {
            format!("no network `{text}`: it is one of k1c2, k2c1, k2c2, crnn, crnn-attention")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_and_parse() {
        for b in Budget::ALL {
            assert_eq!(b.to_string().parse::<Budget>().unwrap(), b);
            assert_eq!(serde_json::to_string(&b).unwrap(), format!("\"{b}\""));
        }
        for m in Model::ALL {
            assert_eq!(m.to_string().parse::<Model>().unwrap(), m);
            assert_eq!(serde_json::to_string(&m).unwrap(), format!("\"{m}\""));
        }
        assert!("2M".parse::<Budget>().unwrap_err().contains("0.25M"));
        assert!("k3c1".parse::<Model>().unwrap_err().contains("k1c2"));
    }
}
