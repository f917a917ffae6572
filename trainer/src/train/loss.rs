//! What is minimised: how far a network's answers are from the labels, some of which may be missing.
//!
//! Besides the cross-entropy there are the two classic ways of learning from what a teacher is sure of and how much:
//! its probabilities softened by a temperature (Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network,
//! 2015, arXiv:1503.02531) and the regression on its logits (Ba, Caruana: Do Deep Nets Really Need to be Deep?, 2014,
//! arXiv:1312.6184). In a probability 0.001 and 0.01 are nearly the same; in a logit they are as far apart as 0.27 and
//! 0.79, and a rare tag, which a teacher never is sure of, is nothing but such differences.

use super::batches::LabelledClip;
use super::config::TrainConfig;
use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Binary cross-entropy.
    #[default]
    Bce,
    /// Mean squared error of the logits.
    Logit,
    /// A share of the one and the rest of the other.
    Mixed,
}

/// How tags count in the mean squared error of the logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogitScale {
    /// As their logits come.
    None,
    /// In units of the spread of the tag's logits over the training labels, so that every tag counts as much.
    #[default]
    Tags,
}

/// Least spread of a tag's logits: one whose labels hardly differ should not outweigh all others.
const LEAST_SPREAD: f64 = 0.25;

/// The loss of a run.
pub struct Objective {
    loss: Loss,
    /// Of the squared error of logits, in a mixture.
    share: f64,
    temperature: f64,
    /// Least probability of a target whose logit is taken, and what the largest one is short of 1.
    floor: f64,
    /// Of each tag's squared errors [1, tags, 1].
    scale: Option<Tensor>,
}

impl Objective {
    /// The loss that a recipe asks for; `clips` are what is trained on.
    ///
    /// # Errors
    /// When candle fails.
    pub fn new(config: &TrainConfig, clips: &[LabelledClip<'_>], device: &Device) -> Result<Self> {
        let scaled = config.loss != Loss::Bce && config.logit_scale == LogitScale::Tags;
        let scale = scaled.then(|| {
            let spread = logit_spread(clips, config.logit_floor);
            let scale: Vec<f32> = spread.iter().map(|s| (1.0 / s.powi(2)) as f32).collect();
            let tags = scale.len();
            Tensor::from_vec(scale, (1, tags, 1), device)
        });
        Ok(Self {
            loss: config.loss,
            share: config.logit_share,
            temperature: config.temperature,
            floor: config.logit_floor,
            scale: scale.transpose()?,
        })
    }

    /// The loss of `logits` [batch, tags, windows] against `targets` [batch, tags, windows or 1] in 0..1, each weighted by
    /// `weights` of the same shape (0 where a tag is not labelled); a scalar, divided by the sum of the weights in use. A
    /// single target holds for all windows of its crop.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn of(&self, logits: &Tensor, targets: &Tensor, weights: &Tensor) -> Result<Tensor> {
        match self.loss {
            Loss::Bce => self.softened(logits, targets, weights),
            Loss::Logit => self.squared(logits, targets, weights),
            Loss::Mixed => {
                let squared = (self.squared(logits, targets, weights)? * self.share)?;
                squared + (self.softened(logits, targets, weights)? * (1.0 - self.share))?
            }
        }
    }

    /// Cross-entropy, both sides' logits divided by the temperature; times its square, so that gradients stay as large
    /// as they are without it (Hinton et al., section 2).
    fn softened(&self, logits: &Tensor, targets: &Tensor, weights: &Tensor) -> Result<Tensor> {
        if self.temperature == 1.0 {
            return masked_bce(logits, targets, weights);
        }
        let soft = candle_nn::ops::sigmoid(&(self.logits_of(targets)? / self.temperature)?)?;
        masked_bce(&(logits / self.temperature)?, &soft, weights)? * self.temperature.powi(2)
    }

    fn squared(&self, logits: &Tensor, targets: &Tensor, weights: &Tensor) -> Result<Tensor> {
        let each = logits.broadcast_sub(&self.logits_of(targets)?)?.sqr()?;
        let each = match &self.scale {
            Some(scale) => each.broadcast_mul(scale)?,
            None => each,
        };
        weighted_mean(&each, weights)
    }

    fn logits_of(&self, targets: &Tensor) -> Result<Tensor> {
        let p = targets.clamp(self.floor, 1.0 - self.floor)?;
        p.log()? - (1.0 - p)?.log()?
    }
}

