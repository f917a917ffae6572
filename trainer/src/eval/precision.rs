//! Precision against recall.
use super::ranking::Ranking;

/// Points by falling threshold, one for each score that a clip has: of the clips from there on, the share that is positive,
/// and the share of the positives that they are. The area under its steps is the average precision.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Rising, up to 1.
    pub recall: Vec<f64>,
    /// As long.
    pub precision: Vec<f64>,
}

impl Ranking {
    /// The curve of precision against recall.
    pub fn precision_recall(&self) -> PrecisionRecall {
        let mut curve = PrecisionRecall { recall: Vec::new(), precision: Vec::new() };
        let (mut true_positives, mut predicted) = (0, 0);
        for group in self.groups().iter().rev() {
            true_positives += group.positives;
            predicted += group.positives + group.negatives;
            curve.recall.push(true_positives as f64 / self.positives() as f64);
            curve.precision.push(true_positives as f64 / predicted as f64);
        }
        curve
    }
}

impl PrecisionRecall {
    /// The curve as steps from a recall of 0 on, `(recall, precision)`, to be joined by straight lines: what lies under them
    /// is the average precision. Points without a positive of their own are left out.
    pub fn steps(&self) -> Vec<(f64, f64)> {
        let mut steps = Vec::new();
        let mut before = 0.0;
        for (&recall, &precision) in self.recall.iter().zip(&self.precision) {
            if recall > before {
                steps.extend([(before, precision), (recall, precision)]);
                before = recall;
            }
        }
        steps
    }

    /// Precision of the first point with at least this recall.
    pub fn at(&self, recall: f64) -> f64 {
        let place = self.recall.partition_point(|&reached| reached < recall);
        // A curve ends at a recall of 1, but for rounding.
        self.precision.get(place).or(self.precision.last()).copied().unwrap_or(0.0)
    }
}

/// The mean of several curves at `points` (at least 2) evenly spaced recalls, `(recall, precision)`.
pub fn mean_precision(curves: &[PrecisionRecall], points: usize) -> Vec<(f64, f64)> {
    if curves.is_empty() {
        return Vec::new();
    }
    let last = points.max(2) - 1;
    let mean = |recall: f64| curves.iter().map(|curve| curve.at(recall)).sum::<f64>() / curves.len() as f64;
    // A recall of 0 is that of no clip at all.
    (0..=last).map(|at| (at as f64 / last as f64).max(1e-9)).map(|recall| (recall, mean(recall))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn points_are_those_that_are_counted_by_hand() {
        let scored = [(0.9, true), (0.8, false), (0.7, true), (0.7, false), (0.1, false)];
        let curve = Ranking::new(scored).unwrap().precision_recall();
        assert_eq!(curve.recall, [0.5, 0.5, 1.0, 1.0]);
        assert_eq!(curve.precision, [1.0, 0.5, 0.5, 0.4]);
        assert_eq!(curve.steps(), [(0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.5)]);
        assert_eq!((curve.at(0.3), curve.at(0.5), curve.at(0.6)), (1.0, 1.0, 0.5));
        assert!(mean_precision(&[], 5).is_empty());
    }

    proptest! {
        #[test]
        fn the_area_under_the_steps_is_the_average_precision(
            scored in prop::collection::vec((0u8..20, any::<bool>()), 2..60)
        ) {
            let scored = scored.into_iter().map(|(score, positive)| (f64::from(score), positive));
            if let Ok(ranking) = Ranking::new(scored) {
                let steps = ranking.precision_recall().steps();
                let area: f64 = steps.chunks(2).map(|step| (step[1].0 - step[0].0) * step[0].1).sum();
                prop_assert!((area - ranking.average_precision()).abs() < 1e-12);
            }
        }
    }
}
