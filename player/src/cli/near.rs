//! `player similar`, `player playlist` and `player search`.

use super::args::{DbArgs, ModelArgs, absolute, library_model, shown};
use anyhow::{Context, Result, bail};
use clap::Args;
use player::files::write_atomically;
use player::hear::hear;
use player::library::{Library, Model};
use player::near::playlist::{PlaylistOptions, m3u, playlist};
use player::near::query::Query;
use player::near::search::{Hit, matching, nearest, vector_of};
use player::near::vector::unit;
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = "\
Examples:
  player similar song.mp3
  player similar song.mp3 -n 50 --json")]
pub struct SimilarArgs {
    /// The song; one that is not in the library is tagged on the spot
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How many songs
    #[arg(short, value_name = "N", default_value_t = 10)]
    n: usize,

    #[command(flatten)]
    near: NearArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  player playlist --from song.mp3
  player playlist --from a.mp3 b.flac -n 40 --m3u evening.m3u")]
pub struct PlaylistArgs {
    /// Songs that it shall be like; those that are not in the library are tagged on the spot
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    from: Vec<PathBuf>,

    /// How many songs
    #[arg(short, value_name = "N", default_value_t = 20)]
    n: usize,

    /// Write the playlist into this file, - for standard output
    #[arg(long, value_name = "FILE")]
    m3u: Option<PathBuf>,

    /// Let songs of one artist follow each other
    #[arg(long)]
    same_artist: bool,

    #[command(flatten)]
    near: NearArgs,
}

#[derive(Args)]
#[command(after_help = "\
A query joins the model's tags and any other words, which are looked for in title, artist and album, by and, or, not and
parentheses; \"and\" may be left out. Words that make one tag, as in classic rock, are that tag; quotes keep others together.

Exit code: 0 when a song was found, 1 when none was, 2 for wrong arguments.

Examples:
  player search jazz and not sad
  player search '(rock or metal) \"female vocalists\" not 80s'
  player search ambient eno -n 5")]
pub struct SearchArgs {
    /// What to look for
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,

    /// How many songs
    #[arg(short, value_name = "N", default_value_t = 20)]
    n: usize,

    #[command(flatten)]
    near: NearArgs,
}

#[derive(Args)]
struct NearArgs {
    #[command(flatten)]
    db: DbArgs,

    #[command(flatten)]
    model: ModelArgs,

    /// Print one line of JSON per song: {"score","path","artist","title","seconds"}
    #[arg(long)]
    json: bool,
}

/// Nearest songs.
pub fn similar(args: &SimilarArgs) -> Result<bool> {
    let near = &args.near;
    let library = near.db.existing()?;
    let model = library_model(&library, &near.model)?;
    let (vector, but) = vectors(&library, &model, &near.model, std::slice::from_ref(&args.file))?;
    let hits = nearest(&library, &model, &vector[0], args.n, &but)?;
    print(&hits, near.json)
}

/// A playlist.
pub fn playlist_of(args: &PlaylistArgs) -> Result<bool> {
    let near = &args.near;
    let library = near.db.existing()?;
    let model = library_model(&library, &near.model)?;
    let (vectors, but) = vectors(&library, &model, &near.model, &args.from)?;
    let options = PlaylistOptions { length: args.n, same_artist: args.same_artist };
    let hits = playlist(&library, &model, &vectors, &but, options)?;
    match &args.m3u {
        Some(path) if path == Path::new("-") => {
            write!(std::io::stdout().lock(), "{}", m3u(&hits))?;
            Ok(!hits.is_empty())
        }
        Some(path) => {
            write_atomically(path, m3u(&hits).as_bytes()).with_context(|| shown(path))?;
            print(&hits, near.json)
        }
        None => print(&hits, near.json),
    }
}

/// Songs that answer a question.
pub fn search(args: &SearchArgs) -> Result<bool> {
    let near = &args.near;
    let library = near.db.existing()?;
    let model = library_model(&library, &near.model)?;
    let query = Query::parse(&args.query.join(" "), &model.tags)?;
    if !query.texts().is_empty() && !near.json {
        eprintln!("looking for {query}");
    }
    print(&matching(&library, &model, &query, args.n)?, near.json)
}

/// The vectors of files, and the songs that they are where the library has them.
fn vectors(
    library: &Library,
    model: &Model,
    args: &ModelArgs,
    files: &[PathBuf],
) -> Result<(Vec<Vec<f32>>, HashSet<i64>)> {
    let mut tagger = None;
    let (mut vectors, mut known) = (Vec::new(), HashSet::new());
    for file in absolute(files) {
        if let Some(track) = library.track_at(&file, model)?
            && let Some(song) = library.song(track.song)?
        {
            vectors.push(vector_of(&song, model));
            known.insert(song.id);
            continue;
        }
        let tagger = match &tagger {
            Some(tagger) => tagger,
            None => tagger.insert(args.load()?),
        };
        if library.model(tagger)?.id != model.id {
            bail!(
                "{}: not in the library, whose songs were heard by {}; name that model with --model to tag it now",
                file.display(),
                model.name
            );
        }
        let heard = hear(tagger, &file)
            .map_err(|error| anyhow::anyhow!("{}: {}", shown(&file), error.reason(&file)))?;
        let embedding = heard.song.embedding.as_deref().unwrap_or_default();
        vectors.push(unit(&heard.song.mean, &model.thresholds, embedding));
    }
    Ok((vectors, known))
}

fn print(hits: &[Hit], json: bool) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    for Hit { track, score, .. } in hits {
        if json {
            let line = json!({
                "score": (f64::from(*score) * 1e4).round() / 1e4,
                "path": shown(&track.path),
                "artist": track.meta.artist,
                "title": track.meta.title,
                "seconds": (track.seconds * 1e3).round() / 1e3,
            });
            writeln!(out, "{line}")?;
        } else {
            let name = match (&track.meta.artist, &track.meta.title) {
                (Some(_), Some(_)) => format!("  ({})", track.name()),
                _ => String::new(),
            };
            writeln!(out, "{score:.3}  {}{name}", shown(&track.path))?;
        }
    }
    Ok(!hits.is_empty())
}