/// Standard deviation of each tag's logits over the labels that are trained on, of windows where there are some; at
/// least a quarter. 1 for a tag without labels.
pub fn logit_spread(clips: &[LabelledClip<'_>], floor: f64) -> Vec<f64> {
    let tags = clips.first().map_or(0, |clip| clip.labels.len());
    // Count, mean and sum of squares about it, by Welford's recurrence.
    let mut moments = vec![(0.0f64, 0.0f64, 0.0f64); tags];
    let mut add = |labels: &[f32]| {
        for ((count, mean, squares), &label) in moments.iter_mut().zip(labels).filter(|(_, l)| !l.is_nan()) {
            let p = f64::from(label).clamp(floor, 1.0 - floor);
            let logit = (p / (1.0 - p)).ln();
            *count += 1.0;
            let away = logit - *mean;
            *mean += away / *count;
            *squares += away * (logit - *mean);
        }
    };
    for clip in clips {
        if clip.windows.is_empty() {
            add(clip.labels);
        }
        clip.windows.iter().for_each(|(_, labels)| add(labels));
    }
    let spread = |(count, _, squares): (f64, f64, f64)| {
        if count == 0.0 { 1.0 } else { (squares / count).sqrt().max(LEAST_SPREAD) }
    };
    moments.into_iter().map(spread).collect()
}

/// Mean binary cross-entropy of `logits` [batch, tags, windows] against `targets` [batch, tags, windows or 1] in 0..1, each
/// weighted by `weights` of the same shape (0 where a tag is not labelled); a scalar, divided by the sum of the weights in
/// use.
///
/// Written as max(x, 0) - x t + log(1 + exp(-|x|)), which stays finite for any logit.
///
/// # Errors
/// When shapes do not fit.
pub fn masked_bce(logits: &Tensor, targets: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let soft = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    let each = ((logits.relu()? - logits.broadcast_mul(targets)?)? + soft)?;
    weighted_mean(&each, weights)
}

/// The mean of `each` [batch, tags, windows] by `weights` [batch, tags, windows or 1].
fn weighted_mean(each: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let share = each.dim(2)? / weights.dim(2)?;
    let total = (weights.sum_all()?.to_dtype(DType::F32)? * share as f64)?.clamp(1e-9, f64::MAX)?;
    each.broadcast_mul(weights)?.sum_all()?.div(&total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(v: &[f32]) -> Tensor {
        Tensor::from_slice(v, (1, v.len(), 1), &Device::Cpu).unwrap()
    }

    fn loss(logits: &[f32], targets: &[f32], weights: &[f32]) -> f32 {
        masked_bce(&tensor(logits), &tensor(targets), &tensor(weights)).unwrap().to_scalar().unwrap()
    }

    fn by(config: TrainConfig, logits: &[f32], targets: &[f32]) -> f32 {
        let clips = [LabelledClip::whole(&[0], &[0.5, 0.5])];
        let objective = Objective::new(&config, &clips, &Device::Cpu).unwrap();
        let weights = vec![1.0; logits.len()];
        objective.of(&tensor(logits), &tensor(targets), &tensor(&weights)).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn equals_the_definition_and_leaves_out_what_has_no_label() {
        let want = -(0.7f32 * (1.0 / (1.0 + (-1.5f32).exp())).ln()
            + 0.3 * (1.0 - 1.0 / (1.0 + (-1.5f32).exp())).ln());
        assert!((loss(&[1.5], &[0.7], &[1.0]) - want).abs() < 1e-6);
        assert!((loss(&[1.5, 40.0], &[0.7, 0.0], &[1.0, 0.0]) - want).abs() < 1e-6);
        assert_eq!(loss(&[3.0], &[0.0], &[0.0]), 0.0);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        assert!((loss(&[1e4, -1e4], &[0.0, 1.0], &[1.0, 1.0]) - 1e4).abs() < 1.0);
        assert_eq!(loss(&[1e4, -1e4], &[1.0, 0.0], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn logits_are_compared_with_those_of_the_targets_in_bounds() {
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let plain = TrainConfig { loss: Loss::Logit, logit_scale: LogitScale::None, ..Default::default() };
        let want = ((1.0 - logit(0.2)).powi(2) + (-9.0 - logit(1e-4)).powi(2)) / 2.0;
        let got = by(plain.clone(), &[1.0, -9.0], &[0.2, 0.0]);
        assert!((got - want).abs() < 1e-4 * want, "{got} {want}");
        let mixed = TrainConfig { loss: Loss::Mixed, logit_share: 0.25, ..plain };
        let want = 0.25 * want + 0.75 * loss(&[1.0, -9.0], &[0.2, 0.0], &[1.0, 1.0]);
        assert!((by(mixed, &[1.0, -9.0], &[0.2, 0.0]) - want).abs() < 1e-4 * want);
    }

    #[test]
    fn a_temperature_divides_both_sides_logits() {
        let (logit, t) = (|p: f32| (p / (1.0 - p)).ln(), 3.0f32);
        let soft = 1.0 / (1.0 + (-logit(0.2) / t).exp());
        let want = t * t * loss(&[1.0 / t], &[soft], &[1.0]);
        let warm = TrainConfig { temperature: f64::from(t), ..Default::default() };
        assert!((by(warm, &[1.0], &[0.2]) - want).abs() < 1e-5);
    }

    #[test]
    fn spreads_are_those_of_what_is_trained_on() {
        use crate::corpus::LabelWindow;
        use crate::train::Windows;
        let e = |x: f32| 1.0 / (1.0 + (-x).exp());
        let window = |label: f32| LabelWindow { start_seconds: 0.0, seconds: 1.0, labels: vec![label, 0.5] };
        let (windows, half) = ([window(e(-3.0)), window(e(-1.0))], [e(-2.0), f32::NAN]);
        let clips = [
            LabelledClip { codes: &[0], labels: &[0.9, 0.5], windows: Windows::new(&windows, 1.0) },
            LabelledClip::whole(&[0], &half),
        ];
        let spread = logit_spread(&clips, 1e-4);
        assert!((spread[0] - (2.0f64 / 3.0).sqrt()).abs() < 1e-5, "{spread:?}");
        assert_eq!(spread[1], LEAST_SPREAD);
    }
}
