//! The report: what `metrics.json` holds. Scripts rely on the names and order of the fields; extras of ours
//! follow them. Meanings and formulas: `docs/metrics.md`.
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::agreement::Agreement;
use super::beside::Beside;
use super::bootstrap::mean_auc_interval;
use super::calibration::{Reliability, reliability};
use super::delong::{IntervalMethod, auc_interval};
use super::ranking::{Ranking, Undefined};
use super::robustness::Robustness;
use super::scores::Scores;
use super::threshold::{Confusion, choose_threshold};

/// Why there is no report.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EvalError {
    #[error("no tag can be scored: {}", reasons(.0))]
    NothingToScore(Vec<LeftOut>),
    #[error("the threshold given for tag {tag:?} is {value}, not a number from 0 to 1")]
    Threshold { tag: String, value: f64 },
    #[error("float32 and int8 scores are not of the same clips, tags and labels")]
    Unlike,
    #[error("two models that are compared were not scored on the same clips, tags and labels")]
    OtherClips,
}

fn reasons(left_out: &[LeftOut]) -> String {
    let shown: Vec<String> =
        left_out.iter().take(3).map(|one| format!("{}: {}", one.tag, one.reason)).collect();
    let more = if left_out.len() > shown.len() { ", and so on" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// One evaluation of one model on one part of one corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub model: String,
    pub corpus: String,
    pub clips: usize,
    pub mean_auc: f64,
    pub mean_auc_ci95: [f64; 2],
    pub tags: Vec<TagReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Report>,
    #[serde(default)]
    pub split: String,
    #[serde(default)]
    pub split_rule: String,
    #[serde(default)]
    pub mean_ap: f64,
    #[serde(default)]
    pub mean_auc_ci_method: MeanMethod,
    #[serde(default)]
    pub resamples: usize,
    #[serde(default)]
    pub seed: u64,
    #[serde(default = "default_positive_threshold")]
    pub positive_threshold: f32,
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// With the labels themselves, where they are soft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Agreement>,
    /// Another model on the same clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// How the windows of a clip made its probabilities: `mean` or `max`; absent for the mean of old reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<String>,
    /// Tags of the model that were scored under other names of the corpus: the model's, the corpus's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scored_as: Vec<[String; 2]>,
    /// `int8` where the figures are those of an int8 file, for there was no float one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// Over all tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Reliability>,
    /// On changed sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robustness: Option<Robustness>,
}

fn default_positive_threshold() -> f32 {
    Scores::DEFAULT_POSITIVE_THRESHOLD
}

/// One tag of an [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagReport {
    pub tag: String,
    pub auc: f64,
    pub ci95: [f64; 2],
    pub ap: f64,
    pub positives: u64,
    pub balanced_accuracy: f64,
    pub above_chance: bool,
    pub balanced_accuracy_ci95: [f64; 2],
    pub accuracy: f64,
    pub threshold: f64,
    pub threshold_from: ThresholdSource,
    pub labelled: u64,
    pub ci_method: IntervalMethod,
}

/// The int8 model against the float model on the same clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Int8Report {
    pub mean_auc: f64,
    /// int8 less float: below 0 where int8 is worse.
    pub auc_difference: f64,
    /// Over all clips and tags.
    pub max_abs_difference: f64,
}

/// A tag without figures, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub tag: String,
    pub reason: String,
}

/// Where a tag's threshold comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdSource {
    /// Chosen on the validation scores.
    Validation,
    /// Given by the caller: a model card's.
    Given,
    /// [`EvalOptions::FIXED_THRESHOLD`]: there was nothing to choose it on.
    Fixed,
}

/// How the interval of the mean AUC was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeanMethod {
    #[default]
    Bootstrap,
    /// The same with groups of clips (artists) drawn whole.
    BootstrapOverGroups,
    /// The mean of the tags' bounds, which is on the wide side: every resample gave the same mean (all tags
    /// perfect, say), or none was asked for, so the bootstrap has no width to tell.
    MeanOfTagIntervals,
}

/// What [`evaluate`] does and writes besides the scores.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// Resamples of the bootstrap.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Name of the part of the corpus that is scored, "test" by default.
    pub split: String,
    /// How the corpus was split, a sentence.
    pub split_rule: String,
    /// Thresholds chosen earlier, by tag without regard to case; used where validation gives none.
    pub thresholds: Vec<(String, f64)>,
    /// Tags left out before, at [`Scores::matched`] for example; they lead the list in the report.
    pub left_out: Vec<LeftOut>,
}

