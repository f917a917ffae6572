//! `trainer compare`: the paper's comparison on any corpus.

use super::search::{Bars, SearchArgs, device_name};
use super::train::{TRAINING, default_out, stop_on_ctrl_c};
use super::{INTERRUPTED, show};
use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::mel::MelConfig;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use trainer::compare::record::{ANSWERS, read_answers, write_json};
use trainer::compare::report::About;
use trainer::compare::{
    Comparison, RunKey, RunResult, compare as table_of, drive, markdown, paper, runs, train_one,
};
use trainer::corpus::{CorpusSpec, Split};
use trainer::files::write_atomically;
use trainer::material::{Material, architecture};
use trainer::net::{Architecture, Budget, Model, PAPER_POOLS};
use trainer::plot;
use trainer::train::{RunFile, TrainConfig};

/// Clips of `synth` here: few enough that networks still differ, and that fifteen runs end within half an hour on two
/// cores.
const SYNTH_CLIPS: usize = 240;
/// Epochs where neither a flag nor a file says how many.
const EPOCHS: usize = 8;

#[derive(Args, Clone)]
#[command(mut_arg("epochs", |arg| arg.help("Passes over the training clips at most [default: 8]")))]
#[command(mut_arg("seed", |arg| arg.help("Seed of the corpus and of its split, and the first of the runs' [default: 1]")))]
pub struct CompareArgs {
    /// synth, synth:CLIPS, folder:DIR or manifest:FILE, as for `train`; but synth alone is synth:240 here [default: synth]
    #[arg(long, value_name = "CORPUS")]
    pub corpus: Option<String>,
    /// Networks to compare [default: all five]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub models: Vec<Model>,
    /// Sizes to compare them at: 0.1M, 0.25M, 0.5M, 1M, 3M parameters [default: all five]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub budgets: Vec<Budget>,
    /// Runs of each, with seeds that follow each other
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub seeds: u64,
    /// Folder for the runs, the table and the figure; the same command goes on there [default: runs/compare-CORPUS]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub search: SearchArgs,
}

impl CompareArgs {
    fn run(&self, mel: &MelConfig) -> Result<RunFile> {
        let recipe = TrainConfig { epochs: EPOCHS, ..Default::default() };
        let default =
            RunFile { corpus: CorpusSpec::Synth { clips: SYNTH_CLIPS }, recipe, ..Default::default() };
        let mut run = self.search.run(default, mel)?;
        run.corpus = match self.corpus.as_deref() {
            None => run.corpus,
            Some("synth") => CorpusSpec::Synth { clips: SYNTH_CLIPS },
            Some(text) => text.parse()?,
        };
        // Neither has a part in the result.
        run.licence = None;
        run.recipe.validate().map_err(anyhow::Error::msg)?;
        if self.seeds == 0 || self.seeds > 1000 {
            bail!("--seeds is at least 1 and at most 1000");
        }
        Ok(run)
    }

    fn runs(&self, first: u64) -> Vec<RunKey> {
        let or_all = |given: &[Model]| if given.is_empty() { Model::ALL.to_vec() } else { given.to_vec() };
        let budgets = if self.budgets.is_empty() { Budget::ALL.to_vec() } else { self.budgets.clone() };
        runs(&or_all(&self.models), &budgets, first, self.seeds)
    }
}

/// The common run as that of one network, size and seed. Pools can be chosen for k2c1 only.
fn run_of(common: &RunFile, key: &RunKey) -> RunFile {
    let mut run = RunFile { model: key.model, budget: key.budget, ..common.clone() };
    run.recipe.seed = key.seed;
    if key.model != Model::K2c1 {
        run.pools = PAPER_POOLS.to_vec();
    }
    run
}

