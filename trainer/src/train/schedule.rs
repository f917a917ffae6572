//! How the learning rate goes over a run.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Course of the learning rate over all steps of a run. The peak and the share of the steps in which the rate rises are
/// settings of their own ([`super::TrainConfig::learning_rate`], [`super::TrainConfig::warm_up`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Rises in a line, then falls along a half cosine to a hundredth of the peak.
    #[default]
    Cosine,
    /// Rises along a half cosine from a 25th of the peak, then falls along another to a 250 000th
    /// (Smith and Topin 2018); wants a higher peak and a longer warm-up, about 0.3
    OneCycle,
    /// Rises in a line, then stays.
    Constant,
}

/// One-cycle begins at this share of the peak.
const ONE_CYCLE_START: f64 = 1.0 / 25.0;
/// One-cycle ends at this share of the peak.
const ONE_CYCLE_END: f64 = ONE_CYCLE_START / 1e4;

impl Schedule {
    /// The rate at `step` (from 0) of `steps`.
    pub fn rate(self, peak: f64, warm_up: f64, step: usize, steps: usize) -> f64 {
        let (at, all) = (step as f64, steps as f64);
        // With a warm-up of nothing the first step of the falling schedules is still a gentle one.
        let warm = match self {
            Self::Constant => warm_up * all,
            Self::Cosine | Self::OneCycle => (warm_up * all).max(1.0),
        };
        let through = ((at - warm) / (all - warm).max(1.0)).clamp(0.0, 1.0);
        match self {
            Self::Cosine | Self::Constant if at < warm => peak * (at + 1.0) / (warm + 1.0),
            Self::Constant => peak,
            Self::Cosine => peak * (0.01 + 0.99 * half_cosine(through)),
            Self::OneCycle if at < warm => peak * (1.0 - (1.0 - ONE_CYCLE_START) * half_cosine(at / warm)),
            Self::OneCycle => peak * (ONE_CYCLE_END + (1.0 - ONE_CYCLE_END) * half_cosine(through)),
        }
    }
}

/// From 1 at 0 down to 0 at 1.
fn half_cosine(through: f64) -> f64 {
    0.5 * (1.0 + (PI * through).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warm_up: f64) -> Vec<f64> {
        (0..1000).map(|s| schedule.rate(0.01, warm_up, s, 1000)).collect()
    }

    #[test]
    fn each_rises_to_the_peak_and_ends_where_it_should() {
        for (schedule, first, last) in [
            (Schedule::Cosine, 1e-4, 1e-4),
            (Schedule::OneCycle, 4e-4, 4e-8),
            (Schedule::Constant, 1e-4, 1e-2),
        ] {
            let rates = rates(schedule, 0.1);
            let peak = rates.iter().copied().fold(0.0, f64::max);
            assert!((peak - 0.01).abs() < 1e-4, "{schedule:?}: {peak}");
            assert!(rates[0] < 1.1 * first, "{schedule:?}: {}", rates[0]);
            assert!((rates[999] - last).abs() < 0.01 * last + 1e-7, "{schedule:?}: {}", rates[999]);
            assert!(rates[..100].is_sorted() && rates[101..].is_sorted_by(|a, b| a >= b), "{schedule:?}");
        }
    }

    #[test]
    fn without_warm_up_a_constant_rate_is_constant() {
        assert!(rates(Schedule::Constant, 0.0).iter().all(|&r| r == 0.01));
        assert!(rates(Schedule::OneCycle, 0.0).iter().all(|r| r.is_finite() && *r > 0.0));
    }

    #[test]
    fn runs_of_one_step_have_a_rate() {
        for schedule in [Schedule::Cosine, Schedule::OneCycle, Schedule::Constant] {
            for warm_up in [0.0, 0.5, 0.99] {
                assert!(schedule.rate(0.01, warm_up, 0, 1) > 0.0);
            }
        }
    }
}
