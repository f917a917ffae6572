//! Clips that show what a model hears well and what it does not.
use serde::Serialize;

use crate::eval::Scores;

/// A clip, and the probability that it got.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Its number.
    pub clip: usize,
    /// Of the tag; or, of a whole clip, how well it is heard.
    pub p: f64,
}

/// Clips that say most of one tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TagExamples {
    /// With the tag and given it: the highest probabilities.
    pub hits: Vec<Example>,
    /// With the tag and not given it: the lowest.
    pub misses: Vec<Example>,
    /// Without the tag and given it all the same: the highest.
    pub false_alarms: Vec<Example>,
}

/// At most so many of each.
const EACH: usize = 3;

/// The examples of a tag, which is given from a threshold on.
pub(super) fn of_tag(scores: &Scores, tag: usize, threshold: f64) -> TagExamples {
    let mut positives: Vec<Example> = Vec::new();
    let mut negatives: Vec<Example> = Vec::new();
    for (clip, p, present) in scores.labelled(tag) {
        if present { &mut positives } else { &mut negatives }.push(Example { clip, p });
    }
    // By clip among equals, so that a report is the same every time.
    let falling = |a: &Example, b: &Example| b.p.total_cmp(&a.p).then(a.clip.cmp(&b.clip));
    positives.sort_by(falling);
    negatives.sort_by(falling);
    let given = |example: &Example| example.p >= threshold;
    TagExamples {
        hits: positives.iter().copied().filter(given).take(EACH).collect(),
        misses: positives.iter().rev().copied().filter(|example| !given(example)).take(EACH).collect(),
        false_alarms: negatives.into_iter().filter(given).take(EACH).collect(),
    }
}

/// Clips by how much the model lost on them, its mean cross-entropy in nats over the tags that they are labelled for, each
/// weighted so that yes and no count alike: the best first and the worst first, at most `each`, none in both.
pub(super) fn of_clips(scores: &Scores, each: usize) -> (Vec<Example>, Vec<Example>) {
    let tags = scores.tags().len();
    let rate = |tag: usize| {
        let (all, yes) =
            scores.labelled(tag).fold((0, 0), |(all, yes), (_, _, is)| (all + 1, yes + usize::from(is)));
        (yes > 0 && yes < all).then(|| yes as f64 / all as f64)
    };
    let rates: Vec<Option<f64>> = (0..tags).map(rate).collect();
    let loss = |clip: usize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (tag, rate) in rates.iter().enumerate() {
            let (label, p) =
                (scores.truth()[clip * tags + tag], f64::from(scores.probabilities()[clip * tags + tag]));
            let Some(rate) = rate.filter(|_| !label.is_nan()) else { continue };
            let p = p.clamp(1e-6, 1.0 - 1e-6);
            let (weight, loss) = if label >= scores.positive_threshold() {
                (0.5 / rate, -p.ln())
            } else {
                (0.5 / (1.0 - rate), -(1.0 - p).ln())
            };
            sum += weight * loss;
            weights += weight;
        }
        (weights > 0.0).then(|| sum / weights)
    };
    let mut all: Vec<Example> =
        (0..scores.clips()).filter_map(|clip| Some(Example { clip, p: loss(clip)? })).collect();
    all.sort_by(|a, b| a.p.total_cmp(&b.p).then(a.clip.cmp(&b.clip)));
    let best: Vec<Example> = all.iter().copied().take(each.min(all.len() / 2)).collect();
    let worst = all.iter().rev().copied().take(each.min(all.len() - best.len())).collect();
    (best, worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_and_the_most_mistaken_are_shown() {
        let truth = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, f32::NAN];
        let p = [0.9, 0.2, 0.8, 0.7, 0.6, 0.05, 0.99];
        let scores = Scores::new(vec!["a".into()], 7, truth.into(), p.into()).unwrap();
        let examples = of_tag(&scores, 0, 0.5);
        let clips = |examples: &[Example]| examples.iter().map(|example| example.clip).collect::<Vec<_>>();
        assert_eq!(clips(&examples.hits), [0, 2, 3]);
        assert_eq!(clips(&examples.misses), [1]);
        assert_eq!(clips(&examples.false_alarms), [4]);
        let (best, worst) = of_clips(&scores, 2);
        assert_eq!((clips(&best), clips(&worst)), (vec![5, 0], vec![1, 4]));
        let (best, worst) = of_clips(&scores, 5);
        assert_eq!((best.len(), worst.len()), (3, 3));
    }
}
