//! Which tags go together, for people and for the model, and which it cannot tell apart.
use serde::Serialize;

use crate::eval::{Ranking, Scores};
use crate::plot::Matrix;

/// Two tags that the model gives to the same clips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Siblings {
    /// The one
    pub a: String,
    /// and the other.
    pub b: String,
    /// Correlation over the clips of the model's logits for both.
    pub correlation: f64,
    /// Clips that people gave both, only the one, only the other.
    pub both: usize,
    pub only_a: usize,
    pub only_b: usize,
    /// Of the clips that have one of them alone, how well the difference of both logits says which: an AUC, 0.5 by chance.
    pub told_apart: f64,
    /// Share of the clips that have `a` alone that the model gives `b`, too, at its threshold; and the other way round.
    pub a_heard_as_b: f64,
    pub b_heard_as_a: f64,
}

/// Fewer clips that have one of two tags alone say nothing of the pair.
const LEAST: usize = 3;

/// What is asked of the clips: labels, answers, and the thresholds of the tags.
pub(super) struct Tags<'s> {
    scores: &'s Scores,
    thresholds: &'s [f64],
    /// Logits by tag, each of mean 0 and length 1 over the clips; of a tag without any difference all 0.
    columns: Vec<Vec<f64>>,
    /// Tags in an order in which those that go together are neighbours.
    order: Vec<usize>,
}

impl<'s> Tags<'s> {
    /// `thresholds` are by tag of the scores.
    pub fn new(scores: &'s Scores, thresholds: &'s [f64]) -> Self {
        let mut tags = Self { scores, thresholds, columns: Vec::new(), order: Vec::new() };
        tags.columns = tags.columns();
        tags.order = tags.in_order();
        tags
    }

    fn count(&self) -> usize {
        self.scores.tags().len()
    }

    /// Whether people gave a clip a tag; nothing where they were not asked.
    fn has(&self, clip: usize, tag: usize) -> Option<bool> {
        let label = self.scores.truth()[clip * self.count() + tag];
        (!label.is_nan()).then_some(label >= self.scores.positive_threshold())
    }

    fn p(&self, clip: usize, tag: usize) -> f64 {
        f64::from(self.scores.probabilities()[clip * self.count() + tag])
    }

    fn heard(&self, clip: usize, tag: usize) -> bool {
        self.p(clip, tag) >= self.thresholds[tag]
    }

    fn logit(&self, clip: usize, tag: usize) -> f64 {
        let p = self.p(clip, tag).clamp(1e-6, 1.0 - 1e-6);
        (p / (1.0 - p)).ln()
    }

    fn columns(&self) -> Vec<Vec<f64>> {
        let clips = self.scores.clips();
        let column = |tag: usize| {
            let mut column: Vec<f64> = (0..clips).map(|clip| self.logit(clip, tag)).collect();
            let mean = column.iter().sum::<f64>() / clips as f64;
            column.iter_mut().for_each(|value| *value -= mean);
            let length = column.iter().map(|value| value * value).sum::<f64>().sqrt();
            let scale = if length > 1e-9 { 1.0 / length } else { 0.0 };
            column.iter_mut().for_each(|value| *value *= scale);
            column
        };
        (0..self.count()).map(column).collect()
    }

    /// From the tag that has most clips on, each time the one that resembles the last one most.
    fn in_order(&self) -> Vec<usize> {
        let columns = &self.columns;
        let mut left: Vec<usize> = (0..self.count()).collect();
        let positives =
            |tag: usize| (0..self.scores.clips()).filter(|&clip| self.has(clip, tag) == Some(true)).count();
        left.sort_by_cached_key(|&tag| (std::cmp::Reverse(positives(tag)), tag));
        let mut order = vec![left.remove(0)];
        while !left.is_empty() {
            let last = &columns[order[order.len() - 1]];
            let near = (0..left.len())
                .max_by(|&a, &b| dot(last, &columns[left[a]]).total_cmp(&dot(last, &columns[left[b]])));
            order.push(left.remove(near.unwrap_or(0)));
        }
        order
    }

    fn matrix(&self, value: impl Fn(usize, usize) -> f64) -> Matrix {
        let pairs = self.order.iter().flat_map(|&row| self.order.iter().map(move |&column| (row, column)));
        Matrix {
            names: self.order.iter().map(|&tag| self.scores.tags()[tag].clone()).collect(),
            values: pairs.map(|(row, column)| value(row, column)).collect(),
        }
    }

    /// Of the clips that people gave the row's tag, the share that they gave the column's.
    pub fn together_for_people(&self) -> Matrix {
        self.matrix(|row, column| self.share(|clip| Some((self.has(clip, row)?, self.has(clip, column)?))))
    }

    /// The same for what the model gives at its thresholds.
    pub fn together_for_the_model(&self) -> Matrix {
        self.matrix(|row, column| self.share(|clip| Some((self.heard(clip, row), self.heard(clip, column)))))
    }

    /// Of the clips that people gave the row's tag and not the column's, the share that the model gives the column's.
    pub fn confusion(&self) -> Matrix {
        self.matrix(|row, column| self.share(|clip| self.heard_wrongly(clip, row, column)))
    }

