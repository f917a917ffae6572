//! The folder that a run works in: what may lie there already, and what a reader may want of it in the end.

use super::args::TrainArgs;
use super::data::Data;
use super::show;
use anyhow::{Context, Result, bail};
use std::path::Path;
use trainer::corpus::{ClipSource, CorpusSpec, Split, synth};
use trainer::files::make_writable;
use trainer::report;

/// From which a run goes on.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// From which a run can be done again.
pub const RUN_FILE: &str = "run.toml";

/// What a run leaves behind.
fn outputs() -> impl Iterator<Item = String> {
    let files = [
        CHECKPOINT,
        RUN_FILE,
        "model.onnx",
        "model.int8.onnx",
        "model.bin",
        "card.json",
        "metrics.json",
        "run.json",
        report::FILE_NAME,
    ];
    let figures = report::FIGURES.iter().flat_map(|name| [format!("{name}.png"), format!("{name}.svg")]);
    files.into_iter().map(String::from).chain(figures)
}

/// Makes the folder, finds out whether it can be written before hours of training, and clears it of an old run's
/// results, so that none of them is taken for this one's.
pub fn make_folder(args: &TrainArgs, out: &Path) -> Result<()> {
    make_writable(out).with_context(|| format!("{}", out.display()))?;
    if args.overwrite {
        for path in outputs().map(|name| out.join(name)).filter(|path| path.exists()) {
            std::fs::remove_file(&path).with_context(|| format!("{}", path.display()))?;
        }
    }
    Ok(())
}

/// A run or a model is never overwritten unasked. A run's file alone is neither: that run left nothing else behind.
pub fn check_folder(args: &TrainArgs, out: &Path) -> Result<()> {
    let checkpoint = out.join(CHECKPOINT);
    if args.resume && !checkpoint.exists() {
        bail!("--resume: there is no {}", checkpoint.display());
    }
    let taken = outputs().any(|name| name != RUN_FILE && out.join(name).exists());
    if taken && !args.resume && !args.overwrite {
        bail!(
            "{} holds a run or a model: continue it with --resume, replace it with --overwrite, or choose another --out",
            out.display()
        );
    }
    Ok(())
}

/// The commands that a reader may want now, ready to be copied.
pub fn what_next(corpus: &CorpusSpec, out: &Path, data: &Data, scored: bool, seconds: f64) -> Result<()> {
    let folder = out.display();
    show::stage(&format!("Done in {seconds:.0} s: {folder}"));
    show::line(
        "model.onnx, model.int8.onnx, card.json   the model, for the runtime, the player or any ONNX engine",
    );
    if scored {
        show::line("report.html, metrics.json, learning.png, roc.png and others   what it can do");
    }
    if let CorpusSpec::Synth { .. } = corpus {
        let test = data.corpus.clips.iter().find(|c| c.split == Some(Split::Test));
        if let Some(ClipSource::Synth(clip)) = test.map(|c| &c.source) {
            let wav = out.join("example.wav");
            synth::write_wav(clip, &wav).with_context(|| format!("{}", wav.display()))?;
            eprintln!(
                "\nTag a clip that it has not heard (synthetic; any song works, but this model knows no real music):"
            );
            eprintln!("  cargo run --bin player -- tag {} --model {folder}", wav.display());
        }
        eprintln!(
            "\nTrain on your own music, sub-folders as tags or a CSV with a path and a column per tag:"
        );
        eprintln!(
            "  cargo run -p trainer -- train --corpus folder:DIR --model k2c1 --budget 0.25M --epochs 60 --out runs/mine"
        );
        eprintln!("  cargo run -p trainer -- train --corpus manifest:FILE.csv --out runs/mine");
    } else {
        eprintln!("\nTag a song with it:\n  cargo run --bin player -- tag SONG --model {folder}");
        eprintln!(
            "\nScore it on another corpus:\n  cargo run -p trainer -- eval --model {folder} --corpus manifest:FILE.csv"
        );
    }
    Ok(())
}
