//! The labelled clips of one tag in order of score, and what follows from that order alone: AUC-ROC, average
//! precision, the ROC curve.
//!
//! Everything is counted on groups of equal scores, so ties are treated exactly: one sort, then one pass.
use thiserror::Error;

/// Why a tag has no AUC.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Undefined {
    #[error("no clip is labelled")]
    NotLabelled,
    #[error("no positive clip among {labelled} labelled")]
    NoPositives { labelled: u64 },
    #[error("no negative clip among {labelled} labelled")]
    NoNegatives { labelled: u64 },
    #[error("a score is not a finite number")]
    NotFinite,
}

/// The clips of one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TieGroup {
    pub score: f64,
    pub positives: u64,
    pub negatives: u64,
}

/// Clips of one tag in groups of equal score, by rising score, with at least one positive and one negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    groups: Vec<TieGroup>,
    positives: u64,
    negatives: u64,
}

/// Points of a ROC curve from (0, 0) to (1, 1), as `sklearn.metrics.roc_curve` gives them: by falling
/// threshold, points on a straight stretch dropped; the first threshold is infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    pub false_positive_rate: Vec<f64>,
    pub true_positive_rate: Vec<f64>,
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// Sorts `(score, is positive)` pairs; O(n log n).
    ///
    /// # Errors
    /// No clips, no positives, no negatives, or a score that is not finite.
    pub fn new(scored: impl IntoIterator<Item = (f64, bool)>) -> Result<Self, Undefined> {
        let mut scored: Vec<(f64, bool)> = scored.into_iter().collect();
        if scored.iter().any(|(score, _)| !score.is_finite()) {
            return Err(Undefined::NotFinite);
        }
        scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut groups: Vec<TieGroup> = Vec::new();
        for (score, positive) in scored {
            let counts = (u64::from(positive), u64::from(!positive));
            match groups.last_mut() {
                Some(group) if group.score == score => {
                    group.positives += counts.0;
                    group.negatives += counts.1;
                }
                _ => groups.push(TieGroup { score, positives: counts.0, negatives: counts.1 }),
            }
        }
        let positives: u64 = groups.iter().map(|group| group.positives).sum();
        let negatives: u64 = groups.iter().map(|group| group.negatives).sum();
        let labelled = positives + negatives;
        match (positives, negatives) {
            (0, 0) => Err(Undefined::NotLabelled),
            (0, _) => Err(Undefined::NoPositives { labelled }),
            (_, 0) => Err(Undefined::NoNegatives { labelled }),
            _ => Ok(Self { groups, positives, negatives }),
        }
    }

    /// Groups of equal score, by rising score.
    pub fn groups(&self) -> &[TieGroup] {
        &self.groups
    }

    /// Number of positive clips, at least 1.
    pub fn positives(&self) -> u64 {
        self.positives
    }

    /// Number of negative clips, at least 1.
    pub fn negatives(&self) -> u64 {
        self.negatives
    }

    /// Number of labelled clips.
    pub fn labelled(&self) -> u64 {
        self.positives + self.negatives
    }

    /// Area under the ROC curve: the share of (positive, negative) pairs in the right order, a tie counting
    /// half. The same as the rank-sum form with midranks; counted in integers, so exact up to one division.
    pub fn auc(&self) -> f64 {
        let mut negatives_below = 0;
        let mut twice = 0;
        for group in &self.groups {
            twice += group.positives * (2 * negatives_below + group.negatives);
            negatives_below += group.negatives;
        }
        twice as f64 / (2.0 * self.positives as f64 * self.negatives as f64)
    }

    /// Average precision, `sum_n (R_n - R_(n-1)) P_n` over falling thresholds, without interpolation, as
    /// `sklearn.metrics.average_precision_score`.
    pub fn average_precision(&self) -> f64 {
        let (mut true_positives, mut predicted, mut sum) = (0, 0, 0.0);
        for group in self.groups.iter().rev() {
            true_positives += group.positives;
            predicted += group.positives + group.negatives;
            sum += group.positives as f64 * (true_positives as f64 / predicted as f64);
        }
        sum / self.positives as f64
    }

    /// The ROC curve.
    pub fn roc_curve(&self) -> RocCurve {
        // (false positives, true positives, threshold) after each group, by falling score.
        let mut points = vec![(0u64, 0u64, f64::INFINITY)];
        for group in self.groups.iter().rev() {
            let (fp, tp) = points.last().map_or((0, 0), |last| (last.0, last.1));
            points.push((fp + group.negatives, tp + group.positives, group.score));
        }
        // A point stays if the step into it differs from the step out of it (sklearn's drop_intermediate,
        // which likewise never looks at the point that it sets before the first group).
        let steps = |at: usize| {
            let step =
                |from: usize| (points[from + 1].0 - points[from].0, points[from + 1].1 - points[from].1);
            (step(at - 1), step(at))
        };
        let last = points.len() - 1;
        let kept = (0..=last).filter(|&at| {
            at <= 1 || at == last || {
                let (into, out) = steps(at);
                into != out
            }
        });
        let kept: Vec<usize> = kept.collect();
        RocCurve {
            false_positive_rate: kept.iter().map(|&at| points[at].0 as f64 / self.negatives as f64).collect(),
            true_positive_rate: kept.iter().map(|&at| points[at].1 as f64 / self.positives as f64).collect(),
            thresholds: kept.iter().map(|&at| points[at].2).collect(),
        }
    }
}

impl RocCurve {
    /// True positive rate at a false positive rate within 0..=1: the highest where the curve is upright, else
    /// linear between points.
    pub fn at(&self, false_positive_rate: f64) -> f64 {
        let (x, y) = (&self.false_positive_rate, &self.true_positive_rate);
        // The first point to the right of the place asked for.
        let right = x.partition_point(|&fpr| fpr <= false_positive_rate);
        if right == 0 {
            return y.first().copied().unwrap_or(0.0);
        }
        if right == x.len() {
            return y[right - 1];
        }
        let along = (false_positive_rate - x[right - 1]) / (x[right] - x[right - 1]);
        y[right - 1] + along * (y[right] - y[right - 1])
    }
}

/// The mean of several ROC curves: the mean true positive rate at `points` (at least 2) evenly spaced false
/// positive rates, as `(false positive rate, true positive rate)`, set out from (0, 0).
pub fn mean_roc(curves: &[RocCurve], points: usize) -> Vec<(f64, f64)> {
    if curves.is_empty() {
        return Vec::new();
    }
    let last = points.max(2) - 1;
    let mut mean = vec![(0.0, 0.0)];
    mean.extend((0..=last).map(|at| {
        let x = at as f64 / last as f64;
        (x, curves.iter().map(|curve| curve.at(x)).sum::<f64>() / curves.len() as f64)
    }));
    mean
}
