//! The command line.

use super::card::CardArgs;
use super::compare::CompareArgs;
use super::describe::DescribeArgs;
use super::export::ExportArgs;
use super::extract::ExtractArgs;
use super::fetch::FetchArgs;
use super::map::MapArgs;
use super::recipe::RecipeArgs;
use super::recommend::{EvalRecommendArgs, RecommendArgs};
use super::remix::RemixArgs;
use super::sweep::SweepArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use trainer::corpus::{CorpusSpec, Split};
use trainer::device::Choice;
use trainer::net::{Budget, Model};
use trainer::train::CorpusIn;

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
    /// Say what is in a corpus: clips, splits, tags, hours, what is missing or damaged, licence
    Describe(DescribeArgs),
    /// Compute the spectrograms of a corpus, or of one of its parts on one of several machines, into the cache
    Extract(ExtractArgs),
    /// Pack an int8 model for microcontrollers and for the integer engine
    Export(ExportArgs),
    /// Label the files of corpora, window by window, by what a teacher hears in them
    Label(LabelArgs),
    /// Complete the card of an exported model with what is known of it, and write its README
    Card(CardArgs),
    /// Draw where in a song a network with attention read the tags
    Attention(AttentionArgs),
    /// Write clips of the synthetic corpus as wav files, to listen to or to tag
    Synth(SynthArgs),
    /// Get music to train on: free music, corpora from their publishers, previews of songs
    Fetch(FetchArgs),
    /// Make new sound of the pieces of a corpus (changed, mixed, with voices over it), for a teacher to label
    Remix(RemixArgs),
    /// Draw a map of songs by what a model hears in them
    Map(MapArgs),
    /// Say which songs of a corpus are nearest to some files
    Recommend(RecommendArgs),
    /// Measure recommendations by distance: precision at 10 by artist and by people's tags
    EvalRecommend(EvalRecommendArgs),
    /// Train several networks at several sizes on one corpus, and set them side by side as the paper does
    Compare(Box<CompareArgs>),
    /// Search for a run's settings by successive halving on the validation clips
    Sweep(Box<SweepArgs>),
}

/// Where features are cached unless another folder is named.
pub const CACHE: &str = "runs/features";

#[derive(Args, Clone)]
pub struct CorpusArgs {
    /// Features cached as 8-bit codes go here; safe to delete
    #[arg(long, value_name = "DIR", default_value = CACHE)]
    pub cache: PathBuf,
    /// Threads that decode and compute spectrograms [default: one per core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// A soft label counts as present from here on when scores are computed [default: 0.5]
    #[arg(long, value_name = "P")]
    pub positive_threshold: Option<f32>,
}

