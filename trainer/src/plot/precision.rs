//! Precision against recall, one line per tag, and their mean.
use crate::eval::{PrecisionRecall, Scores, mean_precision};

use super::curves::{self, Curve, Curves};
use super::figure::Figure;

pub(super) fn figure(title: &str, scores: &Scores) -> Result<Figure, &'static str> {
    let (mut all, mut tags): (Vec<PrecisionRecall>, Vec<Curve>) = (Vec::new(), Vec::new());
    for (tag, ranking) in scores.rankings() {
        let curve = ranking.precision_recall();
        tags.push(Curve { name: tag.into(), value: ranking.average_precision(), points: curve.steps() });
        all.push(curve);
    }
    let about = Curves {
        title,
        x: "recall",
        y: "precision",
        value: "AP",
        mean: mean_precision(&all, 201),
        chance: None,
        corner_below: false,
    };
    curves::figure(&about, tags)
}
