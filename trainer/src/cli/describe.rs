//! `trainer describe`: what is in a corpus.

use super::show;
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::process::ExitCode;
use trainer::corpus::describe::{Description, SplitCount, describe};
use trainer::corpus::{CorpusOptions, CorpusSpec, Split};

#[derive(Args)]
#[command(after_help = "\
A published corpus may be described from its lists alone; how many clips have audio is one of the lines. Choices are
written between the kind and the folder: msd/top100, mtat/merged, mtat/cleaned, jamendo/split-2/genre, fma/large/genres.

Examples:
  trainer describe --corpus msd:/data/msd
  trainer describe --corpus jamendo/moodtheme:mtg-jamendo-dataset --all-tags
  trainer describe --corpus folder:music --json")]
pub struct DescribeArgs {
    /// synth, folder:DIR, manifest:FILE, debian:DIR, msd:DIR, mtat:DIR, jamendo:DIR, fma:DIR or gtzan:DIR; more than once
    /// for several
    #[arg(long, value_name = "CORPUS", required = true)]
    corpus: Vec<CorpusSpec>,
    /// Show every tag, not only the most frequent ones
    #[arg(long)]
    all_tags: bool,
    /// Do not open the audio files: damaged ones are not found, and the hours of audio are not known
    #[arg(long)]
    lists_only: bool,
    /// Seed of splits that are drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one line of JSON per corpus
    #[arg(long)]
    json: bool,
}

/// Tags and damaged files shown unless all are asked for.
const SHOWN: usize = 12;

pub fn run(args: &DescribeArgs) -> Result<ExitCode> {
    let options = CorpusOptions { seed: args.seed, ..CorpusOptions::default() };
    let mut out = std::io::stdout().lock();
    for spec in &args.corpus {
        let bar = show::bar("audio");
        let done = |clips: usize| {
            bar.set_length(clips as u64);
            bar.inc(1);
        };
        let described = describe(spec, &options, !args.lists_only, &done);
        bar.finish_and_clear();
        let described = described?;
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&described)?)?;
        } else {
            write!(out, "{}", text(&described, args))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(described: &Description, args: &DescribeArgs) -> String {
    let mut text = format!("{}\n", described.corpus);
    let mut line = |name: &str, value: String| text += &format!("  {name:<14} {value}\n");
    if let Some(about) = &described.about {
        line("title", about.title.into());
        line("licence", about.licence.into());
        line("cite", about.citation.into());
        line("published at", about.url.into());
    }
    line("clips", format!("{}, {} with labels", described.clips, described.labelled));
    let mut audio = format!("{} with audio, {} missing", described.with_audio, described.missing);
    if !args.lists_only {
        audio += &format!(", {} damaged", described.damaged.len());
    }
    line("audio", audio);
    let listed = described.hours_listed.map_or("not stated".into(), |hours| format!("{hours:.1} h listed"));
    line(
        "length",
        if args.lists_only {
            listed
        } else {
            format!("{listed}, {:.1} h of audio", described.hours_of_audio)
        },
    );
    line("split", described.split_rule.clone());
    for SplitCount { split, clips, with_audio } in &described.splits {
        let name = match split {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        };
        line(name, format!("{clips} clips, {with_audio} with audio"));
    }
    described.notes.iter().take(SHOWN).for_each(|note| line("note", note.clone()));
    if described.notes.len() > SHOWN {
        line("note", format!("and {} more", described.notes.len() - SHOWN));
    }
    let damaged = described.damaged.iter().take(SHOWN);
    damaged.for_each(|damaged| line("damaged", format!("{}: {}", damaged.id, damaged.reason)));
    let mut tags: Vec<_> = described.tags.iter().collect();
    if !args.all_tags {
        tags.sort_by_key(|tag| std::cmp::Reverse(tag.positives.iter().sum::<usize>()));
        tags.truncate(SHOWN);
    }
    line("tags", format!("{}: clips in train, validation, test", described.tags.len()));
    let width = tags.iter().map(|tag| tag.tag.chars().count()).max().unwrap_or(0);
    for tag in tags {
        let [train, validation, test] = tag.positives;
        let blanks = " ".repeat(width - tag.tag.chars().count());
        line("", format!("{}{blanks} {train:>7} {validation:>7} {test:>7}", tag.tag));
    }
    if !args.all_tags && described.tags.len() > SHOWN {
        line("", format!("and {} more (--all-tags)", described.tags.len() - SHOWN));
    }
    text
}
