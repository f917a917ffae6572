//! What a training run is set to.

use super::augment::Augment;
use super::hearing::CropsPerClip;
use super::loss::{LogitScale, Loss};
use super::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// How rare tags count in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// Every label counts the same.
    #[default]
    None,
    /// A tag's positives count more, by the root of negatives to positives (at most 10), so that a tag present in
    /// one clip of a hundred still moves the network.
    Tags,
}

/// Numbers in which a GPU multiplies matrices. Weights and everything else stay float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    Float32,
    /// 11 bits in the factors, float32 sums: several times as fast on GPUs since Ampere.
    Tf32,
    /// 8 bits in the factors, float32 sums.
    Bf16,
}

/// The recipe: settings of a run that are neither its corpus nor its network. Written into its checkpoint, and a
/// resumed run must have the same. Keys that a file leaves out have the values of [`TrainConfig::default`], which is
/// the recipe of the main job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training clips at most.
    pub epochs: usize,
    /// Clips per step.
    pub batch_size: usize,
    /// Peak learning rate of AdamW.
    pub learning_rate: f64,
    /// How the learning rate gets to its peak and down again.
    pub schedule: Schedule,
    /// Share of all steps in which the learning rate rises.
    pub warm_up: f64,
    /// AdamW's decoupled decay of the weights of convolutions and the like; scales, shifts and biases do not decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together: longer ones are shortened to it. 0 leaves them as they are.
    pub clip_norm: f64,
    /// Decay per step of a running average of the weights, which is then what is evaluated and exported. 0 is none.
    pub ema: f64,
    /// What is minimised.
    pub loss: Loss,
    /// Share of the squared error of logits in the mixed loss; the cross-entropy has the rest.
    pub logit_share: f64,
    /// How tags count in the squared error of logits.
    pub logit_scale: LogitScale,
    /// Targets nearer to 0 or 1 than this are moved to it before their logit is taken.
    pub logit_floor: f64,
    /// Divides the logits of both sides in the cross-entropy; 1 leaves them.
    pub temperature: f64,
    /// A label y becomes `y (1 - s) + s / 2`.
    pub label_smoothing: f64,
    /// Weighting of rare tags.
    pub balance: Balance,
    /// What is done to the crops, in this order.
    pub augment: Vec<Augment>,
    /// Frames of the random crop that is heard of each clip in an epoch; shorter clips are repeated. 0 is what the
    /// network hears at once.
    pub crop_frames: usize,
    /// How often an epoch hears clips whose windows have labels of their own.
    pub crops_per_clip: CropsPerClip,
    /// Epochs without a better validation AUC after which training stops.
    pub patience: usize,
    /// A soft label counts as present from here on when tags are counted and AUCs are computed.
    pub positive_threshold: f32,
    /// Numbers in which a GPU multiplies.
    pub precision: Precision,
    /// Where everything random starts from; below 2^63, as whole numbers in TOML are.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 16,
            learning_rate: 4e-3,
            schedule: Schedule::Cosine,
            warm_up: 0.1,
            weight_decay: 0.02,
            clip_norm: 0.0,
            ema: 0.0,
            loss: Loss::Bce,
            logit_share: 0.5,
            logit_scale: LogitScale::Tags,
            logit_floor: 1e-4,
            temperature: 1.0,
            label_smoothing: 0.0,
            balance: Balance::None,
            augment: Vec::new(),
            crop_frames: 0,
            crops_per_clip: CropsPerClip::Duration,
            patience: 12,
            positive_threshold: 0.5,
            precision: Precision::Float32,
            seed: 1,
        }
    }
}

