//! Two models on the same clips: how much one of them lacks of the other.
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::bootstrap::{mean_auc_resampled, percentile_interval};
use super::delong::auc_interval;
use super::paired::auc_difference_interval;
use super::report::{EvalError, LeftOut};
use super::scores::Scores;

/// A model beside another one, a student beside its teacher say, on the tags that both have and that can be scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Name of the other model.
    pub model: String,
    /// Clips scored.
    pub clips: usize,
    /// Of the model itself, over the tags below.
    pub mean_auc: f64,
    pub mean_auc_ci95: [f64; 2],
    /// Of the other model.
    pub beside_mean_auc: f64,
    pub beside_mean_auc_ci95: [f64; 2],
    /// Of the means: the model less the other. Its interval is of pairs: both are drawn on the same clips.
    pub difference: f64,
    pub difference_ci95: [f64; 2],
    /// Excess over chance, `(mean_auc - 0.5) / (beside_mean_auc - 0.5)`; absent where the other model is not above chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Absent too where the other model is not above chance in every draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_ci95: Option<[f64; 2]>,
    pub tags: Vec<BesideTag>,
    /// Tags that are not compared, and why.
    pub left_out: Vec<LeftOut>,
    pub resamples: usize,
    pub seed: u64,
}

/// One tag of [`Beside`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BesideTag {
    pub tag: String,
    pub positives: u64,
    pub labelled: u64,
    pub auc: f64,
    pub ci95: [f64; 2],
    pub beside_auc: f64,
    pub beside_ci95: [f64; 2],
    /// Of the difference of both, in pairs, by DeLong; absent where it is undefined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_ci95: Option<[f64; 2]>,
}

/// Sets `scores` beside those of the model called `name`, on the tags in common, by resampling clips in pairs.
///
/// # Errors
/// When they are not of the same clips and labels, or no tag in common can be scored.
pub fn beside(
    scores: &Scores,
    name: &str,
    other: &Scores,
    (resamples, seed): (usize, u64),
) -> Result<Beside, EvalError> {
    let lacks = |tag: &String, reason: &str| LeftOut { tag: tag.clone(), reason: reason.into() };
    let (common, alone): (Vec<String>, Vec<String>) =
        scores.tags().iter().cloned().partition(|tag| other.tag_index(tag).is_some());
    let mut left_out: Vec<LeftOut> =
        alone.iter().map(|tag| lacks(tag, "the other model has no such tag")).collect();
    let strange = other.tags().iter().filter(|tag| scores.tag_index(tag).is_none());
    left_out.extend(strange.map(|tag| lacks(tag, "this model has no such tag")));
    if common.is_empty() {
        return Err(EvalError::NothingToScore(left_out));
    }
    let [ours, theirs] =
        [scores, other].map(|scores| scores.only(&common).map_err(|_| EvalError::OtherClips));
    let ours = ours?;
    // The same draws for both.
    let theirs = theirs?.with_groups_of(&ours);
    let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    if ours.clips() != theirs.clips() || !ours.truth().iter().zip(theirs.truth()).all(same) {
        return Err(EvalError::OtherClips);
    }
    let mut tags = Vec::new();
    for (place, tag) in common.iter().enumerate() {
        match (ours.ranking(place), theirs.ranking(place)) {
            (Ok(mine), Ok(its)) => {
                let (a, b) = (auc_interval(&mine), auc_interval(&its));
                tags.push(BesideTag {
                    tag: tag.clone(),
                    positives: mine.positives(),
                    labelled: mine.labelled(),
                    auc: a.auc,
                    ci95: [a.low, a.high],
                    beside_auc: b.auc,
                    beside_ci95: [b.low, b.high],
                    difference_ci95: auc_difference_interval(
                        &answers(&ours, place),
                        &answers(&theirs, place),
                    ),
                });
            }
            (Err(reason), _) | (_, Err(reason)) => left_out.push(lacks(tag, &reason.to_string())),
        }
    }
    let both = mean_auc_resampled(&ours, resamples, seed).zip(mean_auc_resampled(&theirs, resamples, seed));
    let Some((a, b)) = both else { return Err(EvalError::NothingToScore(left_out)) };
    let pairs: Vec<(f64, f64)> = a.means.iter().zip(&b.means).filter_map(|(a, b)| (*a).zip(*b)).collect();
    let interval = |of: &dyn Fn(&(f64, f64)) -> f64, estimate: f64| {
        let (low, high) = percentile_interval(&pairs.iter().map(of).collect::<Vec<_>>(), estimate);
        [low, high]
    };
    let excess = |(a, b): &(f64, f64)| (a - 0.5) / (b - 0.5);
    let means = (a.mean_auc, b.mean_auc);
    let ratio = (means.1 > 0.5).then(|| excess(&means));
    let steady = pairs.iter().all(|(_, b)| *b > 0.5);
    Ok(Beside {
        model: name.into(),
        clips: ours.clips(),
        mean_auc: means.0,
        mean_auc_ci95: interval(&|pair| pair.0, means.0),
        beside_mean_auc: means.1,
        beside_mean_auc_ci95: interval(&|pair| pair.1, means.1),
        difference: means.0 - means.1,
        difference_ci95: interval(&|(a, b)| a - b, means.0 - means.1),
        ratio,
        ratio_ci95: ratio.filter(|_| steady).map(|ratio| interval(&excess, ratio)),
        tags,
        left_out,
        resamples: pairs.len(),
        seed,
    })
}

/// `(probability, present)` of the labelled clips of a tag.
fn answers(scores: &Scores, tag: usize) -> Vec<(f64, bool)> {
    scores.labelled(tag).map(|(_, p, present)| (p, present)).collect()
}

