//! `trainer train`, and `trainer` alone: the whole job.

use super::args::{CACHE, TrainArgs};
use super::data::Data;
use super::folder::{CHECKPOINT, RUN_FILE, check_folder, make_folder, what_next};
use super::recipe::BatchSize;
use super::{INTERRUPTED, report, show};
use anyhow::{Context, Result, bail};
use runtime::mel::{FrameCodes, MelConfig};
use runtime::tagger::Precision;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::corpus::{CorpusOptions, CorpusSpec, Split};
use trainer::deliver::{Delivery, metrics_for_card, score_by_runtime};
use trainer::eval::{EvalError, EvalOptions, Evaluation, Scores, compare, evaluate, table};
use trainer::features::ahead;
use trainer::files::write_atomically;
use trainer::net::{Architecture, Standardise};
use trainer::plot;
use trainer::train::hearing::heard;
use trainer::train::{
    CorpusIn, Ranks, RunFile, RunState, Task, calibrate, fit, precision, probabilities, scores, taught,
    train_on,
};

/// The whole job on synthetic music. An interrupted one is continued, a finished one is kept and a new folder taken.
pub fn main_job() -> Result<ExitCode> {
    let mut args = TrainArgs::main_job();
    args.licence = Some("MIT OR Apache-2.0".into());
    let base = run_out(&RunFile::default());
    let numbered =
        |n: usize| if n == 1 { base.clone() } else { PathBuf::from(format!("{}-{n}", base.display())) };
    let finished = |folder: &Path| folder.join("metrics.json").exists();
    let folder = (1..).map(numbered).find(|f| !finished(f)).unwrap_or_else(|| base.clone());
    args.resume = folder.join(CHECKPOINT).exists();
    args.out = Some(folder);
    train(args)
}

