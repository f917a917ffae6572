//! `player scan`.

use super::args::{DbArgs, ModelArgs, shown, stop_flag};
use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use player::files::Alone;
use player::library::scan::{Outcome, ScanOptions, Summary, Watcher, forget_gone, scan};
use player::library::walk::is_audio;
use player::library::watch::{Changed, FolderWatch};
use player::library::{Library, LibraryError};
use runtime::tagger::Tagger;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

#[derive(Args)]
#[command(after_help = "\
A scan may be stopped at any moment, by Ctrl-C or by pulling the plug; the same command goes on where it was. Files that
have not changed are passed over, moved and retagged ones are known again by their audio. Damaged files are listed at the
end and end nothing.

Exit code: 0 when the scan came to its end, damaged files or not, 1 when it could not run, 2 for wrong arguments, 130
when it was stopped.

Examples:
  player scan ~/Music
  player scan ~/Music --jobs 4 --watch
  player scan ~/Music --json > scan.jsonl")]
pub struct ScanArgs {
    /// Folders of music, or files
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,

    #[command(flatten)]
    db: DbArgs,

    #[command(flatten)]
    model: ModelArgs,

    /// Files at a time; half of the cores unless told otherwise
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZero<usize>>,

    /// Run at the priority of other programs: without it a scan only takes what they leave
    #[arg(long)]
    full_priority: bool,

    /// Try damaged files again that have not changed
    #[arg(long)]
    retry: bool,

    /// Forget the songs of files that are gone, which are kept for when they come back
    #[arg(long)]
    forget: bool,

    /// Stay, and scan what is added or changed
    #[arg(long)]
    watch: bool,

    /// Print one line of JSON per file that is not as it was, {"path","outcome"} with "reason" for damaged ones, and a
    /// last one with the sums
    #[arg(long)]
    json: bool,
}

