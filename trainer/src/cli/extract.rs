//! `trainer extract`: the spectrograms of a corpus into the cache, and nothing else.

use super::show;
use anyhow::{Context, Result};
use clap::Args;
use runtime::mel::MelConfig;
use runtime::tagger::Tagger;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use trainer::corpus::{CorpusOptions, CorpusSpec, Problem, load};
use trainer::features::{CacheDir, Filled, Shard, fill_cache};

#[derive(Args)]
#[command(after_help = "\
Every command that needs spectrograms computes those that the cache lacks. This one is for the machines that do it before,
each with a part of the corpus; the parts need no merging. A file that is missing or damaged is named and left out.

Examples:
  trainer extract --corpus msd:/data/msd --shard 3/16 --cache /data/features
  trainer extract --corpus folder:music --jobs 4 --json")]
pub struct ExtractArgs {
    /// synth, synth:CLIPS, folder:DIR, manifest:FILE, debian:DIR, or msd:DIR, mtat:DIR, jamendo:DIR, fma:DIR, gtzan:DIR; more
    /// than once for all of them together
    #[arg(long, value_name = "CORPUS", required = true)]
    corpus: Vec<CorpusSpec>,
    /// Only the K-th of N parts, counted from 1, into a folder of its own: each machine takes another one. Which part a
    /// clip is in depends on its name and N alone [default: all of the corpus]
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Features cached as 8-bit codes go here; machines may share it
    #[arg(long, value_name = "DIR", default_value = "runs/features")]
    cache: PathBuf,
    /// Threads that decode and compute spectrograms [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Model folder or ONNX file whose spectrograms are computed [default: those that trainer train learns from]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Seed of a synthetic corpus
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print what was done as JSON on standard output
    #[arg(long)]
    json: bool,
}

pub fn extract(args: &ExtractArgs) -> Result<ExitCode> {
    let mel = match &args.model {
        Some(model) => *Tagger::load(model)?.mel_config(),
        None => MelConfig::MINIM,
    };
    let spec = CorpusSpec::all_of(args.corpus.clone()).context("--corpus is missing")?;
    let part = args.shard.map(|shard| format!(", part {shard}")).unwrap_or_default();
    show::stage(&format!("Spectrograms of {spec}{part}"));
    // Everything that any command might want of it.
    let options =
        CorpusOptions { seed: args.seed, min_positives: 0, keep_unlabelled: true, ..Default::default() };
    let loaded = load(&spec, &options)?;
    let ours = |problem: &Problem| args.shard.is_none_or(|shard| shard.holds(&problem.id));
    let mut problems: Vec<Problem> = loaded.problems.into_iter().filter(ours).collect();
    let jobs = trainer::jobs::threads_or_cores(args.jobs).max(1);
    let bar = show::bar("log-mels");
    let cache = CacheDir::new(&args.cache);
    let filled = fill_cache(&loaded.corpus, args.shard, &mel, &cache, jobs, &bar)
        .with_context(|| format!("features of {spec}"));
    bar.finish_and_clear();
    let filled = filled?;
    problems.extend(filled.problems.iter().cloned());
    show::some_problems(&problems, "--json names all");
    if args.json {
        println!("{}", report(args, &spec, &filled, &problems, jobs));
        return Ok(ExitCode::SUCCESS);
    }
    let seconds = (filled.checking + filled.computing).as_secs_f64();
    let per_thousand = filled.seconds_per_thousand();
    let per_thousand =
        per_thousand.map_or_else(String::new, |s| format!(", {s:.1} s per 1,000 clips with {jobs} threads"));
    println!(
        "{} computed, {} there already, {} left out in {seconds:.1} s{per_thousand}: {}",
        filled.computed,
        filled.found,
        problems.len(),
        args.cache.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn report(
    args: &ExtractArgs,
    spec: &CorpusSpec,
    filled: &Filled,
    problems: &[Problem],
    jobs: usize,
) -> Value {
    let left_out = problems.iter().map(|problem| json!({ "id": problem.id, "reason": problem.reason }));
    json!({
        "corpus": spec.to_string(),
        "shard": args.shard.map(|shard| shard.to_string()),
        "jobs": jobs,
        "computed": filled.computed,
        "found": filled.found,
        "left_out": left_out.collect::<Vec<_>>(),
        "seconds": (filled.checking + filled.computing).as_secs_f64(),
        "seconds_per_1000": filled.seconds_per_thousand(),
    })
}
