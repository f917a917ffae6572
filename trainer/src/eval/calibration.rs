//! Calibration: whether probabilities mean what they say, and one line through the logits of each tag that makes them.
//!
//! Of all pieces that get 0.3, three in ten should have the tag; where the truth is a teacher's probability, its mean
//! over them should be 0.3. What is off by a shift and a stretch of the logit is mended by Platt's scaling (Platt:
//! Probabilistic outputs for support vector machines, 1999; Guo et al.: On calibration of modern neural networks, 2017),
//! which leaves the order of pieces, and so every AUC, as it was. It goes into the last layer and costs nothing.
use serde::{Deserialize, Serialize};

/// A tag's logits are multiplied and shifted by these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Above 0, so that the order stays.
    pub slope: f32,
    /// Added afterwards.
    pub intercept: f32,
}

impl Line {
    /// Nothing is changed.
    pub const NONE: Self = Self { slope: 1.0, intercept: 0.0 };

    /// A probability, moved along the line.
    pub fn of(self, p: f32) -> f32 {
        sigmoid(f64::from(self.slope) * logit(p) + f64::from(self.intercept)) as f32
    }
}

/// Strength of the pull towards [`Line::NONE`], in pieces: few pieces move little.
const PULL: f64 = 4.0;
/// Slopes are kept in here: a line that is fitted to noise may be flat or fall.
const SLOPES: [f64; 2] = [0.2, 5.0];
/// Probabilities are kept this far from 0 and 1 before their logits are taken.
const FLOOR: f64 = 1e-6;

/// The line for one tag that makes the cross-entropy of its probabilities against the truth (0 to 1; NaN is left out)
/// least, by Newton's method.
pub fn fit(pieces: impl Iterator<Item = (f32, f32)>) -> Line {
    let pieces: Vec<(f64, f64)> =
        pieces.filter(|(_, truth)| !truth.is_nan()).map(|(p, truth)| (logit(p), f64::from(truth))).collect();
    let (mut slope, mut intercept) = (1.0, 0.0);
    for _ in 0..50 {
        // The gradient and the Hessian of the sum, and of the pull.
        let (mut g, mut h) = ([PULL * (slope - 1.0), PULL * intercept], [PULL, 0.0, PULL]);
        for &(x, truth) in &pieces {
            let p = sigmoid(slope * x + intercept);
            let (error, weight) = (p - truth, p * (1.0 - p));
            g[0] += error * x;
            g[1] += error;
            h[0] += weight * x * x;
            h[1] += weight * x;
            h[2] += weight;
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        // Halved where it is long: far from the minimum the curvature is that of a flat place.
        let shorter = 1.0 / (step[0].abs().max(step[1].abs()) / 2.0).max(1.0);
        slope = (slope - shorter * step[0]).clamp(SLOPES[0], SLOPES[1]);
        intercept -= shorter * step[1];
        if step[0].abs().max(step[1].abs()) < 1e-9 {
            break;
        }
    }
    Line { slope: slope as f32, intercept: intercept as f32 }
}

/// Where probabilities are counted together: narrow where most tags' probabilities are.
const EDGES: [f32; 13] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0];

/// What was answered and what was true, over all tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Answers counted: pieces times tags.
    pub answers: usize,
    /// Mean over the answers of how far the mean truth of an answer's bin is from the bin's mean probability
    /// (expected calibration error).
    pub expected_error: f64,
    /// Mean over the tags of how far the tag's mean probability is from its mean truth.
    pub tag_error: f64,
    /// Mean cross-entropy in nats.
    pub cross_entropy: f64,
    /// Bins that any answer is in.
    pub bins: Vec<ReliabilityBin>,
}

/// Answers of about one probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Probabilities from here
    pub from: f32,
    /// to here.
    pub to: f32,
    /// How many.
    pub answers: usize,
    /// Their mean.
    pub probability: f64,
    /// Mean of the truth.
    pub truth: f64,
}

/// Counts probabilities [pieces, tags] against the truth of the same shape, NaN where there is none; None where there is
/// nowhere any.
pub fn reliability(probabilities: &[f32], truth: &[f32], tags: usize) -> Option<Reliability> {
    let mut bins = vec![(0usize, 0.0f64, 0.0f64); EDGES.len() - 1];
    let mut of_tags = vec![(0usize, 0.0f64); tags];
    let mut cross_entropy = 0.0;
    for (place, (&p, &t)) in probabilities.iter().zip(truth).enumerate().filter(|(_, (_, t))| !t.is_nan()) {
        let bin = EDGES[1..EDGES.len() - 1].partition_point(|edge| *edge <= p);
        let (wide, t) = (f64::from(p), f64::from(t));
        bins[bin].0 += 1;
        bins[bin].1 += wide;
        bins[bin].2 += t;
        of_tags[place % tags].0 += 1;
        of_tags[place % tags].1 += wide - t;
        let safe = wide.clamp(FLOOR, 1.0 - FLOOR);
        cross_entropy -= t * safe.ln() + (1.0 - t) * (1.0 - safe).ln();
    }
    let answers: usize = bins.iter().map(|bin| bin.0).sum();
    if answers == 0 {
        return None;
    }
    let labelled: Vec<f64> =
        of_tags.iter().filter(|tag| tag.0 > 0).map(|tag| (tag.1 / tag.0 as f64).abs()).collect();
    let filled = bins.iter().zip(EDGES.windows(2)).filter(|(bin, _)| bin.0 > 0);
    Some(Reliability {
        answers,
        expected_error: bins.iter().map(|bin| (bin.1 - bin.2).abs()).sum::<f64>() / answers as f64,
        tag_error: labelled.iter().sum::<f64>() / labelled.len() as f64,
        cross_entropy: cross_entropy / answers as f64,
        bins: filled
            .map(|(&(count, p, t), edges)| ReliabilityBin {
                from: edges[0],
                to: edges[1],
                answers: count,
                probability: p / count as f64,
                truth: t / count as f64,
            })
            .collect(),
    })
}

