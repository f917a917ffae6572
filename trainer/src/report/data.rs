//! What the page's script draws and lists of each tag.
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::examples::{self, Example, TagExamples};
use super::{ClipLink, Material};
use crate::corpus::group_name;
use crate::eval::Ranking;
use crate::files::relative_url;

/// Pairs of tags in the table of siblings.
pub(super) const SIBLINGS: usize = 20;
/// Clips heard best, and as many heard worst.
const CLIPS: usize = 8;
/// Points of a tag's small curves.
const POINTS: usize = 48;

/// Tags with their curves and examples, and the clips that these name, by their number.
pub(super) fn of(folder: &Path, material: &Material<'_>, thresholds: &[f64]) -> Value {
    let scores = material.scores;
    let mut named: BTreeSet<usize> = BTreeSet::new();
    let mut name = |examples: &[Example]| named.extend(examples.iter().map(|example| example.clip));
    let (best, worst) = examples::of_clips(scores, CLIPS);
    name(&best);
    name(&worst);
    let mut tags = Vec::new();
    for report in &material.evaluation.tags {
        // In the evaluation's order: the page names them by their number there.
        let place = scores.tags().iter().position(|tag| *tag == report.tag);
        let Some((place, ranking)) = place.and_then(|place| Some((place, scores.ranking(place).ok()?)))
        else {
            let none = TagExamples::default();
            tags.push(json!({ "tag": report.tag, "roc": [], "precision": [], "examples": none }));
            continue;
        };
        let examples = examples::of_tag(scores, place, thresholds[place]);
        let TagExamples { hits, misses, false_alarms } = &examples;
        [hits, misses, false_alarms].into_iter().for_each(|list| name(list));
        let (roc, precision) = curves(&ranking);
        tags.push(json!({
            "tag": report.tag,
            "threshold": rounded(thresholds[place]),
            "roc": roc,
            "precision": precision,
            "examples": examples,
        }));
    }
    let clips: serde_json::Map<String, Value> =
        named.into_iter().map(|number| (number.to_string(), clip(folder, &material.clips[number]))).collect();
    json!({ "tags": tags, "best": best, "worst": worst, "clips": clips })
}

fn clip(folder: &Path, clip: &ClipLink<'_>) -> Value {
    let file = clip.path.and_then(|path| path.canonicalize().ok()).map(|path| relative_url(folder, &path));
    let artist = clip.group.map(group_name);
    json!({ "id": clip.id, "artist": artist, "file": file })
}

type Points = Vec<[f64; 2]>;

fn curves(ranking: &Ranking) -> (Points, Points) {
    let roc = ranking.roc_curve();
    let roc: Points =
        roc.false_positive_rate.iter().zip(&roc.true_positive_rate).map(|(&x, &y)| [x, y]).collect();
    let precision = ranking.precision_recall().steps().into_iter().map(|(x, y)| [x, y]).collect();
    (thinned(roc), thinned(precision))
}

/// At most about [`POINTS`] of them, those that are farthest from each other, and both ends.
fn thinned(points: Points) -> Points {
    let round = |[x, y]: [f64; 2]| [rounded(x), rounded(y)];
    let far = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() + (a[1] - b[1]).abs();
    // From one corner to another a curve goes 2 along both axes, if it never turns back.
    let way: f64 = points.windows(2).map(|pair| far(pair[0], pair[1])).sum();
    let step = way / POINTS as f64;
    let mut kept: Points = Vec::new();
    for (place, &point) in points.iter().enumerate() {
        if place + 1 == points.len() || kept.last().is_none_or(|&last| far(last, point) >= step) {
            kept.push(point);
        }
    }
    kept.into_iter().map(round).collect()
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
