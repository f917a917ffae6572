//! `trainer remix`: new sound made of the pieces of a corpus, for a teacher to label.

use super::show;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use trainer::corpus::{self, Corpus, CorpusOptions, CorpusSpec};
use trainer::remix::{Entry, Settings, Track, remix, tracks};

#[derive(Args)]
pub struct RemixArgs {
    /// Music: synth, folder:DIR, manifest:FILE and so on; may be given several times, labels are ignored
    #[arg(long, value_name = "CORPUS", required = true)]
    pub corpus: Vec<CorpusSpec>,
    /// Songs or speech to be heard over the music and alone; may be given several times
    #[arg(long, value_name = "CORPUS")]
    pub voices: Vec<CorpusSpec>,
    /// Hours of sound in all; raising it later adds to the folder
    #[arg(long, value_name = "H")]
    pub hours: f64,
    /// Seed of all that is drawn, splits that are drawn among them
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Length of a piece
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub piece_seconds: f32,
    /// Sampling rate of the pieces in hertz
    #[arg(long, value_name = "HERTZ", default_value_t = 16_000)]
    pub rate: u32,
    /// Share of pieces with voices (where --voices are given)
    #[arg(long, value_name = "SHARE", default_value_t = 0.4)]
    pub voice_share: f32,
    /// Share of pieces made of two tracks
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub mix_share: f32,
    /// Draw no test split where a corpus gives none: its tracks are for training and validation alone
    #[arg(long)]
    pub no_test: bool,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Folder for audio/ and manifest.csv; one that was interrupted is gone on with
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

pub fn make(args: &RemixArgs) -> Result<ExitCode> {
    if !(args.hours > 0.0 && args.hours <= 100_000.0) {
        bail!("--hours {}: it is above 0 and at most 100000", args.hours);
    }
    let threads = trainer::jobs::threads_or_cores(args.jobs);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("starting threads")?;
    let music = list(&args.corpus, args, &pool, "music")?;
    let voices = list(&args.voices, args, &pool, "voices")?;
    let settings = Settings {
        seed: args.seed,
        piece_seconds: args.piece_seconds,
        rate: args.rate,
        voice_share: args.voice_share,
        mix_share: args.mix_share,
    };
    let count = (args.hours * 3600.0 / f64::from(args.piece_seconds)).ceil() as u64;
    show::stage(&format!("{count} pieces of {} s", args.piece_seconds));
    let bar = show::bar("pieces");
    let made = remix(&music, &voices, &settings, count, &args.to, &pool, &bar);
    bar.finish_and_clear();
    let made = made?;
    show::problems(&made.problems);
    show::line(&format!(
        "{} of them were there already; {} drawn again because a part was silent",
        made.kept, made.silent
    ));
    show::line(&levels(&made.pieces));
    let on = |side: &str| made.pieces.iter().filter(|piece| piece.split == side).count();
    println!(
        "{} pieces ({} train, {} validation, {} test) and {}",
        made.pieces.len(),
        on("train"),
        on("validation"),
        on("test"),
        made.manifest.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The usable tracks of some corpora, with what cannot be used reported.
fn list(specs: &[CorpusSpec], args: &RemixArgs, pool: &rayon::ThreadPool, what: &str) -> Result<Vec<Track>> {
    let options = CorpusOptions {
        seed: args.seed,
        min_positives: 0,
        keep_unlabelled: true,
        draw_test: !args.no_test,
        ..CorpusOptions::default()
    };
    let mut corpora: Vec<Corpus> = Vec::new();
    for spec in specs {
        show::stage(&format!("Corpus {spec} ({what})"));
        let loaded = corpus::load(spec, &options)?;
        show::problems(&loaded.problems);
        show::line(&format!("split: {}", loaded.corpus.split_rule));
        corpora.push(loaded.corpus);
    }
    let bar = show::bar("lengths");
    let (found, problems) = tracks(&corpora, pool, &bar);
    bar.finish_and_clear();
    show::problems(&problems);
    if !specs.is_empty() {
        let hours = found.iter().map(|track| f64::from(track.seconds)).sum::<f64>() / 3600.0;
        show::line(&format!("{} tracks of {what}, {hours:.1} h", found.len()));
        if found.is_empty() {
            bail!("no usable {what}");
        }
    }
    Ok(found)
}

fn levels(pieces: &[Entry]) -> String {
    let mut levels: Vec<f32> = pieces.iter().map(|piece| piece.level).collect();
    levels.sort_by(f32::total_cmp);
    let at = |share: f32| levels[((levels.len() - 1) as f32 * share).round() as usize];
    format!(
        "levels by RMS: {:.1} dB at least, {:.1} a tenth, {:.1} half, {:.1} nine tenths, {:.1} at most",
        at(0.0),
        at(0.1),
        at(0.5),
        at(0.9),
        at(1.0)
    )
}
