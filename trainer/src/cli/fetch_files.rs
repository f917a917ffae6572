//! `trainer fetch mtat|jamendo|fma|previews`: corpora from their publishers, and previews of songs.

use super::show;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::fetch::archives::{Publication, PublicationOptions, Roots, fetch_publication};
use trainer::fetch::provider::SevenDigital;
use trainer::fetch::transfer::{Summary, TransferOptions, Wanted, fetch_files};

/// Failures are named one by one so many times, then counted.
const SHOWN: usize = 10;

/// What all of them have.
#[derive(Args)]
pub struct TransferArgs {
    /// Folder for what is fetched; goes on with what is there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Files that are fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4)]
    jobs: usize,
    /// First wait before a failed request is made again, in seconds; doubled for each further one
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    backoff: f64,
}

#[derive(Args)]
pub struct PublicationArgs {
    #[command(flatten)]
    transfer: TransferArgs,
    /// Labels and lists, without audio
    #[arg(long)]
    labels_only: bool,
    /// Keep the archives when they are unpacked
    #[arg(long)]
    keep_archives: bool,
    /// Fetch labels from a folder on another server
    #[arg(long, value_name = "URL")]
    labels_from: Option<String>,
    /// Fetch audio from a folder on another server
    #[arg(long, value_name = "URL")]
    audio_from: Option<String>,
}

#[derive(Args)]
pub struct JamendoArgs {
    #[command(flatten)]
    publication: PublicationArgs,
    /// The large files, 508 GB, instead of the small mono ones
    #[arg(long)]
    full: bool,
    /// Only these of the hundred parts of the audio, such as 0,1,17
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(..100))]
    parts: Vec<u8>,
}

#[derive(Args)]
pub struct FmaArgs {
    #[command(flatten)]
    publication: PublicationArgs,
    /// How much of it
    #[arg(long, value_enum, default_value = "medium")]
    subset: Subset,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subset {
    /// 8,000 clips, 7.2 GB
    Small,
    /// 25,000 clips, 22 GB
    Medium,
    /// 106,574 clips, 93 GB
    Large,
    /// 106,574 tracks, 879 GB
    Full,
}

#[derive(Args)]
#[command(after_help = "\
Key and secret of the account are read from the environment: SEVENDIGITAL_KEY and SEVENDIGITAL_SECRET.

What came, and what failed and why, is written to fetched.jsonl in the folder as it happens; the same command asks for what
failed, and for nothing that is there.

Exit code: 0 when everything is there, 1 when something is not, 130 when it was stopped.

Example:
  trainer fetch previews --ids test_x_7d_id.txt --to msd/audio --country GB")]
pub struct PreviewArgs {
    #[command(flatten)]
    transfer: TransferArgs,
    /// Which service
    #[arg(long, value_enum, default_value = "7digital")]
    provider: Service,
    /// File with a number of the service on each line
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    /// Country in which they shall be heard, two letters
    #[arg(long, value_name = "CC", default_value = "GB")]
    country: String,
    /// Requests a second, at most
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    per_second: f64,
    /// Do not ask again for what was not found before, or is not to be heard in the country
    #[arg(long)]
    skip_gone: bool,
    /// Another server than the service's own
    #[arg(long, value_name = "URL", default_value = SevenDigital::ROOT)]
    from: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    #[value(name = "7digital")]
    SevenDigital,
}

pub fn mtat(args: &PublicationArgs) -> Result<ExitCode> {
    publication(&Publication::Mtat, args, "mtat")
}

pub fn jamendo(args: &JamendoArgs) -> Result<ExitCode> {
    let publication_wanted = Publication::Jamendo { full: args.full, parts: args.parts.clone() };
    publication(&publication_wanted, &args.publication, "jamendo")
}

pub fn fma(args: &FmaArgs) -> Result<ExitCode> {
    let subset = match args.subset {
        Subset::Small => "small",
        Subset::Medium => "medium",
        Subset::Large => "large",
        Subset::Full => "full",
    };
    let corpus = if args.subset == Subset::Medium { "fma".to_owned() } else { format!("fma/{subset}") };
    publication(&Publication::Fma { subset: subset.into() }, &args.publication, &corpus)
}

fn publication(publication: &Publication, args: &PublicationArgs, corpus: &str) -> Result<ExitCode> {
    let to = &args.transfer.to;
    let options = PublicationOptions {
        labels_only: args.labels_only,
        keep_archives: args.keep_archives,
        roots: Roots {
            labels: args.labels_from.as_deref().map(web).transpose()?,
            audio: args.audio_from.as_deref().map(web).transpose()?,
        },
        transfer: options(&args.transfer)?,
    };
    show::stage(&format!("{corpus} into {}", to.display()));
    let (stop, bar) = (stop_flag()?, files_bar());
    let summary = fetch_publication(publication, to, &options, &stop, &bar);
    bar.finish_and_clear();
    let summary = summary?;
    let code = tell(&summary, to, &stop);
    if code == ExitCode::SUCCESS {
        show::line(&format!("trainer describe --corpus {corpus}:{} says what is in it", to.display()));
    }
    Ok(code)
}

pub fn previews(args: &PreviewArgs) -> Result<ExitCode> {
    let Service::SevenDigital = args.provider;
    if !(args.per_second > 0.0 && args.per_second <= 1e6) {
        bail!("--per-second {}: it is above 0", args.per_second);
    }
    let secret = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(key), Some(secret)) = (secret("SEVENDIGITAL_KEY"), secret("SEVENDIGITAL_SECRET")) else {
        bail!(
            "set SEVENDIGITAL_KEY and SEVENDIGITAL_SECRET to the key and secret of an account with 7digital"
        );
    };
    let text = std::fs::read_to_string(&args.ids).with_context(|| args.ids.display().to_string())?;
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (number, line) in text.lines().enumerate() {
        let id = line.trim();
        if id.is_empty() || !seen.insert(id.to_owned()) {
            continue;
        }
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("{}: line {}: {id:?} is no number of 7digital", args.ids.display(), number + 1);
        }
        wanted.push(SevenDigital::wanted(id));
    }
    if wanted.is_empty() {
        bail!("{}: no number in it", args.ids.display());
    }
    let provider = SevenDigital {
        root: web(&args.from)?,
        key,
        secret,
        country: args.country.to_ascii_uppercase(),
        per_second: args.per_second,
    };
    let options = TransferOptions { skip_gone: args.skip_gone, ..options(&args.transfer)? };
    show::stage(&format!("{} previews into {}", wanted.len(), args.transfer.to.display()));
    let (stop, bar) = (stop_flag()?, files_bar());
    let summary = fetch_files(&wanted, &args.transfer.to, &provider, options, &stop, &bar);
    bar.finish_and_clear();
    Ok(tell(&summary?, &args.transfer.to, &stop))
}