#[derive(Args, Clone)]
pub struct TrainArgs {
    /// Do the run of this file again (every run writes its run.toml); flags given beside it override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// synth, synth:CLIPS, folder:DIR (sub-folders are tags), manifest:FILE (CSV or JSON lines), or a published corpus
    /// (msd:DIR, mtat:DIR, jamendo:DIR, fma:DIR, gtzan:DIR); more than once for all of them together [default: synth]
    #[arg(long, value_name = "CORPUS")]
    pub corpus: Vec<CorpusSpec>,
    /// Network [default: k2c1]
    #[arg(long, value_enum)]
    pub model: Option<Model>,
    /// Size of the network: 0.1M, 0.25M, 0.5M, 1M or 3M parameters [default: 0.1M]
    #[arg(long)]
    pub budget: Option<Budget>,
    /// Max-pooling over time after k2c1's first convolutions. 4,4,4,4 is the paper's and hears 27.3 s;
    /// 4,4,2,1 hears 6.1 s and answers every 0.7 s [default: 4,4,4,4]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub pools: Option<Vec<usize>>,
    /// Folder of the run: model, card, metrics, plots, checkpoint
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue the run in --out exactly where its checkpoint stopped
    #[arg(long)]
    pub resume: bool,
    /// Replace a run that is in --out
    #[arg(long, conflicts_with = "resume")]
    pub overwrite: bool,
    /// Tags with fewer positive clips are left out [default: 1]
    #[arg(long, value_name = "N", help_heading = "Corpus")]
    pub min_positives: Option<usize>,
    /// Only the most frequent tags, this many
    #[arg(long, value_name = "N", help_heading = "Corpus")]
    pub max_tags: Option<usize>,
    /// Draw no test split where a corpus gives none: all of it trains and validates, and results are measured elsewhere
    #[arg(long, help_heading = "Corpus")]
    pub no_test: bool,
    /// Licence of the weights, for the card
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    #[command(flatten)]
    pub data: CorpusArgs,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Choice,
    /// GPUs that share every batch, by NCCL (needs a build with --features nccl)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub gpus: usize,
    /// Where the codes of the training clips are kept; changes nothing of the result. `--cache device` is short for device
    /// here and the usual folder there
    #[arg(long, value_enum, default_value = "host")]
    pub corpus_in: CorpusIn,
    /// Print metrics.json on standard output at the end, and nothing else there
    #[arg(long)]
    pub json: bool,
    // Last, because its heading would stand above what follows.
    #[command(flatten)]
    pub recipe: RecipeArgs,
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
    /// synth, synth:CLIPS, folder:DIR, manifest:FILE, or msd:DIR, mtat:DIR, jamendo:DIR, fma:DIR, gtzan:DIR; more than once
    /// for all of them together
    #[arg(long, value_name = "CORPUS", required = true)]
    pub corpus: Vec<CorpusSpec>,
    /// Score another model on the same clips and set the two side by side: a student and its teacher, say. Tags are
    /// matched by name; the other model hears its own front end
    #[arg(long, value_name = "DIR")]
    pub beside: Option<PathBuf>,
    /// Length of the segments on which agreement with a teacher's labels is measured
    #[arg(long, value_name = "SECONDS", default_value_t = trainer::train::segments::SEGMENT_SECONDS)]
    pub segment_seconds: f64,
    /// How the windows of a clip make its probabilities
    #[arg(long, value_enum, default_value = "mean")]
    pub aggregate: AggregateArg,
    /// A CSV with the columns model and corpus: under which of the corpus's tags each of the model's is scored. Tags that it
    /// does not name meet by name
    #[arg(long, value_name = "FILE.csv")]
    pub tags: Option<PathBuf>,
    /// Score the clips changed as well: other tempo and pitch, compressed, with noise, through an mp3 of 64 kb/s, without highs.
    /// Ten times the time; an interrupted run goes on from what is in --cache
    #[arg(long)]
    pub robustness: bool,
    /// Write report.html and its figures into this folder, replacing those that are there: one page with all there is to say
    /// of the evaluation
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
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

/// See [`EvalArgs::aggregate`].
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AggregateArg {
    /// Their mean
    Mean,
    /// The largest of each tag
    Max,
}

impl From<AggregateArg> for trainer::deliver::Aggregate {
    fn from(arg: AggregateArg) -> Self {
        match arg {
            AggregateArg::Mean => Self::Mean,
            AggregateArg::Max => Self::Max,
        }
    }
}

#[derive(Args)]
pub struct LabelArgs {
    /// Who labels: a model folder or an ONNX file, with its card
    #[arg(long, value_name = "MODEL")]
    pub teacher: PathBuf,
    /// What is labelled; may be given several times, tags are ignored: folder:DIR, manifest:FILE or debian:DIR
    #[arg(long, value_name = "CORPUS", required = true)]
    pub corpus: Vec<CorpusSpec>,
    /// The CSV to write, a row per file and window. Files that it has already, by the same teacher, keep their rows;
    /// an interrupted run is continued by the same command
    #[arg(long, value_name = "FILE.csv")]
    pub out: PathBuf,
    /// Label the files of this split alone
    #[arg(long, value_enum, default_value_t = SplitArg::All)]
    pub split: SplitArg,
    /// Leave these tags of the teacher out, to have them from another one
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub without_tags: Vec<String>,
    /// Files labelled at once [default: one per core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Seed of splits that a corpus does not give
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draw no test split where a corpus gives none: its files are for training and validation alone
    #[arg(long)]
    pub no_test: bool,
    /// Replace what is at --out, whoever made it
    #[arg(long)]
    pub force: bool,
    /// Print what was done as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct AttentionArgs {
    /// Model folder or ONNX file, of a network with attention
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Audio file
    #[arg(value_name = "SONG")]
    pub song: PathBuf,
    /// PATH.png and PATH.svg are written [default: the song's name and .attention, in the current folder]
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    Train,
    #[value(alias = "valid")]
    Validation,
    Test,
    All,
}

impl SplitArg {
    /// The split, if it is a single one.
    pub fn only(self) -> Option<Split> {
        match self {
            Self::Train => Some(Split::Train),
            Self::Validation => Some(Split::Validation),
            Self::Test => Some(Split::Test),
            Self::All => None,
        }
    }

    /// As it is given.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::All => "all",
        }
    }
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