impl TrainConfig {
    /// Learning rate at `step` of `steps`.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        self.schedule.rate(self.learning_rate, self.warm_up, step, steps)
    }

    /// Frames of a crop for a network that hears `field` frames at once.
    pub fn crop(&self, field: usize) -> usize {
        if self.crop_frames == 0 { field } else { self.crop_frames }
    }

    /// Whether the values make sense, each by itself.
    ///
    /// # Errors
    /// What is wrong, by the flag's name; a file's key has underscores instead.
    pub fn validate(&self) -> Result<(), String> {
        let Self { learning_rate, warm_up, weight_decay, clip_norm, ema, label_smoothing, .. } = *self;
        let Self { logit_share, logit_floor, temperature, .. } = *self;
        // Written so that what is not a number is wrong too.
        let rules = [
            (self.epochs > 0, "--epochs", self.epochs as f64, "at least 1"),
            (self.batch_size > 0, "--batch-size", self.batch_size as f64, "at least 1"),
            (self.patience > 0, "--patience", self.patience as f64, "at least 1"),
            (
                learning_rate > 0.0 && learning_rate < 10.0,
                "--learning-rate",
                learning_rate,
                "above 0 and below 10",
            ),
            ((0.0..1.0).contains(&warm_up), "--warm-up", warm_up, "from 0 to below 1"),
            ((0.0..1e3).contains(&weight_decay), "--weight-decay", weight_decay, "from 0 to below 1000"),
            ((0.0..1e9).contains(&clip_norm), "--clip-norm", clip_norm, "not negative, and 0 for none"),
            ((0.0..1.0).contains(&ema), "--ema", ema, "from 0, which is none, to below 1"),
            (
                (0.0..1.0).contains(&label_smoothing),
                "--label-smoothing",
                label_smoothing,
                "from 0 to below 1",
            ),
            ((0.0..=1.0).contains(&logit_share), "--logit-share", logit_share, "from 0 to 1"),
            // A float32 tells 1 - 1e-6 from 1.
            ((1e-6..0.5).contains(&logit_floor), "--logit-floor", logit_floor, "from 0.000001 to below 0.5"),
            ((0.01..=100.0).contains(&temperature), "--temperature", temperature, "from 0.01 to 100"),
            (
                self.positive_threshold > 0.0 && self.positive_threshold <= 1.0,
                "--positive-threshold",
                f64::from(self.positive_threshold),
                "above 0 and at most 1",
            ),
            (
                self.crop_frames <= 1_000_000,
                "--crop-seconds",
                self.crop_frames as f64,
                "at most a million frames",
            ),
            (self.seed <= i64::MAX as u64, "--seed", self.seed as f64, "below 2^63"),
            (self.augment.len() <= 32, "--augment", self.augment.len() as f64, "at most 32 steps"),
        ];
        if let Some((_, name, value, rule)) = rules.into_iter().find(|(holds, ..)| !holds) {
            return Err(format!("{name} {value}: it is {rule}"));
        }
        self.augment.iter().try_for_each(Augment::validate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_mistakes_name_their_flag() {
        let good = TrainConfig::default;
        good().validate().unwrap();
        for (config, flag) in [
            (TrainConfig { epochs: 0, ..good() }, "--epochs"),
            (TrainConfig { learning_rate: -1.0, ..good() }, "--learning-rate"),
            (TrainConfig { learning_rate: f64::NAN, ..good() }, "--learning-rate"),
            (TrainConfig { warm_up: 1.0, ..good() }, "--warm-up"),
            (TrainConfig { clip_norm: f64::INFINITY, ..good() }, "--clip-norm"),
            (TrainConfig { ema: 1.0, ..good() }, "--ema"),
            (TrainConfig { label_smoothing: -0.1, ..good() }, "--label-smoothing"),
            (TrainConfig { logit_share: 1.5, ..good() }, "--logit-share"),
            (TrainConfig { logit_floor: 0.0, ..good() }, "--logit-floor"),
            (TrainConfig { temperature: 0.0, ..good() }, "--temperature"),
            (TrainConfig { positive_threshold: 0.0, ..good() }, "--positive-threshold"),
            (TrainConfig { seed: u64::MAX, ..good() }, "--seed"),
            (TrainConfig { augment: vec![Augment::Gain { decibel: -3.0 }], ..good() }, "gain=-3"),
        ] {
            let error = config.validate().unwrap_err();
            assert!(error.contains(flag), "{error}");
        }
    }

    #[test]
    fn a_crop_of_nothing_is_what_the_network_hears() {
        let config = TrainConfig { crop_frames: 0, ..Default::default() };
        assert_eq!((config.crop(1279), TrainConfig { crop_frames: 1300, ..config }.crop(1279)), (1279, 1300));
    }
}