pub fn compare(args: &CompareArgs) -> Result<ExitCode> {
    let mel = MelConfig::MINIM;
    let common = args.run(&mel)?;
    let keys = args.runs(common.recipe.seed);
    let chosen = trainer::device::choose(args.search.device);
    args.search.check_precision(&common, &chosen)?;
    // Before the corpus is read, so that a mistake in the settings does not cost the time of reading it.
    for key in &keys {
        architecture(&run_of(&common, key), mel.mel_bands, 1).map_err(anyhow::Error::msg)?;
    }
    let out = args.out.clone().unwrap_or_else(|| default_out(&common.corpus, "compare-", ""));
    let data = args.search.data(&common, &mel)?;
    if data.clips(Some(Split::Test)).is_empty() {
        bail!("{} has no test clips: there is nothing to compare by", common.corpus);
    }
    let material = args.search.material(&data, &mel, &chosen);
    let share = args.search.share();
    let device = device_name(&chosen, share);
    show::stage(&format!("{} runs in {}", keys.len(), out.display()));
    show::line(&format!("at most {} epochs each, {} at once; {device}", common.recipe.epochs, share.jobs));

    let fingerprint = material.fingerprint_of_all();
    let kind = if chosen.device.is_cpu() { "cpu" } else { "gpu" };
    let settings = |key: &RunKey| {
        serde_json::json!({
            "run": run_of(&common, key), "corpus_seed": common.recipe.seed, "clips": fingerprint, "device": kind,
        })
    };
    let stop = stop_on_ctrl_c()?;
    let bars = Bars::new("runs");
    let train = |key: &RunKey, folder: &Path| {
        train_one(&material, &run_of(&common, key), folder, &device, &stop, &bars)
    };
    TRAINING.store(true, Ordering::Relaxed);
    let results = drive(&keys, &settings, &out, args.search.overwrite, share, &stop, &bars, &train);
    TRAINING.store(false, Ordering::Relaxed);
    bars.finish();
    let results = results?;
    let ended: Vec<(RunKey, RunResult)> =
        keys.iter().zip(results).filter_map(|(key, result)| Some((*key, result?))).collect();
    if ended.len() < keys.len() {
        let left = keys.len() - ended.len();
        show::line(&format!(
            "stopped with {left} of {} runs to do. The same command goes on from there.",
            keys.len()
        ));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let about = About {
        corpus: common.corpus.to_string(),
        split_rule: data.corpus.split_rule.clone(),
        clips: [&material.train, &material.validation, &material.test].map(Vec::len),
        tags: data.corpus.tags.clone(),
        is_papers_corpus: paper::is_its_corpus(&common.corpus.to_string(), &data.corpus.tags),
        recipe: common.recipe.clone(),
    };
    let comparison = gather(about, &ended, &material, &common, &out)?;
    write(&comparison, &out)?;
    if args.search.json {
        println!("{}", serde_json::to_string(&comparison)?);
    } else {
        println!("\n{}", markdown::table(&comparison));
    }
    let failed = ended.iter().filter(|(_, result)| matches!(result, RunResult::Failed { .. })).count();
    if failed > 0 {
        show::line(&format!(
            "{failed} of {} runs failed; compare.md says why, and the same command tries them again",
            ended.len()
        ));
    }
    show::stage(&format!("compare.md, compare.json, compare.png and .svg are in {}", out.display()));
    Ok(if failed == ended.len() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn gather(
    about: About,
    ended: &[(RunKey, RunResult)],
    material: &Material<'_>,
    common: &RunFile,
    out: &Path,
) -> Result<Comparison> {
    let shape = |model, budget| -> Result<Architecture, String> {
        material.architecture(&run_of(common, &RunKey { model, budget, seed: common.recipe.seed }))
    };
    let answers = |key: &RunKey| {
        let path = out.join("runs").join(key.to_string()).join(ANSWERS);
        let p = read_answers(&path).map_err(|e| e.to_string())?;
        material.scores(&material.test, p, common.recipe.positive_threshold)
    };
    table_of(about, ended, &shape, &answers).map_err(anyhow::Error::msg)
}

fn write(comparison: &Comparison, out: &Path) -> Result<()> {
    write_json(&out.join("compare.json"), comparison)?;
    let path = out.join("compare.md");
    write_atomically(&path, markdown::document(comparison).as_bytes())
        .with_context(|| format!("{}", path.display()))?;
    if comparison.rows.iter().any(|row| row.result.is_some()) {
        plot::comparison(&out.join("compare"), comparison)?;
    }
    Ok(())
}
