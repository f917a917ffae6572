//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use trainer::corpus::CorpusSpec;
use trainer::device::Choice;
use trainer::net::{Budget, Model};
use trainer::train::Balance;

/// Trains small music taggers and exports them, float and int8, for the runtime.
///
/// Without a command it does the whole job on built-in synthetic music, in a few minutes: synthesise, train k2c1 at 0.1M,
/// evaluate tag by tag, quantise, export, and score the exported files once more through the runtime.
#[derive(Parser)]
#[command(name = "trainer", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Train a network on a corpus, evaluate it and export it into a folder
    Train(Box<TrainArgs>),
    /// Score an exported model on a corpus, tag by tag
    Eval(EvalArgs),
    /// Write clips of the synthetic corpus as wav files, to listen to or to tag
    Synth(SynthArgs),
}

#[derive(Args, Clone)]
pub struct CorpusArgs {
    /// Features cached as 8-bit codes go here; safe to delete
    #[arg(long, value_name = "DIR", default_value = "runs/features")]
    pub cache: PathBuf,
    /// Threads that decode and compute spectrograms [default: one per core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// A soft label counts as present from here on when scores are computed
    #[arg(long, value_name = "P", default_value_t = 0.5)]
    pub positive_threshold: f32,
}

#[derive(Args, Clone)]
pub struct TrainArgs {
    /// synth, synth:CLIPS, folder:DIR (sub-folders are tags) or manifest:FILE (CSV or JSON lines)
    #[arg(long, value_name = "CORPUS", default_value = "synth")]
    pub corpus: CorpusSpec,
    /// Network
    #[arg(long, value_enum, default_value = "k2c1")]
    pub model: Model,
    /// Size of the network: 0.1M, 0.25M, 0.5M, 1M or 3M parameters
    #[arg(long, default_value = "0.1M")]
    pub budget: Budget,
    /// Max-pooling over time after k2c1's first convolutions. 4,4,4,4 is the paper's and hears 27.3 s;
    /// 4,4,2,1 hears 6.1 s and answers every 0.7 s
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "4,4,4,4")]
    pub pools: Vec<usize>,
    /// Passes over the training clips at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub epochs: usize,
    /// Folder of the run: model, card, metrics, plots, checkpoint
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue the run in --out exactly where its checkpoint stopped
    #[arg(long)]
    pub resume: bool,
    /// Replace a run that is in --out
    #[arg(long, conflicts_with = "resume")]
    pub overwrite: bool,
    /// Clips per step
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Recipe")]
    pub batch_size: usize,
    /// Peak learning rate of AdamW
    #[arg(long, value_name = "RATE", default_value_t = 4e-3, help_heading = "Recipe")]
    pub learning_rate: f64,
    /// Share of the steps in which the learning rate rises
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, help_heading = "Recipe")]
    pub warm_up: f64,
    /// Decoupled weight decay
    #[arg(long, value_name = "RATE", default_value_t = 0.02, help_heading = "Recipe")]
    pub weight_decay: f64,
    /// Let rare tags count more
    #[arg(long, value_enum, default_value = "none", help_heading = "Recipe")]
    pub balance: Balance,
    /// Epochs without a better validation AUC after which training stops
    #[arg(long, value_name = "N", default_value_t = 12, help_heading = "Recipe")]
    pub patience: usize,
    /// Seconds of the random crop that is heard of each clip [default: what the network hears at once]
    #[arg(long, value_name = "SECONDS", help_heading = "Recipe")]
    pub crop_seconds: Option<f64>,
    /// Start of everything random; the same seed gives the same network on a CPU
    #[arg(long, default_value_t = 1, help_heading = "Recipe")]
    pub seed: u64,
    /// Tags with fewer positive clips are left out
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Corpus")]
    pub min_positives: usize,
    /// Only the most frequent tags, this many
    #[arg(long, value_name = "N", help_heading = "Corpus")]
    pub max_tags: Option<usize>,
    /// Licence of the weights, for the card
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    #[command(flatten)]
    pub data: CorpusArgs,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Choice,
    /// Print metrics.json on standard output at the end, and nothing else there
    #[arg(long)]
    pub json: bool,
}

impl TrainArgs {
    /// What `trainer` without arguments does.
    pub fn main_job() -> Self {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            args: TrainArgs,
        }
        Defaults::parse_from(["trainer"]).args
    }
}

#[derive(Args)]
pub struct EvalArgs {
    /// Model folder or ONNX file
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// synth, synth:CLIPS, folder:DIR or manifest:FILE
    #[arg(long, value_name = "CORPUS")]
    pub corpus: CorpusSpec,
    /// Part of the corpus
    #[arg(long, value_enum, default_value = "test")]
    pub split: SplitArg,
    /// Seed of a split that is drawn here [default: the one the model was trained with, by its card, else 1]
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub data: CorpusArgs,
    /// Print JSON as in metrics.json
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    Train,
    #[value(alias = "valid")]
    Validation,
    Test,
    All,
}

#[derive(Args)]
pub struct SynthArgs {
    /// Folder for the wav files and their manifest
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Number of clips
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub clips: usize,
    /// Seconds of each
    #[arg(long, value_name = "SECONDS", default_value_t = 29.12)]
    pub seconds: f32,
    /// Seed of the corpus
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
