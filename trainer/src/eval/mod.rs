//! Evaluation: pure functions from scores and labels to figures with their intervals.
//!
//! [`Scores`] holds what a model answered and what is true; [`evaluate`] makes the [`Evaluation`] that is
//! written to `metrics.json`, and [`table()`] prints it. Nothing here knows of networks, files or audio.
//! The meaning of every field, with formulas and sources, is in `docs/metrics.md`.
mod agreement;
mod beside;
mod bootstrap;
mod calibration;
mod delong;
mod paired;
mod precision;
mod ranking;
mod report;
mod robustness;
mod scores;
mod table;
mod threshold;

pub use agreement::{Agreement, Int8Agreement, Pieces, TagAgreement};
pub use beside::{Beside, BesideTag, beside, beside_table};
pub use bootstrap::{Bootstrap, Resampled, mean_auc_interval, mean_auc_resampled, percentile_interval};
pub use calibration::{Line, Reliability, ReliabilityBin, fit, reliability, threshold_by_expectation};
pub use delong::{AucInterval, AucVariance, IntervalMethod, auc_interval, auc_variance};
pub use paired::auc_difference_interval;
pub use precision::{PrecisionRecall, mean_precision};
pub use ranking::{Ranking, RocCurve, TieGroup, Undefined, mean_roc};
pub use report::{
    EvalError, EvalOptions, Evaluation, Int8Report, LeftOut, MeanMethod, TagReport, ThresholdSource, compare,
    evaluate,
};
pub use robustness::{ChangeReport, Robustness};
pub use scores::{Scores, ScoresError, match_tags};
pub use table::table;
pub use threshold::{BalancedAccuracy, ChosenThreshold, Confusion, choose_threshold, wilson};

/// The two-sided 95 % point of the standard normal distribution.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;