/// The threshold that as many pieces reach as are expected to have the tag: the sum of the truth, at least one. Halfway
/// between two probabilities; None without any truth.
///
/// Where the truth is a teacher's probabilities, few of which ever pass a half, a threshold that counts yes and no has
/// nothing to count; the number of pieces that the teacher expects is there all the same.
pub fn threshold_by_expectation(pieces: impl Iterator<Item = (f32, f32)>) -> Option<f32> {
    let mut pieces: Vec<(f32, f32)> = pieces.filter(|(_, truth)| !truth.is_nan()).collect();
    pieces.sort_by(|a, b| b.0.total_cmp(&a.0));
    let expected: f64 = pieces.iter().map(|(_, truth)| f64::from(*truth)).sum();
    let count = (expected.round() as usize).clamp(1, pieces.len().max(1));
    let last = pieces.get(count - 1)?.0;
    Some(pieces.get(count).map_or(last, |next| last + (next.0 - last) / 2.0))
}

fn logit(p: f32) -> f64 {
    let p = f64::from(p).clamp(FLOOR, 1.0 - FLOOR);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces whose truth is a line through their logits.
    fn bent(slope: f64, intercept: f64) -> Vec<(f32, f32)> {
        let p = (1..400).map(|i| i as f32 / 400.0);
        p.map(|p| (p, sigmoid(slope * logit(p) + intercept) as f32)).collect()
    }

    #[test]
    fn a_line_is_found() {
        for (slope, intercept) in [(1.0, 0.0), (0.6, -1.0), (1.7, 0.8), (1.0, -4.0)] {
            // Many of them, so that the pull is nothing.
            let pieces: Vec<_> = bent(slope, intercept).into_iter().cycle().take(200_000).collect();
            let line = fit(pieces.iter().copied());
            let far = (f64::from(line.slope) - slope).abs() + (f64::from(line.intercept) - intercept).abs();
            assert!(far < 0.01, "{line:?} for {slope} {intercept}");
            let moved: Vec<f32> = pieces.iter().map(|(p, _)| line.of(*p)).collect();
            let (before, truth): (Vec<f32>, Vec<f32>) = pieces.into_iter().unzip();
            let of = |p: &[f32]| reliability(p, &truth, 1).unwrap();
            assert!(of(&moved).expected_error < 1e-3);
            assert!(of(&moved).cross_entropy <= of(&before).cross_entropy + 1e-9);
        }
    }

    #[test]
    fn nothing_and_noise_move_nothing_much() {
        assert_eq!(fit(std::iter::empty()), Line::NONE);
        assert_eq!(fit([(0.2, f32::NAN)].into_iter()), Line::NONE);
        let one = fit([(0.2, 1.0)].into_iter());
        assert!(one.slope > 0.5 && one.slope < 1.5 && one.intercept > 0.0 && one.intercept < 0.5, "{one:?}");
        // Truth that falls where probabilities rise: the order stays.
        let falling = fit(bent(-1.0, 0.0).into_iter());
        assert!(falling.slope > 0.0);
        assert!(fit(bent(50.0, 0.0).into_iter()).slope.is_finite());
    }

    #[test]
    fn errors_are_counted_by_bin_and_by_tag() {
        // Two tags: one is said 0.25 and true half the time, the other is right; a missing label counts nowhere.
        let p = [0.25, 0.7, 0.25, 0.7, 0.99, 0.7];
        let truth = [0.0, 0.7, 1.0, 0.7, f32::NAN, 0.7];
        let found = reliability(&p, &truth, 2).unwrap();
        assert_eq!(found.answers, 5);
        assert!((found.expected_error - 0.1).abs() < 1e-6, "{found:?}");
        assert!((found.tag_error - 0.125).abs() < 1e-6, "{found:?}");
        assert_eq!(found.bins.len(), 2);
        assert_eq!((found.bins[0].from, found.bins[0].to, found.bins[0].answers), (0.2, 0.3, 2));
        assert_eq!(reliability(&[0.5], &[f32::NAN], 1), None);
        // 1 is in the last bin.
        assert_eq!(reliability(&[1.0], &[1.0], 1).unwrap().bins[0].to, 1.0);
    }

    #[test]
    fn as_many_reach_a_threshold_as_are_expected() {
        let of = |pieces: &[(f32, f32)]| threshold_by_expectation(pieces.iter().copied());
        let pieces = [(0.1, 0.2), (0.4, 0.6), (0.3, 0.9), (0.2, 0.3), (0.9, f32::NAN)];
        assert!((of(&pieces).unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(of(&[(0.1, 0.01), (0.2, 0.01)]), Some(0.15), "one at least");
        assert_eq!(of(&[(0.1, 0.9), (0.2, 0.9)]), Some(0.1), "all of them");
        assert_eq!(of(&[]), None);
    }
}
