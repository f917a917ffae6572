//! Interval of the mean AUC by resampling clips: Efron & Tibshirani, "An Introduction to the Bootstrap" (1993),
//! the percentile interval.
//!
//! Clips are drawn, or groups of them where songs of one artist are not independent, and not (clip, tag) pairs, so that what ties tags together in a clip stays together. Each tag is
//! sorted once; a resample is a count per clip, and its AUC one pass over the sorted clips in integers.
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::scores::Scores;

/// The mean AUC over tags with the 95 % percentile interval of its bootstrap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Mean AUC of the scores themselves, over the tags that have one.
    pub mean_auc: f64,
    pub low: f64,
    pub high: f64,
    /// Resamples in which at least one tag had an AUC.
    pub resamples: usize,
}

/// One tag's labelled clips by rising score: the clip's number, and two flags below it.
struct Sorted(Vec<u32>);

const POSITIVE: u32 = 1;
/// The clip's score is higher than that of the clip before it.
const RISES: u32 = 2;

impl Sorted {
    fn new(scores: &Scores, tag: usize) -> Self {
        let mut clips: Vec<(usize, f64, bool)> = scores.labelled(tag).collect();
        clips.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
        let mut before = f64::NEG_INFINITY;
        let packed = clips.into_iter().map(|(clip, score, positive)| {
            let rises = if score > before { RISES } else { 0 };
            before = score;
            (clip as u32) << 2 | rises | if positive { POSITIVE } else { 0 }
        });
        Self(packed.collect())
    }

    /// AUC where clip `i` is there `counts[i]` times; `None` without positives or without negatives.
    fn auc(&self, counts: &[u32]) -> Option<f64> {
        // Of the clips so far: positives, negatives, negatives before the present score; and twice the number
        // of ordered pairs, where a positive counts the negatives below its score twice and those of its score
        // once: 2 below + tied = below + (below + tied).
        let (mut positives, mut negatives, mut below, mut twice) = (0u64, 0u64, 0u64, 0u64);
        let mut tied_positives = 0u64;
        for &packed in &self.0 {
            let count = u64::from(counts[(packed >> 2) as usize]);
            if packed & RISES != 0 {
                twice += tied_positives * (below + negatives);
                tied_positives = 0;
                below = negatives;
            }
            let present = u64::from(packed & POSITIVE);
            positives += count * present;
            tied_positives += count * present;
            negatives += count * (1 - present);
        }
        twice += tied_positives * (below + negatives);
        (positives > 0 && negatives > 0).then(|| twice as f64 / (2.0 * positives as f64 * negatives as f64))
    }
}

/// Bootstrap of the mean AUC over tags: `resamples` resamples of the clips, seeded, the same whatever the number
/// of threads. A tag that has no positive or no negative in a resample is skipped in that resample. The interval
/// is widened, if need be, to hold the estimate. `None` if no tag has an AUC.
pub fn mean_auc_interval(scores: &Scores, resamples: usize, seed: u64) -> Option<Bootstrap> {
    let Resampled { mean_auc, means } = mean_auc_resampled(scores, resamples, seed)?;
    let means: Vec<f64> = means.into_iter().flatten().collect();
    let (low, high) = percentile_interval(&means, mean_auc);
    Some(Bootstrap { mean_auc, low, high, resamples: means.len() })
}

/// The mean AUC over tags, and the same in each resample of the clips.
#[derive(Clone, Debug, PartialEq)]
pub struct Resampled {
    /// Of the scores themselves.
    pub mean_auc: f64,
    /// One per resample; none where no tag had an AUC. Resample `i` of the same seed holds the same clips for any
    /// scores of as many clips, so that two models can be compared resample by resample.
    pub means: Vec<Option<f64>>,
}

/// What [`mean_auc_interval`] takes its quantiles of.
pub fn mean_auc_resampled(scores: &Scores, resamples: usize, seed: u64) -> Option<Resampled> {
    let clips = scores.clips();
    let ones = vec![1; clips];
    let tags: Vec<Sorted> = (0..scores.tags().len())
        .into_par_iter()
        .map(|tag| Sorted::new(scores, tag))
        .filter(|sorted| sorted.auc(&ones).is_some())
        .collect();
    let mean_auc = mean(&tags, &ones)?;
    let means = (0..resamples as u64)
        .into_par_iter()
        .map(|resample| mean(&tags, &draw_by(seed, resample, clips, scores.groups())))
        .collect();
    Some(Resampled { mean_auc, means })
}

/// The same for groups that are drawn whole.
fn draw_by(seed: u64, resample: u64, clips: usize, groups: Option<&[u32]>) -> Vec<u32> {
    let Some(groups) = groups else { return draw(seed, resample, clips) };
    let count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let drawn = draw(seed, resample, count);
    groups.iter().map(|&group| drawn[group as usize]).collect()
}

/// How often each of `clips` clips is in a resample.
pub(super) fn draw(seed: u64, resample: u64, clips: usize) -> Vec<u32> {
    // A stream of its own for each resample: no order of work can change it.
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(resample);
    let mut counts = vec![0u32; clips];
    for _ in 0..clips {
        let clip = (u128::from(rng.next_u64()) * clips as u128) >> 64;
        counts[clip as usize] += 1;
    }
    counts
}

/// The middle 95 % of `values`, widened, if need be, to hold `estimate`.
pub fn percentile_interval(values: &[f64], estimate: f64) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let low = quantile(&sorted, 0.025).map_or(estimate, |low| low.min(estimate));
    let high = quantile(&sorted, 0.975).map_or(estimate, |high| high.max(estimate));
    (low, high)
}

fn mean(tags: &[Sorted], counts: &[u32]) -> Option<f64> {
    let aucs = tags.iter().filter_map(|tag| tag.auc(counts));
    let (sum, tags) = aucs.fold((0.0, 0u32), |(sum, tags), auc| (sum + auc, tags + 1));
    (tags > 0).then(|| sum / f64::from(tags))
}

/// Quantile of sorted values, linear between neighbours (numpy's default).
fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let place = at * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}