fn options(args: &TransferArgs) -> Result<TransferOptions> {
    if args.jobs == 0 {
        bail!("--jobs 0: at least 1");
    }
    if !(args.backoff >= 0.0 && args.backoff <= 3600.0) {
        bail!("--backoff {}: from 0 to 3600 seconds", args.backoff);
    }
    let backoff = std::time::Duration::from_secs_f64(args.backoff);
    Ok(TransferOptions { jobs: args.jobs, backoff, ..TransferOptions::default() })
}

fn web(url: &str) -> Result<String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        bail!("{url}: it begins with http:// or https://");
    }
    Ok(url.into())
}

fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

fn files_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} files  {eta} left  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style)
}

fn tell(summary: &Summary, to: &Path, stop: &AtomicBool) -> ExitCode {
    for (id, reason) in summary.failed.iter().take(SHOWN) {
        show::line(&format!("{id}: {reason}"));
    }
    if summary.failed.len() > SHOWN {
        let more = summary.failed.len() - SHOWN;
        show::line(&format!("and {more} more; all of them are in {}", to.join("fetched.jsonl").display()));
    }
    if let Some(reason) = &summary.stopped {
        show::line(&format!("stopped: {reason}"));
    }
    show::line(&format!(
        "{} fetched ({:.2} GB), {} were there, {} failed, {} not asked for",
        summary.fetched,
        summary.bytes as f64 / 1e9,
        summary.present,
        summary.failed.len(),
        summary.left
    ));
    if stop.load(Ordering::Relaxed) {
        show::line("stopped; the same command goes on from here");
        return ExitCode::from(super::INTERRUPTED);
    }
    let whole = summary.failed.is_empty() && summary.left == 0 && summary.stopped.is_none();
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