/// The comparison as lines of text: tags from best to worst of the other model, then the means.
pub fn beside_table(beside: &Beside) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut text, beside);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn write_table(out: &mut String, beside: &Beside) -> std::fmt::Result {
    let interval = |[low, high]: [f64; 2]| format!("{low:.3} - {high:.3}");
    writeln!(out, "beside {}, {} clips", beside.model, beside.clips)?;
    writeln!(
        out,
        "\n{:26} {:>11}  {:22}  {:22}  {:>6}  in pairs",
        "tag", "positives", "AUC, 95 % CI", "beside", ""
    )?;
    let rule = "-".repeat(114);
    writeln!(out, "{rule}")?;
    let mut tags: Vec<&BesideTag> = beside.tags.iter().collect();
    tags.sort_by(|a, b| b.beside_auc.total_cmp(&a.beside_auc).then_with(|| a.tag.cmp(&b.tag)));
    for tag in tags {
        let name: String = tag.tag.chars().map(|c| if c.is_control() { ' ' } else { c }).take(26).collect();
        writeln!(
            out,
            "{name:26} {:>11}  {:.3}  {:15}  {:.3}  {:15}  {:+.3}  {}",
            format!("{}/{}", tag.positives, tag.labelled),
            tag.auc,
            interval(tag.ci95),
            tag.beside_auc,
            interval(tag.beside_ci95),
            tag.auc - tag.beside_auc,
            tag.difference_ci95.map_or(String::new(), |[low, high]| format!("{low:+.3} to {high:+.3}"))
        )?;
    }
    writeln!(out, "{rule}")?;
    writeln!(
        out,
        "{:26} {:>11}  {:.3}  {:15}  {:.3}  {:15}  {:+.3}",
        "mean",
        format!("{} tags", beside.tags.len()),
        beside.mean_auc,
        interval(beside.mean_auc_ci95),
        beside.beside_mean_auc,
        interval(beside.beside_mean_auc_ci95),
        beside.difference
    )?;
    writeln!(
        out,
        "difference {:+.4}  ({:+.4} to {:+.4})",
        beside.difference, beside.difference_ci95[0], beside.difference_ci95[1]
    )?;
    match (beside.ratio, beside.ratio_ci95) {
        (Some(ratio), Some([low, high])) => {
            writeln!(out, "excess over chance, of the other's: {ratio:.3}  ({low:.3} to {high:.3})")?;
        }
        (Some(ratio), None) => writeln!(out, "excess over chance, of the other's: {ratio:.3}")?,
        (None, _) => writeln!(out, "the other model is not above chance: no share of its excess to tell")?,
    }
    if !beside.left_out.is_empty() {
        writeln!(out, "not compared:")?;
        for one in &beside.left_out {
            writeln!(out, "  {}: {}", one.tag, one.reason)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(tags: &[&str], flip: f32) -> Scores {
        let (mut truth, mut p) = (Vec::new(), Vec::new());
        for clip in 0..40usize {
            for tag in 0..tags.len() {
                let there = (clip + tag) % 3 == 0;
                truth.push(f32::from(u8::from(there)));
                let noise = ((clip * 7 + tag * 3) % 10) as f32 / 10.0;
                p.push((if there { 0.6 } else { 0.3 }) * (1.0 - flip) + flip * noise);
            }
        }
        Scores::new(tags.iter().map(|tag| tag.to_string()).collect(), 40, truth, p).unwrap()
    }

    #[test]
    fn a_model_beside_itself_has_all_of_its_excess() {
        let scores = scores(&["a", "b", "c"], 0.3);
        let beside = beside(&scores, "twin", &scores, (200, 1)).unwrap();
        assert_eq!((beside.difference, beside.difference_ci95), (0.0, [0.0, 0.0]));
        assert_eq!((beside.ratio, beside.ratio_ci95), (Some(1.0), Some([1.0, 1.0])));
        assert!(beside.mean_auc > 0.5 && beside.mean_auc_ci95[0] < beside.mean_auc_ci95[1]);
        assert_eq!(beside.tags.len(), 3);
    }

    #[test]
    fn a_worse_model_has_less_and_tags_are_matched() {
        let (worse, better) = (scores(&["a", "B", "x"], 0.7), scores(&["A", "b", "y"], 0.3));
        // The third tags are others, and their labels with them.
        let beside = beside(&worse, "teacher", &better, (300, 1)).unwrap();
        let tags: Vec<&str> = beside.tags.iter().map(|tag| tag.tag.as_str()).collect();
        assert_eq!(tags, ["a", "B"]);
        let reasons: Vec<&str> = beside.left_out.iter().map(|one| one.tag.as_str()).collect();
        assert_eq!(reasons, ["x", "y"]);
        let ratio = beside.ratio.unwrap();
        let want = (beside.mean_auc - 0.5) / (beside.beside_mean_auc - 0.5);
        assert!((ratio - want).abs() < 1e-12 && ratio < 1.0);
        let [low, high] = beside.ratio_ci95.unwrap();
        assert!(low < ratio && ratio < high && beside.difference < 0.0);
        let text = beside_table(&beside);
        assert!(text.contains("teacher") && text.contains("excess over chance"), "{text}");
    }

    #[test]
    fn other_clips_are_refused() {
        let one = scores(&["a"], 0.2);
        let fewer = Scores::new(vec!["a".into()], 2, vec![1.0, 0.0], vec![0.5, 0.2]).unwrap();
        assert_eq!(beside(&one, "x", &fewer, (10, 1)), Err(EvalError::OtherClips));
        let strangers = scores(&["b"], 0.2);
        assert!(matches!(beside(&one, "x", &strangers, (10, 1)), Err(EvalError::NothingToScore(_))));
    }
}
