//! `player`: tags songs, offline.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use player::{model, tag};
use runtime::tagger::Tagger;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tags music on this computer: nothing leaves it.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says what is in songs: tags with probabilities.
    Tag(TagArgs),
}

#[derive(Args)]
#[command(after_help = "\
Exit code: 0 when every file was tagged, 1 when one was not (the others still are), 2 for wrong arguments.

Examples:
  player tag song.mp3
  player tag --top 10 --model models/k2c1-msd50-0.1m *.flac
  player tag --json music/*.ogg > tags.jsonl")]
struct TagArgs {
    /// Audio files: mp3, flac, ogg vorbis, wav, aac/m4a, aiff
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Model: a folder with model.int8.onnx or model.onnx and card.json, or an ONNX file with its card inside or beside it
    ///
    /// Without it, the environment variable MINIM_MODEL names the model, else it is models/k2c1-msd50 below the current
    /// folder or a folder above this program.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// How many tags to show per file, the most likely ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,

    /// Print one line of JSON per file: {"path","seconds","windows","tags":[{"tag","p"}]} or {"path","error"}
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Command::Tag(args) = Cli::parse().command;
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has seen enough.
        Err(error) if closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // What we were doing and what went wrong; the runtime's errors name their own causes.
            let said: Vec<String> = error.chain().take(2).map(ToString::to_string).collect();
            eprintln!("error: {}", said.join(": "));
            ExitCode::FAILURE
        }
    }
}

/// Tags all files; false when one of them failed.
fn run(args: &TagArgs) -> Result<bool> {
    let path = model::find(args.model.as_deref())?;
    let tagger = Tagger::load(&path).context("cannot load the model")?;
    let progress = progress(args.files.len());
    let mut all_well = true;
    for file in &args.files {
        progress.set_message(file.display().to_string());
        let report = tag::tag_file(&tagger, file, args.top);
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

fn closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
