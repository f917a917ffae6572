//! The recipe's flags, and how they and a run's file make one run.

use super::args::TrainArgs;
use super::folder::RUN_FILE;
use anyhow::{Result, bail};
use clap::Args;
use runtime::mel::MelConfig;
use trainer::corpus::CorpusSpec;
use trainer::train::{
    Augments, Balance, CropsPerClip, LogitScale, Loss, Precision, RunFile, Schedule, TrainConfig,
};

/// How many clips make a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// So many.
    Clips(usize),
    /// What the device has room for.
    Auto,
}

impl std::str::FromStr for BatchSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(BatchSize::Auto),
            number => number
                .parse()
                .map(BatchSize::Clips)
                .map_err(|_| format!("`{number}` is neither a number nor `auto`")),
        }
    }
}

/// Every setting of the recipe; those not given keep the file's value or the default.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Recipe")]
pub struct RecipeArgs {
    /// Passes over the training clips at most [default: 20]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Clips per step, or auto for as many as a GPU has room for (16 on a CPU) [default: 16]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<BatchSize>,
    /// Peak learning rate of AdamW [default: 0.004]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// How the learning rate gets to its peak and down again [default: cosine]
    #[arg(long, value_enum)]
    pub schedule: Option<Schedule>,
    /// Share of the steps in which the learning rate rises [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    pub warm_up: Option<f64>,
    /// Decoupled weight decay [default: 0.02]
    #[arg(long, value_name = "RATE")]
    pub weight_decay: Option<f64>,
    /// Shorten gradients to this norm; 0 leaves them [default: 0]
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Evaluate and export a running average of the weights with this decay per step, 0.99 say; 0 is none [default: 0]
    #[arg(long, value_name = "DECAY")]
    pub ema: Option<f64>,
    /// What is minimised: bce, binary cross-entropy; logit, the squared error of logits, for a teacher's labels; mixed,
    /// both [default: bce]
    #[arg(long, value_enum)]
    pub loss: Option<Loss>,
    /// Share of the squared error of logits in the mixed loss [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    pub logit_share: Option<f64>,
    /// Let every tag's logits count as much (tags), or as they come (none) [default: tags]
    #[arg(long, value_enum)]
    pub logit_scale: Option<LogitScale>,
    /// Targets are kept this far from 0 and 1 before their logits are taken [default: 0.0001]
    #[arg(long, value_name = "P")]
    pub logit_floor: Option<f64>,
    /// Divide the logits of both sides by T in the cross-entropy [default: 1]
    #[arg(long, value_name = "T")]
    pub temperature: Option<f64>,
    /// A label y becomes y (1 - S) + S / 2 [default: 0]
    #[arg(long, value_name = "S")]
    pub label_smoothing: Option<f64>,
    /// Let rare tags count more [default: none]
    #[arg(long, value_enum)]
    pub balance: Option<Balance>,
    /// What is done to the crops, in order: gain=DB, eq=DB, noise=DB, spec-augment=BANDS:FRAMES:MASKS, mixup=ALPHA,
    /// with commas between them and numbers left out at will; or none [default: none]
    #[arg(long, value_name = "LIST")]
    pub augment: Option<Augments>,
    /// Seconds of the random crop that is heard of each clip [default: what the network hears at once]
    #[arg(long, value_name = "SECONDS")]
    pub crop_seconds: Option<f64>,
    /// How often an epoch hears a clip whose windows have labels of their own: one, or duration for as often as crops fit
    /// into them. Other clips are heard once [default: duration]
    #[arg(long, value_enum)]
    pub crops_per_clip: Option<CropsPerClip>,
    /// Epochs without a better validation AUC after which training stops [default: 12]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Numbers in which a GPU multiplies; weights stay float32 [default: float32]
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Start of everything random; the same seed gives the same network on a CPU [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
}

impl RecipeArgs {
    /// Puts what was given into a recipe.
    pub fn override_in(&self, recipe: &mut TrainConfig, mel: &MelConfig) -> Result<()> {
        macro_rules! take {
            ($($field:ident),*) => {
                $(if let Some(value) = &self.$field { recipe.$field = value.clone(); })*
            };
        }
        take!(
            epochs,
            learning_rate,
            schedule,
            warm_up,
            weight_decay,
            clip_norm,
            ema,
            loss,
            logit_share,
            logit_scale,
            logit_floor,
            temperature,
            label_smoothing,
            balance,
            crops_per_clip,
            patience,
            precision,
            seed
        );
        if let Some(BatchSize::Clips(clips)) = self.batch_size {
            recipe.batch_size = clips;
        }
        if let Some(augment) = &self.augment {
            recipe.augment.clone_from(&augment.0);
        }
        if let Some(seconds) = self.crop_seconds {
            let frames = (seconds * f64::from(mel.sample_rate) / mel.hop_length as f64).round();
            if !(1.0..=1e6).contains(&frames) {
                bail!("--crop-seconds {seconds}: a crop is at least one frame and at most a million");
            }
            recipe.crop_frames = frames as usize;
        }
        Ok(())
    }
}

impl TrainArgs {
    /// The run that is asked for: the file's, or the default, with what was given on the command line.
    pub fn run(&self, mel: &MelConfig) -> Result<RunFile> {
        // What is resumed says itself what it is.
        let resumed = self.out.as_ref().filter(|_| self.resume).map(|out| out.join(RUN_FILE));
        let mut run = match self.config.clone().or(resumed.filter(|path| path.exists())) {
            Some(path) => RunFile::read(&path)?,
            None => RunFile::default(),
        };
        if let Some(corpus) = CorpusSpec::all_of(self.corpus.clone()) {
            run.corpus = corpus;
        }
        if let Some(pools) = &self.pools {
            run.pools.clone_from(pools);
        }
        run.model = self.model.unwrap_or(run.model);
        run.budget = self.budget.unwrap_or(run.budget);
        run.min_positives = self.min_positives.unwrap_or(run.min_positives);
        run.max_tags = self.max_tags.or(run.max_tags);
        run.no_test |= self.no_test;
        run.licence = self.licence.clone().or(run.licence);
        self.recipe.override_in(&mut run.recipe, mel)?;
        run.recipe.positive_threshold = self.data.positive_threshold.unwrap_or(run.recipe.positive_threshold);
        run.recipe.validate().map_err(anyhow::Error::msg)?;
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::args::Cli;
    use clap::CommandFactory;
    use trainer::train::{Augments, RunFile};

    /// The defaults that the help tells are the ones that are used.
    #[test]
    fn help_tells_the_defaults() {
        let run = RunFile::default();
        let recipe = serde_json::to_value(&run.recipe).unwrap();
        let command = Cli::command();
        let train = command.find_subcommand("train").unwrap();
        let mut told = 0;
        for arg in train.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let Some(default) = help.rsplit_once("[default: ").and_then(|(_, d)| d.strip_suffix(']')) else {
                continue;
            };
            let name = arg.get_id().as_str();
            let used = match name {
                "corpus" => "synth".into(),
                "model" => run.model.to_string(),
                "budget" => run.budget.to_string(),
                "pools" => run.pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
                "min_positives" => run.min_positives.to_string(),
                "augment" => Augments(run.recipe.augment.clone()).to_string(),
                "crop_seconds" if run.recipe.crop_frames == 0 => "what the network hears at once".into(),
                "jobs" => "one per core".into(),
                _ => match &recipe[name] {
                    serde_json::Value::String(text) => text.clone(),
                    number => number.as_f64().unwrap_or(f64::NAN).to_string(),
                },
            };
            assert_eq!(default, used, "--{name}");
            told += 1;
        }
        assert!(told >= 18, "{told}");
    }
}
