//! What a training run is set to.

use serde::{Deserialize, Serialize};

/// How rare tags count in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// Every label counts the same.
    #[default]
    None,
    /// A tag's positives count more, by the root of negatives to positives (at most 10), so that a tag present in
    /// one clip of a hundred still moves the network.
    Tags,
}

/// Settings of a run; written into its checkpoint, and a resumed run must have the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training clips at most.
    pub epochs: usize,
    /// Clips per step.
    pub batch_size: usize,
    /// Peak learning rate of AdamW, reached after the warm-up; it then falls along a half cosine to a hundredth.
    pub learning_rate: f64,
    /// Share of all steps in which the learning rate rises.
    pub warm_up: f64,
    /// AdamW's decoupled decay of the convolutions' weights.
    pub weight_decay: f64,
    /// Weighting of rare tags.
    pub balance: Balance,
    /// Frames of the random crop that is heard of each clip in an epoch; shorter clips are repeated.
    pub crop_frames: usize,
    /// Epochs without a better validation AUC after which training stops.
    pub patience: usize,
    /// A soft label counts as present from here on when the validation AUC is computed.
    pub positive_threshold: f32,
    /// Where everything random starts from.
    pub seed: u64,
}

impl TrainConfig {
    /// Learning rate at `step` of `steps`.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warm = (self.warm_up * steps as f64).max(1.0);
        let step = step as f64;
        if step < warm {
            return self.learning_rate * (step + 1.0) / (warm + 1.0);
        }
        let through = ((step - warm) / (steps as f64 - warm).max(1.0)).min(1.0);
        self.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * through).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_rises_then_falls_to_a_hundredth() {
        let config = TrainConfig {
            epochs: 10,
            batch_size: 16,
            learning_rate: 0.01,
            warm_up: 0.1,
            weight_decay: 0.0,
            balance: Balance::None,
            crop_frames: 100,
            patience: 3,
            positive_threshold: 0.5,
            seed: 1,
        };
        let rates: Vec<f64> = (0..1000).map(|s| config.learning_rate_at(s, 1000)).collect();
        let peak = rates.iter().cloned().fold(0.0, f64::max);
        assert!((peak - 0.01).abs() < 1e-4 && rates[0] < 2e-4 && (rates[999] - 1e-4).abs() < 1e-5);
        assert!(rates[..100].is_sorted() && rates[100..].is_sorted_by(|a, b| a >= b));
    }
}