/// Scans; false when it was stopped.
pub fn run(args: &ScanArgs) -> Result<bool> {
    let tagger = args.model.load()?;
    let path = args.db.path()?;
    let Some(_alone) = Alone::new(&path, "scan").with_context(|| shown(&path))? else {
        bail!("{}: another scan is filling this library", path.display());
    };
    let mut library = Library::open(&path)?;
    if !args.full_priority {
        lower_priority();
    }
    let stop = stop_flag()?;
    let watch = if args.watch {
        let folders = args.folders.iter().map(|folder| folder.canonicalize().with_context(|| shown(folder)));
        let folders: Vec<PathBuf> = folders.collect::<Result<_>>()?;
        Some(FolderWatch::new(&folders).context("cannot watch for new files")?)
    } else {
        None
    };
    let summary = once(args, &mut library, &tagger, &args.folders, &stop)?;
    if args.forget && !summary.stopped {
        let forgotten = forget_gone(&mut library)?;
        eprintln!("forgot {forgotten} files that are gone");
    }
    if let Some(watch) = watch.filter(|_| !summary.stopped) {
        eprintln!("watching for new files; Ctrl-C ends it");
        while let Some(changed) = watch.next(&stop) {
            let changed = match changed {
                Changed::Everything => args.folders.clone(),
                Changed::Paths(paths) => {
                    paths.into_iter().filter(|path| path.is_dir() || is_audio(path)).collect()
                }
            };
            if !changed.is_empty() {
                match once(args, &mut library, &tagger, &changed, &stop) {
                    Ok(_) => {}
                    // It came and went.
                    Err(error) if is_missing(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        return Ok(true);
    }
    if summary.stopped {
        eprintln!("stopped; the same command goes on from here");
        std::process::exit(130);
    }
    Ok(true)
}

fn is_missing(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<LibraryError>();
    matches!(io, Some(LibraryError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound)
}

fn once(
    args: &ScanArgs,
    library: &mut Library,
    tagger: &Tagger,
    roots: &[PathBuf],
    stop: &AtomicBool,
) -> Result<Summary> {
    let mut options = ScanOptions { retry: args.retry, ..ScanOptions::default() };
    if let Some(jobs) = args.jobs {
        options.jobs = jobs.get();
    }
    let mut teller = Teller {
        json: args.json,
        bar: progress(args.json),
        damaged: Vec::new(),
        known_damaged: 0,
        heard: 0,
        started: Instant::now(),
        broken_pipe: false,
    };
    let started = Instant::now();
    let summary = scan(library, tagger, roots, options, stop, &mut teller)?;
    teller.bar.finish_and_clear();
    if !teller.damaged.is_empty() && !args.json {
        eprintln!("{} damaged:", files(teller.damaged.len() as u64));
        for (path, reason) in &teller.damaged {
            eprintln!("  {}: {reason}", path.display());
        }
    }
    if teller.known_damaged > 0 && !args.json {
        eprintln!("{} still damaged, as before (--retry tries again)", files(teller.known_damaged));
    }
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let line = json!({
            "files": summary.files, "tagged": summary.heard, "known": summary.known, "unchanged": summary.unchanged,
            "damaged": summary.damaged, "gone": summary.gone, "stopped": summary.stopped,
            "seconds": (seconds * 1e3).round() / 1e3,
        });
        writeln!(std::io::stdout().lock(), "{line}")?;
    } else {
        let Summary { heard, known, unchanged, damaged, gone, .. } = summary;
        println!(
            "{}: {heard} tagged, {known} known again, {unchanged} unchanged, {damaged} damaged, {gone} gone; {seconds:.1} s",
            files(summary.files)
        );
    }
    Ok(summary)
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

struct Teller {
    json: bool,
    bar: ProgressBar,
    damaged: Vec<(PathBuf, String)>,
    known_damaged: u64,
    heard: u64,
    started: Instant,
    broken_pipe: bool,
}

/// Damaged files that are listed at the end; beyond that they are counted, so that the list does not fill the memory.
const LISTED: usize = 10_000;

impl Watcher for Teller {
    fn total(&mut self, files: u64) {
        self.bar.set_length(files);
    }

    fn done(&mut self, path: &Path, outcome: &Outcome) {
        let (name, reason) = match outcome {
            Outcome::Unchanged => ("unchanged", None),
            Outcome::Heard { .. } => ("tagged", None),
            Outcome::Known => ("known", None),
            Outcome::Damaged { reason, .. } => ("damaged", Some(reason)),
        };
        match outcome {
            Outcome::Damaged { before: true, .. } => self.known_damaged += 1,
            Outcome::Damaged { reason, .. } if self.damaged.len() < LISTED => {
                self.damaged.push((path.into(), reason.clone()));
            }
            Outcome::Heard { .. } => self.heard += 1,
            _ => {}
        }
        let told = !matches!(outcome, Outcome::Unchanged | Outcome::Damaged { before: true, .. });
        if self.json && told && !self.broken_pipe {
            let mut line = json!({ "path": path.display().to_string(), "outcome": name });
            if let Some(reason) = reason {
                line["reason"] = json!(reason);
            }
            if let Outcome::Heard { skipped_packets: skipped @ 1.. } = outcome {
                line["skipped_packets"] = json!(skipped);
            }
            self.broken_pipe = writeln!(std::io::stdout().lock(), "{line}").is_err();
        }
        self.bar.inc(1);
        let rate = self.heard as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar
            .set_message(format!("{rate:.1} files/s  {}", path.file_name().unwrap_or_default().display()));
    }
}

fn progress(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {eta} left  {wide_msg}");
    // The length is told as soon as it is known.
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Whatever else runs goes first.
#[cfg(unix)]
fn lower_priority() {
    // Where it is not allowed, the scan runs as it is.
    let _ = rustix::process::nice(10);
}

#[cfg(not(unix))]
fn lower_priority() {}
