//! A threshold for one tag, and how accurate the answers yes and no are at it.
//!
//! Balanced accuracy is the mean of sensitivity and specificity: 0.5 by chance however rare the tag. Plain
//! accuracy is above 0.9 for a rare tag by always answering no, so it cannot carry a criterion "above 50 %".
use super::Z95;
use super::ranking::Ranking;

/// A threshold and the balanced accuracy it reached on the clips it was chosen on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChosenThreshold {
    pub threshold: f64,
    pub balanced_accuracy: f64,
}

/// The threshold with the best balanced accuracy: halfway between neighbouring scores, so never on a score. Among
/// equally good ones the one in the widest gap, then the lowest. `None` if all scores are equal.
pub fn choose_threshold(ranking: &Ranking) -> Option<ChosenThreshold> {
    let (positives, negatives) = (ranking.positives(), ranking.negatives());
    let (mut positives_below, mut negatives_below) = (0, 0);
    // Sensitivity and specificity over their common denominator, so that equals compare equal.
    let mut best: Option<(u64, f64, f64)> = None;
    for pair in ranking.groups().windows(2) {
        positives_below += pair[0].positives;
        negatives_below += pair[0].negatives;
        let right = (positives - positives_below) * negatives + negatives_below * positives;
        let gap = pair[1].score - pair[0].score;
        if best.is_none_or(|(most, widest, _)| right > most || (right == most && gap > widest)) {
            best = Some((right, gap, pair[0].score + gap / 2.0));
        }
    }
    best.map(|(right, _, threshold)| ChosenThreshold {
        threshold,
        balanced_accuracy: right as f64 / (2.0 * positives as f64 * negatives as f64),
    })
}

/// Answers at a threshold against the truth, in clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    pub true_positives: u64,
    pub false_negatives: u64,
    pub true_negatives: u64,
    pub false_positives: u64,
}

/// Balanced accuracy with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalancedAccuracy {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl BalancedAccuracy {
    /// The proposal's criterion: accuracy above 50 %, and the lower bound of its interval too.
    pub fn above_chance(&self) -> bool {
        self.value > 0.5 && self.low > 0.5
    }
}

impl Confusion {
    /// Counts the answers: yes from `threshold` on.
    pub fn at(ranking: &Ranking, threshold: f64) -> Self {
        let mut counts = Self::default();
        for group in ranking.groups() {
            if group.score >= threshold {
                counts.true_positives += group.positives;
                counts.false_positives += group.negatives;
            } else {
                counts.false_negatives += group.positives;
                counts.true_negatives += group.negatives;
            }
        }
        counts
    }

    /// Share of the clips answered rightly; `None` without clips.
    pub fn accuracy(&self) -> Option<f64> {
        let all = self.true_positives + self.false_negatives + self.true_negatives + self.false_positives;
        (all > 0).then(|| (self.true_positives + self.true_negatives) as f64 / all as f64)
    }

    /// Mean of sensitivity and specificity; `None` without positives or without negatives.
    ///
    /// Its interval is made of Wilson's intervals of the two shares, which are independent: the distances from
    /// the shares to their lower bounds are added in squares, those to their upper bounds likewise, and halved
    /// (Newcombe's "square and add", Statistics in Medicine 17 (1998), method 10; Zou & Donner, "Construction of
    /// confidence limits about effect measures", ibid. 27 (2008)). It never leaves 0..1 and never has zero
    /// width.
    pub fn balanced_accuracy(&self) -> Option<BalancedAccuracy> {
        let positives = self.true_positives + self.false_negatives;
        let negatives = self.true_negatives + self.false_positives;
        let sensitivity = wilson(self.true_positives, positives)?;
        let specificity = wilson(self.true_negatives, negatives)?;
        let shares =
            (self.true_positives as f64 / positives as f64, self.true_negatives as f64 / negatives as f64);
        let value = (shares.0 + shares.1) / 2.0;
        let down = (shares.0 - sensitivity.0).hypot(shares.1 - specificity.0) / 2.0;
        let up = (sensitivity.1 - shares.0).hypot(specificity.1 - shares.1) / 2.0;
        Some(BalancedAccuracy { value, low: (value - down).max(0.0), high: (value + up).min(1.0) })
    }
}

/// Wilson's 95 % score interval of `successes` out of `trials` (Journal of the American Statistical Association
/// 22, 1927). `None` without trials.
pub fn wilson(successes: u64, trials: u64) -> Option<(f64, f64)> {
    if trials == 0 || successes > trials {
        return None;
    }
    let (n, share) = (trials as f64, successes as f64 / trials as f64);
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the bound is the share itself; rounding would miss it by a hair.
    let low = if successes == 0 { 0.0 } else { centre - reach };
    let high = if successes == trials { 1.0 } else { centre + reach };
    Some((low, high))
}