pub fn train(mut args: TrainArgs) -> Result<ExitCode> {
    let started = std::time::Instant::now();
    // No folder but a place: that of the device's memory. A folder of this name is ./device.
    if args.data.cache == Path::new("device") {
        args.data.cache = CACHE.into();
        args.corpus_in = CorpusIn::Device;
    }
    let mel = MelConfig::MINIM;
    // Before the corpus is read, so that a mistake in the settings does not cost the time of reading it.
    let mut run = args.run(&mel)?;
    let out = args.out.clone().unwrap_or_else(|| run_out(&run));
    check_folder(&args, &out)?;
    let shape = |tags| {
        Architecture::new(run.model, run.budget, mel.mel_bands, &run.pools, tags).map_err(anyhow::Error::msg)
    };
    check_crop(&run, &shape(1)?, &mel)?;
    let chosen = trainer::device::choose(args.device);
    let ranks = ranks(&args, &chosen.device)?;
    precision::check(run.recipe.precision, &chosen.device).map_err(anyhow::Error::msg)?;

    let options = CorpusOptions {
        seed: run.recipe.seed,
        positive_threshold: run.recipe.positive_threshold,
        min_positives: run.min_positives,
        max_tags: run.max_tags,
        draw_test: !run.no_test,
        ..Default::default()
    };
    let data = Data::load(&run.corpus, &options, &mel, &args.data)?;
    let tags = &data.corpus.tags;
    let (train, validation, test) =
        (data.clips(Some(Split::Train)), data.clips(Some(Split::Validation)), data.clips(Some(Split::Test)));
    if train.is_empty() {
        bail!("{} has no training clips", run.corpus);
    }

    let architecture = shape(tags.len())?;
    if args.recipe.batch_size == Some(BatchSize::Auto) && !args.resume {
        let frames = run.recipe.crop(architecture.receptive_field());
        let crops = heard(&train, run.recipe.crops_per_clip, mel.mel_bands, frames).len();
        run.recipe.batch_size = fit::fitting_batch(&architecture, frames, crops, &chosen.device)?;
        show::line(&format!("{} clips per step fit", run.recipe.batch_size));
    }
    let config = &run.recipe;
    show::stage(&format!("Training {} {} for at most {} epochs", run.model, run.budget, config.epochs));
    let seconds = |frames: usize| frames as f64 * mel.hop_length as f64 / f64::from(mel.sample_rate);
    show::line(&format!(
        "{} parameters; one answer hears {:.1} s, a new one every {:.1} s; {}",
        architecture.parameters(),
        seconds(architecture.receptive_field()),
        seconds(architecture.stride()),
        chosen.description
    ));
    let codes = FrameCodes::of(mel.compression);
    let decode = |code: u8| codes.decode(code);
    let training_codes = ahead(train.iter().map(|c| c.codes));
    let standardise =
        Standardise::measure_on_grid(training_codes, mel.mel_bands, decode, !architecture.slides());
    let task = Task {
        architecture: &architecture,
        tags,
        standardise: &standardise,
        decode: &decode,
        train: &train,
        validation: &validation,
        corpus_in: args.corpus_in,
    };
    make_folder(&args, &out)?;
    let checkpoint = out.join(CHECKPOINT);
    if !args.resume {
        write_text(&out.join(RUN_FILE), &run.to_toml()?)?;
    }
    let stop = stop_on_ctrl_c()?;
    let mut bar = show::TrainingBar::new(config.epochs);
    TRAINING.store(true, Ordering::Relaxed);
    let outcome = train_on(&task, config, ranks, &checkpoint, args.resume, &stop, &mut bar);
    TRAINING.store(false, Ordering::Relaxed);
    bar.finish();
    let outcome = outcome?;
    if let Some(memory) = trainer::device::memory(&chosen.device) {
        let gib = |bytes: usize| bytes as f64 / f64::from(1 << 30);
        show::line(&format!(
            "GPU memory: {:.1} of {:.1} GiB free after training",
            gib(memory.free),
            gib(memory.total)
        ));
    }
    if outcome.interrupted {
        show::line(&format!(
            "stopped in epoch {}, step {}; everything is in {}. The same command with --resume goes on from there.",
            outcome.state.epoch + 1,
            outcome.state.step,
            checkpoint.display()
        ));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if let Some((epoch, _)) = outcome.state.best {
        show::line(&format!("kept epoch {epoch} of {}", outcome.state.epoch));
    }

    let table_of_codes = standardise.table(decode);
    let calibrated = match taught(&validation) {
        true => calibrate(&outcome.network, tags, &validation, &table_of_codes, &chosen.device)?,
        false => None,
    };
    if let Some(calibrated) = &calibrated {
        show::calibrated(calibrated);
    }

    show::stage("Evaluating on the test split");
    let score = |clips: &[_]| -> Result<Option<Scores>> {
        if clips.is_empty() {
            return Ok(None);
        }
        let p = probabilities(&outcome.network, clips, &table_of_codes, &chosen.device)?;
        Ok(Some(scores(tags, clips, p)?.with_positive_threshold(config.positive_threshold)?))
    };
    let (validation_scores, test_scores) = (score(&validation)?, score(&test)?);
    let test_scores = test_scores.map(|scores| scores.with_groups(data.groups(Some(Split::Test))));
    let name = format!("{} {}", run.model, run.budget);
    let eval_options = EvalOptions {
        split: "test".into(),
        split_rule: data.corpus.split_rule.clone(),
        seed: config.seed,
        ..Default::default()
    };
    let evaluation = match &test_scores {
        Some(test) => {
            match evaluate(&name, &run.corpus.to_string(), validation_scores.as_ref(), test, &eval_options) {
                Ok(evaluation) => Some(evaluation),
                // Training was not in vain: the model is exported, without figures.
                Err(error @ EvalError::NothingToScore(_)) => {
                    show::line(&format!("nothing is scored: {error}"));
                    None
                }
                Err(error) => return Err(error).context("scoring the test split"),
            }
        }
        None => {
            show::line("the corpus has no test clips: nothing is scored");
            None
        }
    };

    show::stage(&format!("Quantising and exporting to {}", out.display()));
    let mut delivery = Delivery::new(&name, &outcome.network, &outcome.state, &mel, &train)?;
    let card = delivery.card();
    card.licence = run.licence.clone();
    card.thresholds = match &calibrated {
        Some(calibrated) => Some(calibrated.thresholds.clone()),
        None => evaluation.as_ref().map(|e| thresholds(tags, e)),
    };
    if let Some(calibrated) = &calibrated {
        card.other.insert("calibration".into(), serde_json::to_value(calibrated)?);
    }
    card.data = Some(serde_json::json!({
        "corpus": run.corpus.to_string(),
        "synthetic": run.corpus.parts().iter().all(|part| matches!(part, CorpusSpec::Synth { .. })),
        "train_clips": train.len(),
        "validation_clips": validation.len(),
        "test_clips": test.len(),
        "split_rule": data.corpus.split_rule,
        "seed": config.seed,
        "no_test": run.no_test,
    }));
    delivery.write(&out)?;
    write_run(&out, &name, &run.corpus.to_string(), &outcome.state)?;
    let mut evaluation = evaluation;
    if let (Some(evaluation), Some(by_candle)) = (&mut evaluation, &test_scores) {
        let threshold = config.positive_threshold;
        let by_runtime = |precision| -> Result<Scores> {
            Ok(score_by_runtime(&out, precision, tags, &test)?.with_positive_threshold(threshold)?)
        };
        let (float, int8) = (by_runtime(Precision::Float)?, by_runtime(Precision::Int8)?);
        let parity = compare(by_candle, &float)?;
        let report = compare(&float, &int8)?;
        evaluation.int8 = Some(report);
        evaluation.seconds = Some(started.elapsed().as_secs_f64());
        delivery.card().metrics = Some(metrics_for_card(evaluation));
        delivery.write(&out)?;
        write_json(&out.join("metrics.json"), evaluation)?;
        let split = Some(Split::Test);
        let file = out.join("model.onnx");
        let card = delivery.card();
        let scored = report::Scored { evaluation, scores: by_candle, data: &data, split, card, file: &file };
        report::write(&out, &out, &scored)?;
        show::line(&format!("scored again by the runtime from the exported files, {} clips:", test.len()));
        show::line(&format!(
            "float32  mean AUC {:.4}  (largest difference from the trainer {:.1e})",
            parity.mean_auc, parity.max_abs_difference
        ));
        show::line(&format!(
            "int8     mean AUC {:.4}  (AUC {:+.4}, largest difference of a probability {:.3})",
            report.mean_auc, report.auc_difference, report.max_abs_difference
        ));
        let size = |name: &str| std::fs::metadata(out.join(name)).map_or(0, |m| m.len());
        let (float, int8) = (size("model.onnx"), size("model.int8.onnx"));
        show::line(&format!(
            "model.onnx {} kB, model.int8.onnx {} kB ({:.2} of it)",
            float / 1000,
            int8 / 1000,
            int8 as f64 / float as f64
        ));
    }
    if args.json {
        println!("{}", serde_json::to_string(&evaluation)?);
    } else if let Some(evaluation) = &evaluation {
        println!("\n{}", table(evaluation));
    }
    what_next(&run.corpus, &out, &data, evaluation.is_some(), started.elapsed().as_secs_f64())?;
    Ok(ExitCode::SUCCESS)
}

/// Name of a folder where none is given, from the corpus.
pub fn default_out(corpus: &CorpusSpec, before: &str, after: &str) -> PathBuf {
    let corpus = corpus.to_string();
    let corpus = corpus.trim_end_matches(['/', '\\']);
    let last = corpus.rsplit(['/', '\\', ':']).next().unwrap_or("corpus");
    let corpus = if corpus.starts_with("synth") { "synth" } else { last.split('.').next().unwrap_or(last) };
    format!("runs/{before}{corpus}{after}").into()
}

/// Corpus, network and size.
fn run_out(run: &RunFile) -> PathBuf {
    default_out(&run.corpus, "", &format!("-{}-{}", run.model, run.budget))
}

/// A crop holds at least one window.
fn check_crop(run: &RunFile, architecture: &Architecture, mel: &MelConfig) -> Result<()> {
    let field = architecture.receptive_field();
    if run.recipe.crop(field) < field {
        let seconds = |frames: usize| frames as f64 * mel.hop_length as f64 / f64::from(mel.sample_rate);
        bail!(
            "--crop-seconds {:.2}: this network hears {:.2} s at once, and a crop is at least that",
            seconds(run.recipe.crop_frames),
            seconds(field)
        );
    }
    Ok(())
}

/// Whether the loop is running, which stops by itself when asked to.
pub static TRAINING: AtomicBool = AtomicBool::new(false);

/// While the loop runs, the first Ctrl-C asks the loop to stop after its step and write a checkpoint; the second ends the program.
pub fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) || !TRAINING.load(Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("\n  stopping after this step (Ctrl-C again to stop at once)");
    })
    .context("catching Ctrl-C")?;
    Ok(stop)
}

