//! `trainer eval`: an exported model on a corpus.

use super::args::{EvalArgs, SplitArg};
use super::data::Data;
use super::show;
use anyhow::{Context, Result, bail};
use runtime::tagger::{Precision, Tagger, TaggerError, TaggerOptions};
use std::process::ExitCode;
use trainer::corpus::{CorpusOptions, CorpusSpec, Split};
use trainer::deliver::probabilities_by_runtime;
use trainer::eval::{EvalOptions, Scores, compare, evaluate, table};
use trainer::train::LabelledClip;

/// The file of that precision; none where there is no such file.
fn load(args: &EvalArgs, precision: Precision) -> Result<Option<Tagger>> {
    match Tagger::load_with(&args.model, &TaggerOptions { precision, ..Default::default() }) {
        // A path to a file loads that file, whatever was asked for.
        Ok(tagger) => Ok(Some(tagger).filter(|tagger| tagger.precision() == precision)),
        Err(TaggerError::NoModel { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub fn eval(args: &EvalArgs) -> Result<ExitCode> {
    let positive_threshold = super::data::positive_threshold(&args.data)?;
    // The float file is the model; the int8 file beside it is compared with it.
    let (float, int8) = (load(args, Precision::Float)?, load(args, Precision::Int8)?);
    let Some(main) = float.as_ref().or(int8.as_ref()) else {
        bail!("{}: neither a float nor an int8 model", args.model.display());
    };
    if float.is_none() {
        show::line("the figures are those of the int8 file: there is no float one");
    }
    let trained_with = main.card().data.as_ref().and_then(|data| data["seed"].as_u64());
    let options = CorpusOptions {
        seed: args.seed.or(trained_with).unwrap_or(1),
        positive_threshold,
        min_positives: 0,
        ..Default::default()
    };
    let corpus = CorpusSpec::all_of(args.corpus.clone()).context("--corpus is missing")?;
    let data = Data::load(&corpus, &options, main.mel_config(), &args.data)?;
    let (split, split_name) = match args.split {
        SplitArg::Train => (Some(Split::Train), "train"),
        SplitArg::Validation => (Some(Split::Validation), "validation"),
        SplitArg::Test => (Some(Split::Test), "test"),
        SplitArg::All => (None, "all"),
    };
    let clips = data.clips(split);
    if clips.is_empty() {
        bail!("{} has no clips in split {split_name}", corpus);
    }
    show::stage(&format!("Scoring {} clips", clips.len()));
    let started = std::time::Instant::now();
    let score = |tagger: &Tagger, clips: &[LabelledClip<'_>]| -> Result<_> {
        let p = probabilities_by_runtime(tagger, clips)?;
        let truth: Vec<f32> = clips.iter().flat_map(|c| c.labels.iter().copied()).collect();
        let (scores, left_out) = Scores::matched(tagger.tags(), &p, &data.corpus.tags, &truth, clips.len())?;
        Ok((scores.with_positive_threshold(positive_threshold)?, left_out))
    };
    let (scores, left_out) = score(main, &clips)?;
    // Thresholds are chosen on validation clips that are not the ones scored; else the card's are used.
    let validation = match split {
        Some(Split::Test) => Some(data.clips(Some(Split::Validation))).filter(|v| !v.is_empty()),
        _ => None,
    };
    let validation = validation.map(|v| score(main, &v)).transpose()?.map(|(scores, _)| scores);
    let thresholds = main.card().thresholds.iter().flatten().zip(main.tags());
    let options = EvalOptions {
        split: split_name.into(),
        split_rule: data.corpus.split_rule.clone(),
        thresholds: thresholds.map(|(&t, tag)| (tag.clone(), f64::from(t))).collect(),
        left_out,
        ..Default::default()
    };
    let name = main.card().name.clone();
    let mut evaluation = evaluate(&name, &corpus.to_string(), validation.as_ref(), &scores, &options)
        .with_context(|| corpus.to_string())?;
    if let (Some(_), Some(int8)) = (&float, &int8) {
        evaluation.int8 = Some(compare(&scores, &score(int8, &clips)?.0)?);
    }
    evaluation.seconds = Some(started.elapsed().as_secs_f64());
    if args.json {
        println!("{}", serde_json::to_string(&evaluation)?);
    } else {
        println!("{}", table(&evaluation));
    }
    Ok(ExitCode::SUCCESS)
}