    /// Whether a clip has `tag` and not `other`, and whether `other` is heard.
    fn heard_wrongly(&self, clip: usize, tag: usize, other: usize) -> Option<(bool, bool)> {
        Some((self.has(clip, tag)? && !self.has(clip, other)?, self.heard(clip, other)))
    }

    /// Of the clips for which the first is true, the share for which the second is; no number where there are fewer than
    /// [`LEAST`].
    fn share(&self, of: impl Fn(usize) -> Option<(bool, bool)>) -> f64 {
        let counted = (0..self.scores.clips()).filter_map(of).filter(|(asked, _)| *asked);
        let (all, with) = counted.fold((0, 0), |(all, with), (_, is)| (all + 1, with + usize::from(is)));
        if all < LEAST { f64::NAN } else { with as f64 / all as f64 }
    }

    /// The pairs that the model's answers tie together most, at most so many.
    pub fn siblings(&self, most: usize) -> Vec<Siblings> {
        let columns = &self.columns;
        let mut pairs: Vec<(usize, usize, f64)> = (0..self.count())
            .flat_map(|a| (a + 1..self.count()).map(move |b| (a, b)))
            .map(|(a, b)| (a, b, dot(&columns[a], &columns[b])))
            .filter(|(_, _, correlation)| *correlation > 0.0)
            .collect();
        pairs.sort_by(|x, y| y.2.total_cmp(&x.2));
        pairs.into_iter().filter_map(|(a, b, correlation)| self.pair(a, b, correlation)).take(most).collect()
    }

    fn pair(&self, a: usize, b: usize, correlation: f64) -> Option<Siblings> {
        let labelled: Vec<(usize, bool, bool)> = (0..self.scores.clips())
            .filter_map(|clip| Some((clip, self.has(clip, a)?, self.has(clip, b)?)))
            .collect();
        let count = |wanted: (bool, bool)| labelled.iter().filter(|(_, a, b)| (*a, *b) == wanted).count();
        let (only_a, only_b) = (count((true, false)), count((false, true)));
        if only_a < LEAST || only_b < LEAST {
            return None;
        }
        let one = labelled.iter().filter(|(_, a, b)| a != b);
        let apart =
            Ranking::new(one.map(|&(clip, has_a, _)| (self.logit(clip, a) - self.logit(clip, b), has_a)));
        let tags = self.scores.tags();
        Some(Siblings {
            a: tags[a].clone(),
            b: tags[b].clone(),
            correlation,
            both: count((true, true)),
            only_a,
            only_b,
            told_apart: apart.ok()?.auc(),
            a_heard_as_b: self.share(|clip| self.heard_wrongly(clip, a, b)),
            b_heard_as_a: self.share(|clip| self.heard_wrongly(clip, b, a)),
        })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 clips: `a` and `b` are heard alike whoever has them, `c` is told from both.
    fn scores() -> Scores {
        let (mut truth, mut p) = (Vec::new(), Vec::new());
        for clip in 0..40 {
            let group = clip % 4;
            let (a, b, c) = (group == 0 || group == 1, group == 1 || group == 2, group == 3);
            truth.extend([a, b, c].map(|is| f32::from(u8::from(is))));
            let jitter = (clip % 7) as f32 * 0.01;
            let pop = if c { 0.1 } else { 0.8 };
            p.extend([pop + jitter, pop + jitter, 0.9 - pop]);
        }
        Scores::new(["a", "b", "c"].map(Into::into).into(), 40, truth, p).unwrap()
    }

    #[test]
    fn tags_that_are_heard_alike_are_siblings() {
        let scores = scores();
        let tags = Tags::new(&scores, &[0.5; 3]);
        let pairs = tags.siblings(5);
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        let pair = &pairs[0];
        assert_eq!((pair.a.as_str(), pair.b.as_str()), ("a", "b"));
        assert_eq!((pair.both, pair.only_a, pair.only_b), (10, 10, 10));
        assert_eq!((pair.told_apart, pair.a_heard_as_b, pair.b_heard_as_a), (0.5, 1.0, 1.0));
        assert!(pair.correlation > 0.999);
        // Neighbours stand together, and each matrix says what it should.
        let people = tags.together_for_people();
        assert_eq!(people.names, ["a", "b", "c"]);
        assert_eq!(people.values, [1.0, 0.5, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(tags.together_for_the_model().values, [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let confusion = tags.confusion().values;
        assert!(confusion[0].is_nan() && confusion[1] == 1.0 && confusion[2] == 0.0);
    }

    #[test]
    fn what_was_not_asked_counts_nowhere() {
        let scores = scores();
        let mut truth = scores.truth().to_vec();
        truth.chunks_mut(3).for_each(|clip| clip[1] = f32::NAN);
        let names = scores.tags().to_vec();
        let scores = Scores::new(names, 40, truth, scores.probabilities().to_vec()).unwrap();
        let tags = Tags::new(&scores, &[0.5; 3]);
        assert!(tags.siblings(5).is_empty());
        let people = tags.together_for_people();
        assert!(people.values.iter().filter(|value| value.is_nan()).count() >= 5, "{people:?}");
    }
}
