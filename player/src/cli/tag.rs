//! `player tag`.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use player::model;
use player::tag::tag_file;
use runtime::tagger::{EngineChoice, Tagger, TaggerOptions};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Exit code: 0 when every file was tagged, 1 when one was not (the others still are), 2 for wrong arguments.

Examples:
  player tag song.mp3
  player tag --top 10 --model models/k2c1-msd50-0.1m *.flac
  player tag --json music/*.ogg > tags.jsonl")]
pub struct TagArgs {
    /// Audio files: mp3, flac, ogg vorbis, wav, aac/m4a, aiff
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Model: a folder with model.int8.onnx or model.onnx and card.json, or an ONNX file with its card inside or beside it
    ///
    /// A folder's packed model.bin is used where it is there. Without it, the environment variable MINIM_MODEL names the model, else it is models/k2c1-msd50 below the current
    /// folder or a folder above this program.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// What runs the network: the integer engine on model.bin, or tract on the ONNX file; the faster one that there is
    #[arg(long, value_enum, default_value = "auto")]
    engine: Engine,

    /// How many tags to show per file, the most likely ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,

    /// Print one line of JSON per file: {"path","seconds","windows","tags":[{"tag","p"}]} or {"path","error"}
    #[arg(long)]
    json: bool,
}

/// What runs the network.
#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Auto,
    Int8,
    Tract,
}

impl From<Engine> for EngineChoice {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => Self::Auto,
            Engine::Int8 => Self::Int8,
            Engine::Tract => Self::Tract,
        }
    }
}

/// Tags all files; false when one of them failed.
pub fn tag(args: &TagArgs) -> Result<bool> {
    let path = model::find(args.model.as_deref())?;
    let options = TaggerOptions { engine: args.engine.into(), ..Default::default() };
    let tagger = Tagger::load_with(&path, &options).context("cannot load the model")?;
    let progress = progress(args.files.len());
    let mut all_well = true;
    for file in &args.files {
        progress.set_message(file.display().to_string());
        let report = tag_file(&tagger, file, args.top);
        all_well &= !report.failed();
        progress.suspend(|| -> Result<()> {
            let mut out = std::io::stdout().lock();
            if report.failed() {
                eprint!("{}", report.text());
            }
            if args.json {
                writeln!(out, "{}", report.json()?)?;
            } else if !report.failed() {
                write!(out, "{}", report.text())?;
            }
            Ok(())
        })?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(all_well)
}

fn progress(files: usize) -> ProgressBar {
    if files < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
