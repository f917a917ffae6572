//! Which runs a comparison is made of.

use crate::net::{Budget, Model};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One run of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunKey {
    /// Network.
    pub model: Model,
    /// Its size.
    pub budget: Budget,
    /// Where its weights, its order of clips and its crops are drawn from.
    pub seed: u64,
}

impl fmt::Display for RunKey {
    /// The name of the run's folder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}-s{}", self.model, self.budget, self.seed))
    }
}

/// Every network at every size with `seeds` seeds from `first` on. Seed by seed, small ones first, so that a comparison
/// that is cut short has something of everything.
pub fn runs(models: &[Model], budgets: &[Budget], first: u64, seeds: u64) -> Vec<RunKey> {
    let (mut models, mut budgets) = (models.to_vec(), budgets.to_vec());
    models.sort_unstable();
    models.dedup();
    budgets.sort_unstable();
    budgets.dedup();
    let mut runs = Vec::new();
    for seed in first..first.saturating_add(seeds) {
        for &budget in &budgets {
            runs.extend(models.iter().map(|&model| RunKey { model, budget, seed }));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_at_every_size_once_per_seed() {
        let runs = runs(&[Model::Crnn, Model::K2c1, Model::Crnn], &[Budget::M1, Budget::M0_1], 7, 3);
        assert_eq!(runs.len(), 2 * 2 * 3);
        let names: Vec<String> = runs.iter().map(ToString::to_string).collect();
        assert_eq!(names[..5], ["k2c1-0.1M-s7", "crnn-0.1M-s7", "k2c1-1M-s7", "crnn-1M-s7", "k2c1-0.1M-s8"]);
        assert_eq!(names[11], "crnn-1M-s9");
    }
}
