//! `trainer fetch`: music that anyone may have.

use super::fetch_files::{self, FmaArgs, JamendoArgs, PreviewArgs, PublicationArgs};
use super::show;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::process::ExitCode;
use trainer::fetch::{List, Options, Outcome, Report, fetch as fetch_list};

/// Files that differ are named one by one so many times, then counted.
const FILES_SHOWN: usize = 5;

#[derive(Args)]
pub struct FetchArgs {
    #[command(subcommand)]
    pub source: Source,
}

/// Where music comes from.
#[derive(Subcommand)]
pub enum Source {
    /// 43 hours of music from games and other packages of Debian 12's main archive: 7.9 GB to download, 2.5 GB
    /// to keep. Afterwards debian:DIR is a corpus
    Debian(DebianArgs),
    /// 2.7 hours of speech from games of Debian 12's main archive, to lay over music by remix: 0.2 GB to download.
    /// Afterwards manifest:DIR/manifest.csv is a corpus
    Voices(DebianArgs),
    /// MagnaTagATune from its publisher: 2.9 GB. Afterwards mtat:DIR is a corpus
    Mtat(PublicationArgs),
    /// MTG-Jamendo from its publisher: 156 GB, in a hundred parts of which some will do. Afterwards jamendo:DIR is a corpus
    Jamendo(JamendoArgs),
    /// The Free Music Archive's data set from its publisher: 7 to 879 GB. Afterwards fma:DIR is a corpus
    Fma(FmaArgs),
    /// Previews of songs by their numbers, from a service that one has an account with
    Previews(PreviewArgs),
}

#[derive(Args)]
pub struct DebianArgs {
    /// Folder for the music, its manifest and its licences; goes on with what is there
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Only these packages, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub packages: Vec<String>,
    /// Download at most so much now; packages that do not fit are left for another time
    #[arg(long, value_name = "GB")]
    pub limit: Option<f64>,
    /// Get packages by HTTP from this mirror, such as https://deb.debian.org/debian, and not by the system's apt
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Packages that are got and unpacked at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub jobs: usize,
}

pub fn fetch(source: &Source) -> Result<ExitCode> {
    match source {
        Source::Debian(args) => debian(args, List::debian(), "Music"),
        Source::Voices(args) => debian(args, List::voices(), "Voices"),
        Source::Mtat(args) => fetch_files::mtat(args),
        Source::Jamendo(args) => fetch_files::jamendo(args),
        Source::Fma(args) => fetch_files::fma(args),
        Source::Previews(args) => fetch_files::previews(args),
    }
}

fn debian(args: &DebianArgs, list: &'static List, what: &str) -> Result<ExitCode> {
    let limit = match args.limit {
        Some(gb) if gb.is_nan() || gb <= 0.0 => bail!("--limit {gb}: it is above 0"),
        Some(gb) => Some((gb * 1e9) as u64),
        None => None,
    };
    if args.jobs == 0 {
        bail!("--jobs 0: at least 1");
    }
    if let Some(url) =
        args.mirror.as_ref().filter(|url| !url.starts_with("http://") && !url.starts_with("https://"))
    {
        bail!("--mirror {url}: it begins with http:// or https://");
    }
    let options = Options {
        packages: args.packages.clone(),
        limit,
        mirror: args.mirror.clone(),
        jobs: args.jobs,
        ..Options::default()
    };
    show::stage(&format!("{what} from Debian into {}", args.to.display()));
    let bar = bytes_bar();
    let report = fetch_list(list, &args.to, &options, &bar);
    bar.finish_and_clear();
    let report = report?;
    tell(list, &report, args);
    Ok(if report.failed(list) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn bytes_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("  {msg} {bar:32} {bytes}/{total_bytes}  {bytes_per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style).with_message("packages")
}

/// What came of it, with everything that is not there named.
fn tell(list: &List, report: &Report, args: &DebianArgs) {
    let (mut present, mut fetched, mut left, mut failed) = (0, 0, Vec::new(), 0);
    for package in &report.packages {
        let name = &package.package;
        match &package.outcome {
            Outcome::Present => present += 1,
            Outcome::Fetched => fetched += 1,
            Outcome::BeyondLimit => left.push(name.as_str()),
            Outcome::Differs(missing) => {
                let listed = list.tracks_of(name).count();
                show::line(&format!("{name}: {} of {listed} files are not as listed:", missing.len()));
                for (path, why) in missing.iter().take(FILES_SHOWN) {
                    show::line(&format!("  {path} {why}"));
                }
                if missing.len() > FILES_SHOWN {
                    show::line(&format!("  and {} more", missing.len() - FILES_SHOWN));
                }
                if missing.len() < listed { fetched += 1 } else { failed += 1 }
            }
            Outcome::Failed(error) => {
                show::line(&format!("{name} failed: {error}"));
                failed += 1;
            }
        }
    }
    show::line(&format!(
        "{fetched} packages fetched ({:.2} GB), {present} were there, {} beyond --limit, {failed} failed",
        report.downloaded as f64 / 1e9,
        left.len()
    ));
    if !left.is_empty() {
        show::line(&format!("left for another time: {}", left.join(", ")));
    }
    let hours = report.seconds / 3600.0;
    show::line(&format!("{} of {} tracks are there, {hours:.1} h", report.tracks, list.tracks.len()));
    if report.tracks > 0 {
        let to = args.to.display();
        let corpus = match list.name {
            "debian" => format!("debian:{to}, its labels by trainer label"),
            _ => format!("manifest:{to}/manifest.csv"),
        };
        show::line(&format!("licences: {to}/LICENCES.md; as a corpus: {corpus}"));
    }
}
