//! `player tag`.

use super::args::ModelArgs;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use player::files::write_atomically;
use player::report::Report;
use player::tag::{report, tag_song};
use player::taggram::Taggram;
use runtime::tagger::Tagger;
use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = "\
Exit code: 0 when every file was tagged, 1 when one was not (the others still are), 2 for wrong arguments.

Examples:
  player tag song.mp3
  player tag --top 10 --model models/k2c1-msd50-0.1m *.flac
  player tag --json music/*.ogg > tags.jsonl
  player tag --over-time pictures song.mp3")]
pub struct TagArgs {
    /// Audio files: mp3, flac, ogg vorbis, opus, wav, aac/m4a, aiff
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelArgs,

    /// How many tags to show per file, the most likely ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,

    /// Print one line of JSON per file: {"path","seconds","windows","tags":[{"tag","p"}]} or {"path","error"}
    #[arg(long)]
    json: bool,

    /// Write each song's tags over time into this folder, as SONG.tags.png, .svg and .json
    #[arg(long, value_name = "DIR")]
    over_time: Option<PathBuf>,

    /// Which of the three files --over-time writes
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["png", "svg", "json"])]
    formats: Vec<Format>,

    /// How many tags --over-time shows
    #[arg(long, value_name = "N", default_value_t = 12)]
    rows: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Png,
    Svg,
    Json,
}

/// Tags all files; false when one of them failed.
pub fn tag(args: &TagArgs) -> Result<bool> {
    let tagger = args.model.load()?;
    let progress = progress(args.files.len());
    let mut all_well = true;
    let mut names = HashSet::new();
    for file in &args.files {
        progress.set_message(file.display().to_string());
        let report = one(args, &tagger, file, &mut names)?;
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

fn one(args: &TagArgs, tagger: &Tagger, file: &Path, names: &mut HashSet<PathBuf>) -> Result<Report> {
    let song = match tag_song(tagger, file) {
        Ok(heard) => {
            // Clips that were cut out of longer files begin with a piece or two that need what was before them.
            if heard.skipped_packets > FEW_PIECES {
                let pieces = heard.skipped_packets;
                eprintln!("{}: {pieces} pieces cannot be decoded and are left out", file.display());
            }
            heard.song
        }
        Err(error) => return Ok(Report::Failed { path: file.display().to_string(), error }),
    };
    if let Some(folder) = &args.over_time {
        let taggram = Taggram::new(file.display().to_string(), tagger, &song, args.rows);
        let stem = stem(folder, file, names);
        for format in &args.formats {
            let (ending, bytes) = match format {
                Format::Png => ("png", taggram.png()?),
                Format::Svg => ("svg", taggram.svg().into_bytes()),
                Format::Json => ("json", serde_json::to_vec(&taggram)?),
            };
            let path = PathBuf::from(format!("{}.tags.{ending}", stem.display()));
            write_atomically(&path, &bytes).with_context(|| path.display().to_string())?;
        }
    }
    Ok(report(file, &song, args.top))
}

/// Pieces of some 26 ms that may be missing unsaid.
const FEW_PIECES: usize = 3;

/// Where a song's pictures go: by its name, with a number where two files of this run have the same.
fn stem(folder: &Path, file: &Path, names: &mut HashSet<PathBuf>) -> PathBuf {
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let mut stem = folder.join(&name);
    let mut number = 2;
    while !names.insert(stem.clone()) {
        stem = folder.join(format!("{name}-{number}"));
        number += 1;
    }
    stem
}

fn progress(files: usize) -> ProgressBar {
    if files < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
