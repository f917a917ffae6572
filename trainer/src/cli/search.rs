//! What `compare` and `sweep` have in common: flags, one corpus for many runs, bars for several at once.

use super::args::CorpusArgs;
use super::data::Data;
use super::recipe::{BatchSize, RecipeArgs};
use super::show;
use anyhow::{Result, bail};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use runtime::mel::MelConfig;
use std::path::PathBuf;
use std::time::Duration;
use trainer::corpus::{CorpusOptions, Split};
use trainer::device::{Choice, Chosen};
use trainer::jobs::Share;
use trainer::material::{Material, Watch};
use trainer::train::{CorpusIn, EpochRecord, Precision, Progress, RunFile, precision};

#[derive(Args, Clone)]
pub struct SearchArgs {
    /// Take the corpus and the recipe of this file (every `train` writes its run.toml); flags given beside it override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Runs at once, parting the threads evenly. Times per clip are cleanest with one
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
    /// Do runs again that were made there with other settings
    #[arg(long)]
    pub overwrite: bool,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Tags with fewer positive clips are left out [default: 1]
    #[arg(long, value_name = "N", help_heading = "Corpus")]
    pub min_positives: Option<usize>,
    /// Only the most frequent tags, this many
    #[arg(long, value_name = "N", help_heading = "Corpus")]
    pub max_tags: Option<usize>,
    /// A soft label counts as present from here on when scores are computed [default: 0.5]
    #[arg(long, value_name = "P", help_heading = "Corpus")]
    pub positive_threshold: Option<f32>,
    /// Features cached as 8-bit codes go here; safe to delete
    #[arg(long, value_name = "DIR", default_value = "runs/features", help_heading = "Corpus")]
    pub cache: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Choice,
    /// Where the codes of the training clips are kept; changes nothing of the result
    #[arg(long, value_enum, default_value = "host")]
    pub corpus_in: CorpusIn,
    /// Print JSON on standard output at the end, and nothing else there
    #[arg(long)]
    pub json: bool,
}

impl SearchArgs {
    /// The file's run with the flags, or `default` with them.
    pub fn run(&self, default: RunFile, mel: &MelConfig) -> Result<RunFile> {
        let mut run = match &self.config {
            Some(path) => RunFile::read(path)?,
            None => default,
        };
        run.min_positives = self.min_positives.unwrap_or(run.min_positives);
        run.max_tags = self.max_tags.or(run.max_tags);
        if self.recipe.batch_size == Some(BatchSize::Auto) {
            bail!("--batch-size auto is for `train`: runs that are compared have the same");
        }
        self.recipe.override_in(&mut run.recipe, mel)?;
        run.recipe.positive_threshold = self.positive_threshold.unwrap_or(run.recipe.positive_threshold);
        if self.jobs == 0 {
            bail!("--jobs is at least 1");
        }
        Ok(run)
    }

    /// Reads the run's corpus.
    pub fn data(&self, run: &RunFile, mel: &MelConfig) -> Result<Data> {
        let options = CorpusOptions {
            seed: run.recipe.seed,
            positive_threshold: run.recipe.positive_threshold,
            min_positives: run.min_positives,
            max_tags: run.max_tags,
            draw_test: !run.no_test,
            ..Default::default()
        };
        let corpus = CorpusArgs {
            cache: self.cache.clone(),
            jobs: None,
            positive_threshold: Some(run.recipe.positive_threshold),
        };
        let data = Data::load(&run.corpus, &options, mel, &corpus)?;
        if data.clips(Some(Split::Train)).is_empty() {
            bail!("{} has no training clips", run.corpus);
        }
        Ok(data)
    }

    /// The corpus as any number of runs need it.
    pub fn material<'a>(&self, data: &'a Data, mel: &MelConfig, chosen: &Chosen) -> Material<'a> {
        let parts = [Split::Train, Split::Validation, Split::Test].map(|split| data.clips(Some(split)));
        Material::new(&data.corpus.tags, mel, parts, chosen.device.clone(), self.corpus_in)
    }

    /// Whether the device multiplies as a run asks, also with others at its side: the precision is the whole process's.
    pub fn check_precision(&self, run: &RunFile, chosen: &Chosen) -> Result<()> {
        let asked = run.recipe.precision;
        precision::check(asked, &chosen.device).map_err(anyhow::Error::msg)?;
        if self.jobs > 1 && asked != Precision::Float32 {
            bail!("--jobs {}: only runs in float32 can be made at once", self.jobs);
        }
        Ok(())
    }

    /// Runs at once and threads of each.
    pub fn share(&self) -> Share {
        Share::of(self.jobs, rayon::current_num_threads())
    }
}

/// A device without its free memory, so that runs of one device are called the same.
pub fn device_name(chosen: &Chosen, share: Share) -> String {
    if chosen.device.is_cpu() {
        return format!("CPU, {} of {} threads for each run", share.threads, rayon::current_num_threads());
    }
    chosen.description.rsplit_once(", ").map_or(&*chosen.description, |(name, _)| name).to_string()
}

/// A bar for all runs, and one for each that is under way.
pub struct Bars {
    all: MultiProgress,
    total: ProgressBar,
}

impl Bars {
    pub fn new(what: &'static str) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} {msg}, {elapsed} so far")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let total = all.add(ProgressBar::no_length().with_style(style).with_message(what));
        total.enable_steady_tick(Duration::from_secs(1));
        Self { all, total }
    }

    pub fn finish(&self) {
        self.total.finish_and_clear();
    }
}

impl Watch for Bars {
    fn begin(&self, name: &str, epochs: usize) -> Box<dyn Progress + '_> {
        let style =
            ProgressStyle::with_template("  {prefix:24} {bar:24} {pos}/{len} steps, {eta} left  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::no_length().with_style(style).with_prefix(name.to_string());
        Box::new(RunBar { bar: self.all.insert_before(&self.total, bar), epochs, auc: String::new() })
    }

    fn said(&self, line: &str) {
        if self.total.is_hidden() {
            return show::line(line);
        }
        self.total.println(format!("  {line}"));
    }

    fn done(&self, done: usize, of: usize) {
        self.total.set_length(of as u64);
        self.total.set_position(done as u64);
    }
}

struct RunBar {
    bar: ProgressBar,
    epochs: usize,
    auc: String,
}

impl Progress for RunBar {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) {
        self.bar.set_length((self.epochs * steps) as u64);
        self.bar.set_position(((epoch - 1) * steps + step) as u64);
        self.bar.set_message(format!("epoch {epoch}, loss {loss:.3}{}", self.auc));
    }

    fn epoch(&mut self, record: &EpochRecord, _: bool) {
        if record.merit().is_some() {
            self.auc = format!(", {}", record.merit_text());
        }
    }
}

impl Drop for RunBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