impl EvalOptions {
    /// The threshold where there is nothing to choose one on.
    pub const FIXED_THRESHOLD: f64 = 0.5;
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            resamples: 1000,
            seed: 0,
            split: "test".to_string(),
            split_rule: String::new(),
            thresholds: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// Scores `test`: every tag that has a positive and a negative clip, and their mean. Thresholds are chosen on
/// `validation` (tags matched by name), else taken from the options, else [`EvalOptions::FIXED_THRESHOLD`].
///
/// # Errors
/// No tag has both a positive and a negative clip; a given threshold is not within 0..=1.
pub fn evaluate(
    model: &str,
    corpus: &str,
    validation: Option<&Scores>,
    test: &Scores,
    options: &EvalOptions,
) -> Result<Evaluation, EvalError> {
    let mut left_out = options.left_out.clone();
    let mut tags = Vec::new();
    for (place, tag) in test.tags().iter().enumerate() {
        let (threshold, threshold_from) = threshold(tag, validation, options)?;
        match tag_report(tag, test.ranking(place), threshold, threshold_from) {
            Ok(report) => tags.push(report),
            Err(undefined) => left_out.push(LeftOut { tag: tag.clone(), reason: undefined.to_string() }),
        }
    }
    let Some(bootstrap) = mean_auc_interval(test, options.resamples, options.seed) else {
        return Err(EvalError::NothingToScore(left_out));
    };
    let mean = |of: fn(&TagReport) -> f64| tags.iter().map(of).sum::<f64>() / tags.len() as f64;
    let (mean_auc_ci95, mean_auc_ci_method) = if bootstrap.low < bootstrap.high {
        let drawn =
            if test.groups().is_some() { MeanMethod::BootstrapOverGroups } else { MeanMethod::Bootstrap };
        ([bootstrap.low, bootstrap.high], drawn)
    } else {
        ([mean(|tag| tag.ci95[0]), mean(|tag| tag.ci95[1])], MeanMethod::MeanOfTagIntervals)
    };
    Ok(Evaluation {
        model: model.to_string(),
        corpus: corpus.to_string(),
        clips: test.clips(),
        mean_auc: bootstrap.mean_auc,
        mean_auc_ci95,
        mean_ap: mean(|tag| tag.ap),
        tags,
        int8: None,
        split: options.split.clone(),
        split_rule: options.split_rule.clone(),
        mean_auc_ci_method,
        resamples: bootstrap.resamples,
        seed: options.seed,
        positive_threshold: test.positive_threshold(),
        left_out,
        seconds: None,
        agreement: Vec::new(),
        beside: None,
        aggregate: None,
        scored_as: Vec::new(),
        precision: None,
        calibration: reliability(test.probabilities(), test.truth(), test.tags().len()),
        robustness: None,
    })
}

fn threshold(
    tag: &str,
    validation: Option<&Scores>,
    options: &EvalOptions,
) -> Result<(f64, ThresholdSource), EvalError> {
    let ranking = validation.and_then(|scores| scores.ranking(scores.tag_index(tag)?).ok());
    if let Some(chosen) = ranking.and_then(|ranking| choose_threshold(&ranking)) {
        return Ok((chosen.threshold, ThresholdSource::Validation));
    }
    let name = tag.to_lowercase();
    match options.thresholds.iter().find(|(given, _)| given.to_lowercase() == name) {
        Some((_, value)) if (0.0..=1.0).contains(value) => Ok((*value, ThresholdSource::Given)),
        Some((_, value)) => Err(EvalError::Threshold { tag: tag.to_string(), value: *value }),
        None => Ok((EvalOptions::FIXED_THRESHOLD, ThresholdSource::Fixed)),
    }
}

fn tag_report(
    tag: &str,
    ranking: Result<Ranking, Undefined>,
    threshold: f64,
    threshold_from: ThresholdSource,
) -> Result<TagReport, Undefined> {
    let ranking = ranking?;
    let interval = auc_interval(&ranking);
    let confusion = Confusion::at(&ranking, threshold);
    let balanced = confusion.balanced_accuracy().ok_or(Undefined::NotLabelled)?;
    Ok(TagReport {
        tag: tag.to_string(),
        auc: interval.auc,
        ci95: [interval.low, interval.high],
        ap: ranking.average_precision(),
        positives: ranking.positives(),
        balanced_accuracy: balanced.value,
        above_chance: balanced.above_chance(),
        balanced_accuracy_ci95: [balanced.low, balanced.high],
        accuracy: confusion.accuracy().ok_or(Undefined::NotLabelled)?,
        threshold,
        threshold_from,
        labelled: ranking.labelled(),
        ci_method: interval.method,
    })
}

/// The int8 model's scores against the float model's, on the same clips, tags and labels.
///
/// # Errors
/// [`EvalError::Unlike`] if clips, tags or labels differ; [`EvalError::NothingToScore`] if no tag has an AUC.
pub fn compare(float: &Scores, int8: &Scores) -> Result<Int8Report, EvalError> {
    let same_label = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    let alike = float.tags() == int8.tags()
        && float.clips() == int8.clips()
        && float.positive_threshold() == int8.positive_threshold()
        && float.truth().iter().zip(int8.truth()).all(same_label);
    if !alike {
        return Err(EvalError::Unlike);
    }
    let mean_of = |scores| mean_auc_interval(scores, 0, 0).map(|bootstrap| bootstrap.mean_auc);
    let (Some(float_auc), Some(mean_auc)) = (mean_of(float), mean_of(int8)) else {
        let reason = |(place, tag): (usize, &String)| {
            let reason = float.ranking(place).err()?.to_string();
            Some(LeftOut { tag: tag.clone(), reason })
        };
        return Err(EvalError::NothingToScore(float.tags().iter().enumerate().filter_map(reason).collect()));
    };
    let difference = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    let differences = float.probabilities().iter().zip(int8.probabilities()).map(difference);
    Ok(Int8Report {
        mean_auc,
        auc_difference: mean_auc - float_auc,
        max_abs_difference: differences.fold(0.0, f64::max),
    })
}
