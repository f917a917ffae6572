//! `trainer sweep`: a search over a run's settings.

use super::search::{Bars, SearchArgs, device_name};
use super::train::{TRAINING, default_out, stop_on_ctrl_c};
use super::{INTERRUPTED, show};
use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::mel::MelConfig;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use trainer::corpus::{CorpusSpec, Split};
use trainer::files::write_atomically;
use trainer::net::{Budget, Model};
use trainer::plot;
use trainer::sweep::{Space, Sweep, Trial, drive, train_until};
use trainer::train::RunFile;

#[derive(Args, Clone)]
#[command(mut_arg("epochs", |arg| arg.help("Epochs of the trials that are trained to the end [default: the space's max_epochs]")))]
#[command(mut_arg("seed", |arg| arg.help("Seed of the corpus, of its split and of every trial [default: 1]")))]
pub struct SweepArgs {
    /// What is searched, as TOML: how many trials, and choices or ranges of a run's settings; docs/compare.md has the form
    #[arg(long, value_name = "FILE")]
    pub space: PathBuf,
    /// synth, synth:CLIPS, folder:DIR or manifest:FILE, as for `train` [default: synth]
    #[arg(long, value_name = "CORPUS")]
    pub corpus: Option<CorpusSpec>,
    /// Network, where the space does not say [default: k2c1]
    #[arg(long, value_enum)]
    pub model: Option<Model>,
    /// Size of the network, where the space does not say [default: 0.1M]
    #[arg(long)]
    pub budget: Option<Budget>,
    /// Trials to begin with [default: the space's]
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// Epochs of the first rung [default: the space's min_epochs]
    #[arg(long, value_name = "N")]
    pub min_epochs: Option<usize>,
    /// Folder for the trials, the table and best.toml; the same command goes on there [default: runs/sweep-CORPUS]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub search: SearchArgs,
}

impl SweepArgs {
    fn base(&self, mel: &MelConfig) -> Result<RunFile> {
        let mut run = self.search.run(RunFile::default(), mel)?;
        if let Some(corpus) = &self.corpus {
            run.corpus = corpus.clone();
        }
        run.model = self.model.unwrap_or(run.model);
        run.budget = self.budget.unwrap_or(run.budget);
        run.recipe.validate().map_err(anyhow::Error::msg)?;
        Ok(run)
    }

    fn searched(&self, base: &RunFile) -> Result<Space> {
        let mut space = Space::read(&self.space, base)?;
        let plan = &mut space.plan;
        plan.trials = self.trials.unwrap_or(plan.trials);
        plan.min_epochs = self.min_epochs.unwrap_or(plan.min_epochs);
        plan.max_epochs = self.search.recipe.epochs.unwrap_or(plan.max_epochs);
        plan.validate().map_err(anyhow::Error::msg)?;
        Ok(space)
    }
}

pub fn sweep(args: &SweepArgs) -> Result<ExitCode> {
    let mel = MelConfig::MINIM;
    let base = args.base(&mel)?;
    let space = args.searched(&base)?;
    let trials: Vec<Trial> = (0..space.plan.trials)
        .map(|number| {
            let values = space.draw(number);
            Ok(Trial { number, run: space.run(&base, &values).map_err(anyhow::Error::msg)?, values })
        })
        .collect::<Result<_>>()?;
    let chosen = trainer::device::choose(args.search.device);
    for trial in &trials {
        args.search.check_precision(&trial.run, &chosen)?;
        trainer::material::architecture(&trial.run, mel.mel_bands, 1).map_err(anyhow::Error::msg)?;
    }
    let out = args.out.clone().unwrap_or_else(|| default_out(&base.corpus, "sweep-", ""));
    let data = args.search.data(&base, &mel)?;
    if data.clips(Some(Split::Validation)).is_empty() {
        bail!("{} has no validation clips: there is nothing to choose by", base.corpus);
    }
    let material = args.search.material(&data, &mel, &chosen);
    let share = args.search.share();
    show::stage(&format!("{} trials in {}", trials.len(), out.display()));
    show::line(&format!(
        "{} epochs in all at most, {} at once; {}",
        space.plan.epochs(),
        share.jobs,
        device_name(&chosen, share)
    ));
    let names: Vec<&str> = space.keys.iter().map(|(key, _)| key.as_str()).collect();
    show::line(&format!("searched: {}", names.join("  ")));
    let fingerprint = material.fingerprint_of_all();
    let settings = |trial: &Trial| serde_json::json!({"run": trial.run, "clips": fingerprint});
    let stop = stop_on_ctrl_c()?;
    let bars = Bars::new("trials of this rung");
    let train = |trial: &Trial, folder: &Path, until: usize| {
        train_until(&material, trial, folder, until, &stop, &bars)
    };
    TRAINING.store(true, Ordering::Relaxed);
    let driven =
        drive(&space.plan, &trials, &settings, &out, args.search.overwrite, share, &stop, &bars, &train);
    TRAINING.store(false, Ordering::Relaxed);
    bars.finish();
    let driven = driven?;
    if driven.stopped {
        show::line("stopped. The same command goes on from there.");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let sweep = Sweep::new(space, trials, driven);
    write(&sweep, &base, &out)?;
    if args.search.json {
        println!("{}", sweep.json()?);
    } else {
        println!("\n{}", sweep.table());
    }
    let Some((_, about)) = sweep.best() else {
        show::line("every trial failed; sweep.csv says why");
        return Ok(ExitCode::FAILURE);
    };
    show::stage(&format!("Chosen: {about}"));
    show::line(&format!("sweep.csv, sweep.json, sweep.png and .svg, best.toml are in {}", out.display()));
    eprintln!("\nTrain it, score it on the test clips and export it:");
    eprintln!("  cargo run -p trainer -- train --config {} --out DIR", out.join("best.toml").display());
    Ok(ExitCode::SUCCESS)
}

fn write(sweep: &Sweep, base: &RunFile, out: &Path) -> Result<()> {
    let put = |name: &str, text: &str| {
        let path = out.join(name);
        write_atomically(&path, text.as_bytes()).with_context(|| format!("{}", path.display()))
    };
    put("sweep.csv", &sweep.csv()?)?;
    put("sweep.json", &(sweep.json()? + "\n"))?;
    if let Some(text) = sweep.best_toml()? {
        put("best.toml", &text)?;
        let (axes, lines) = sweep.parallel();
        let title =
            format!("Search on {}: settings and validation AUC where each trial stopped", base.corpus);
        plot::parallel_coordinates(&out.join("sweep"), &title, &axes, &lines)?;
    }
    Ok(())
}