/// The thresholds chosen on validation, in the order of the tags.
fn thresholds(tags: &[String], evaluation: &Evaluation) -> Vec<f32> {
    let of = |tag: &String| evaluation.tags.iter().find(|t| &t.tag == tag);
    tags.iter().map(|tag| of(tag).map_or(0.5, |t| t.threshold as f32)).collect()
}

/// How the training went, whether or not there was anything to score.
fn write_run(out: &Path, model: &str, corpus: &str, state: &RunState) -> Result<()> {
    let epochs: Vec<plot::EpochPoint> = state.history.iter().map(report::point).collect();
    plot::learning_curves(&out.join("learning"), &format!("{model} on {corpus}"), &epochs)?;
    let run = serde_json::json!({
        "config": state.config,
        "architecture": state.architecture,
        "best": state.best,
        "history": state.history,
    });
    write_json(&out.join("run.json"), &run)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    write_text(path, &(serde_json::to_string_pretty(value)? + "\n"))
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, text.as_bytes()).with_context(|| format!("{}", path.display()))
}

/// The devices that share every batch.
fn ranks(args: &TrainArgs, device: &candle_core::Device) -> Result<Ranks> {
    match args.gpus {
        0 => bail!("--gpus is at least 1"),
        1 => Ok(Ranks::one(device)),
        gpus if device.is_cpu() => bail!("--gpus {gpus}: there is no GPU to compute on"),
        #[cfg(feature = "nccl")]
        gpus => Ranks::gpus(gpus).with_context(|| format!("--gpus {gpus}")),
        #[cfg(not(feature = "nccl"))]
        gpus => bail!("--gpus {gpus}: this build cannot; build with --features nccl"),
    }
}
