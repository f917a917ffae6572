//! ROC curves, one line per tag, and their mean.
use crate::eval::{RocCurve, Scores, mean_roc};

use super::curves::{self, Curve, Curves};
use super::figure::Figure;

pub(super) fn figure(title: &str, scores: &Scores) -> Result<Figure, &'static str> {
    let (mut all, mut tags): (Vec<RocCurve>, Vec<Curve>) = (Vec::new(), Vec::new());
    for (tag, ranking) in scores.rankings() {
        let curve = ranking.roc_curve();
        let points = curve.false_positive_rate.iter().copied().zip(curve.true_positive_rate.iter().copied());
        tags.push(Curve { name: tag.into(), value: ranking.auc(), points: points.collect() });
        all.push(curve);
    }
    let about = Curves {
        title,
        x: "false positive rate",
        y: "true positive rate",
        value: "AUC",
        mean: mean_roc(&all, 201),
        chance: Some([(0.0, 0.0), (1.0, 1.0)]),
        corner_below: true,
    };
    curves::figure(&about, tags)
}
