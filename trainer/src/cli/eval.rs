//! `trainer eval`: an exported model on a corpus.

use super::args::{EvalArgs, SplitArg};
use super::data::Data;
use super::show;
use anyhow::{Context, Result, bail};
use runtime::tagger::{Precision, Tagger, TaggerOptions};
use std::process::ExitCode;
use trainer::corpus::{CorpusOptions, Split};
use trainer::deliver::probabilities_by_runtime;
use trainer::eval::{EvalOptions, Scores, compare, evaluate, table};
use trainer::train::LabelledClip;

pub fn eval(args: &EvalArgs) -> Result<ExitCode> {
    let tagger = Tagger::load(&args.model)?;
    let options = CorpusOptions {
        seed: args.seed,
        positive_threshold: args.data.positive_threshold,
        min_positives: 1,
        ..Default::default()
    };
    let data = Data::load(&args.corpus, &options, tagger.mel_config(), &args.data)?;
    let (split, split_name) = match args.split {
        SplitArg::Train => (Some(Split::Train), "train"),
        SplitArg::Validation => (Some(Split::Validation), "validation"),
        SplitArg::Test => (Some(Split::Test), "test"),
        SplitArg::All => (None, "all"),
    };
    let clips = data.clips(split);
    if clips.is_empty() {
        bail!("{} has no clips in split {split_name}", args.corpus);
    }
    show::stage(&format!("Scoring {} clips", clips.len()));
    let started = std::time::Instant::now();
    let score = |tagger: &Tagger, clips: &[LabelledClip<'_>]| -> Result<_> {
        let p = probabilities_by_runtime(tagger, clips)?;
        let truth: Vec<f32> = clips.iter().flat_map(|c| c.labels.iter().copied()).collect();
        let (scores, left_out) = Scores::matched(tagger.tags(), &p, &data.corpus.tags, &truth, clips.len())?;
        Ok((scores.with_positive_threshold(args.data.positive_threshold)?, left_out))
    };
    // Both files where the folder has both: the float one is the model, the int8 one is compared with it.
    let with = |precision| TaggerOptions { precision, ..Default::default() };
    let float = Tagger::load_with(&args.model, &with(Precision::Float)).ok();
    let int8 = Tagger::load_with(&args.model, &with(Precision::Int8)).ok();
    let main = float.as_ref().unwrap_or(&tagger);
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
    let mut evaluation = evaluate(&name, &args.corpus.to_string(), validation.as_ref(), &scores, &options)
        .with_context(|| format!("{}", args.corpus))?;
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
