//! Successive halving: many trials for a few epochs, the best of them for more, and so on.

use serde::{Deserialize, Serialize};

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Trials to begin with.
    pub trials: usize,
    /// Of so many trials one goes on, for so many times the epochs.
    pub eta: usize,
    /// Epochs of the first rung.
    pub min_epochs: usize,
    /// Epochs of the last rung, over which every trial's learning rate is planned from the start.
    pub max_epochs: usize,
    /// Where the trials are drawn from.
    pub seed: u64,
}

/// A rung: so many trials trained up to so many epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Trained in all.
    pub epochs: usize,
    /// At most.
    pub trials: usize,
}

impl Plan {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let Self { trials, eta, min_epochs, max_epochs, .. } = *self;
        if trials == 0 || trials > 100_000 {
            return Err(format!("trials = {trials}: it is from 1 to 100000"));
        }
        if !(2..=1000).contains(&eta) {
            return Err(format!("eta = {eta}: it is from 2 to 1000"));
        }
        if min_epochs == 0 || min_epochs > max_epochs {
            return Err(format!("min_epochs = {min_epochs}: it is from 1 to max_epochs, {max_epochs}"));
        }
        if self.seed > i64::MAX as u64 {
            return Err(format!("seed = {}: it is below 2^63", self.seed));
        }
        Ok(())
    }

    /// The rungs: `trials` for `min_epochs`, then one of `eta` for `eta` times the epochs, until `max_epochs`. A trial that
    /// is alone goes there at once.
    pub fn rungs(&self) -> Vec<Rung> {
        let (mut epochs, mut trials) = (self.min_epochs, self.trials);
        if trials == 1 {
            epochs = self.max_epochs;
        }
        let mut rungs = vec![Rung { epochs, trials }];
        while epochs < self.max_epochs {
            trials = (trials / self.eta).max(1);
            epochs = if trials == 1 { self.max_epochs } else { (epochs * self.eta).min(self.max_epochs) };
            rungs.push(Rung { epochs, trials });
        }
        rungs
    }

    /// Epochs of all trials together at most.
    pub fn epochs(&self) -> usize {
        let mut before = 0;
        let rungs = self.rungs().into_iter();
        rungs.map(|rung| (rung.epochs - std::mem::replace(&mut before, rung.epochs)) * rung.trials).sum()
    }
}

/// The best `keep` of `(trial, validation AUC)`, best first; of equals the earlier trial. What is not a number loses.
pub fn best(results: &[(usize, f64)], keep: usize) -> Vec<usize> {
    let mut good: Vec<&(usize, f64)> = results.iter().filter(|(_, auc)| auc.is_finite()).collect();
    good.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    good.into_iter().take(keep).map(|(trial, _)| *trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(trials: usize, eta: usize, min_epochs: usize, max_epochs: usize) -> Plan {
        Plan { trials, eta, min_epochs, max_epochs, seed: 1 }
    }

    #[test]
    fn rungs_are_those_of_the_papers() {
        let of = |plan: Plan| plan.rungs().iter().map(|r| (r.trials, r.epochs)).collect::<Vec<_>>();
        // Li et al. 2018, table 1, bracket s = 4: eta 3, R 81.
        assert_eq!(of(plan(81, 3, 1, 81)), [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]);
        assert_eq!(plan(81, 3, 1, 81).epochs(), 81 + 27 * 2 + 9 * 6 + 3 * 18 + 54);
        // A last rung that is no power of eta away is met all the same; one that is alone has nobody to wait for.
        assert_eq!(of(plan(16, 2, 3, 20)), [(16, 3), (8, 6), (4, 12), (2, 20)]);
        assert_eq!(of(plan(4, 4, 1, 100)), [(4, 1), (1, 100)]);
        assert_eq!(of(plan(1, 3, 1, 10)), [(1, 10)]);
        assert_eq!(of(plan(7, 3, 5, 5)), [(7, 5)]);
    }

    #[test]
    fn the_best_go_on_and_failures_never() {
        let results = [(0, 0.7), (1, f64::NAN), (2, 0.9), (3, 0.9), (4, 0.8)];
        assert_eq!(best(&results, 3), [2, 3, 4]);
        assert_eq!(best(&results, 9), [2, 3, 4, 0]);
        assert!(best(&[(1, f64::NAN)], 1).is_empty());
    }

    #[test]
    fn senseless_plans_are_named() {
        for (plan, name) in [
            (plan(0, 3, 1, 9), "trials"),
            (plan(9, 1, 1, 9), "eta"),
            (plan(9, 3, 0, 9), "min_epochs"),
            (plan(9, 3, 10, 9), "min_epochs"),
        ] {
            assert!(plan.validate().unwrap_err().starts_with(name));
        }
    }
}
