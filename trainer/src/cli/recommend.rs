//! `trainer recommend` and `trainer eval-recommend`: songs by distance.

use super::points::{self, Foreign};
use super::show;
use super::songs::{Song, SongArgs, Songs};
use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::decode::decode_file_for;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trainer::similar::{MapOptions, Near, Precision, Question, Space, map, nearest, point};

#[derive(Args)]
#[command(after_help = "\
For each file three lists: the nearest songs by predicted tags, by the network's embedding, and on the map of the corpus (as
trainer map draws it by embedding; a song that is not in the corpus lies in the middle of its nearest ones).

Example:
  trainer recommend --model models/k2c1-msd50 --corpus folder:music --query song.mp3 -n 10")]
pub struct RecommendArgs {
    #[command(flatten)]
    pub songs: SongArgs,
    /// Songs to find others for
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub query: Vec<PathBuf>,
    /// How many of each sort
    #[arg(short, value_name = "N", default_value_t = 10)]
    pub n: usize,
    /// Print one line of JSON per file
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Every song of the corpus is asked for its ten nearest. What is relevant: a song by the same artist; one of the same album; one
that shares a genre, or any tag, that people gave; one that has the same tags. The artist filter leaves out songs by the asking song's own artist, as otherwise
the sound of an album is found and not music of its kind. Beside the distances: songs by chance (what is expected of it), and
the same songs for everybody, those with the commonest tags.

Example:
  trainer eval-recommend --model models/k2c1-msd50 --corpus manifest:songs.csv")]
pub struct EvalRecommendArgs {
    #[command(flatten)]
    pub songs: SongArgs,
    /// Only these songs: genre=TAG, artist=NAME, split=train|validation|test
    #[arg(long, value_name = "WHICH")]
    pub subset: Option<String>,
    /// Which of people's tags are genres [default: those known as such: all of fma, gtzan and jamendo/genre, and those among the Million Song
    /// Dataset's 50]
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub genres: Vec<String>,
    /// Another program's points of the songs, to be measured beside: a name and a CSV whose column path has the songs' files, relative
    /// to it, and whose other columns are numbers. Distances are Euclidean; songs that it lacks are left out of everything
    #[arg(long, value_name = "NAME=FILE.csv")]
    pub points: Vec<Foreign>,
    /// Songs that are recommended
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub at: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Names of ways to recommend that ask no model.
const CHANCE: &str = "chance";
const COMMONEST: &str = "the commonest tags";

/// A song of the map lies among this many of its nearest.
const AMONG: usize = 10;

/// The spaces that songs are compared in.
struct Spaces {
    /// Name, and the songs' points.
    of: Vec<(String, Vec<Vec<f32>>)>,
}

impl Spaces {
    fn new(songs: &Songs, seed: u64) -> Result<Self> {
        let mut of = vec![("tags".to_owned(), songs.points(Space::Tags)?)];
        if songs.has_embedding() {
            of.push(("embedding".into(), songs.points(Space::Embedding)?));
        }
        let last = &of[of.len() - 1].1;
        let places = map(last, MapOptions { seed, ..MapOptions::default() });
        if places.is_empty() {
            show::line("there are too few songs for a map");
        } else {
            of.push(("map".into(), places.iter().map(|place| place.to_vec()).collect()));
        }
        Ok(Self { of })
    }
}

pub fn run(args: &RecommendArgs) -> Result<ExitCode> {
    if args.n == 0 {
        bail!("-n 0: at least 1");
    }
    let (songs, tagger) = Songs::hear(&args.songs)?;
    let spaces = Spaces::new(&songs, args.songs.seed)?;
    // The same file by another path is the song itself.
    let whole = |song: &Song| song.path.as_ref().and_then(|path| path.canonicalize().ok());
    let known: HashMap<PathBuf, usize> =
        songs.songs.iter().enumerate().filter_map(|(place, song)| Some((whole(song)?, place))).collect();
    let mut failed = 0;
    for query in &args.query {
        let mut lost = |error: String| {
            let name = query.display().to_string();
            eprintln!("{}", if error.contains(&name) { error } else { format!("{name}: {error}") });
            failed += 1;
        };
        let file = match query.canonicalize() {
            Ok(file) => file,
            Err(error) => {
                lost(error.to_string());
                continue;
            }
        };
        let own = known.get(&file).copied();
        let heard = match own {
            Some(own) => Ok((songs.songs[own].tags.clone(), songs.songs[own].embedding.clone())),
            None => hear(&tagger, query),
        };
        let (tags, embedding) = match heard {
            Ok(heard) => heard,
            Err(error) => {
                lost(show::chain(&error));
                continue;
            }
        };
        let allowed = |other: usize| Some(other) != own;
        let mut lists = Vec::new();
        for (name, points) in &spaces.of {
            let at = match (name.as_str(), own) {
                (_, Some(own)) => points[own].clone(),
                ("tags", None) => point(Space::Tags, &tags),
                ("embedding", None) => point(Space::Embedding, &embedding),
                (_, None) => {
                    let (space, points_before) = &spaces.of[spaces.of.len() - 2];
                    let values = if *space == "tags" {
                        point(Space::Tags, &tags)
                    } else {
                        point(Space::Embedding, &embedding)
                    };
                    among(&nearest(points_before, &values, AMONG, allowed), points)
                }
            };
            lists.push((name.as_str(), nearest(points, &at, args.n, allowed)));
        }
        match tell(query, &songs, &lists, args.json) {
            // Whoever reads has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            told => told?,
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The middle of the nearest songs' places, nearer ones counting more.
fn among(near: &[Near], places: &[Vec<f32>]) -> Vec<f32> {
    let weight = |near: &Near| 1.0 / near.distance.max(1e-6);
    let sum: f32 = near.iter().map(weight).sum();
    let mean =
        |axis: usize| near.iter().map(|near| weight(near) * places[near.index][axis]).sum::<f32>() / sum;
    vec![mean(0), mean(1)]
}

fn hear(tagger: &runtime::tagger::Tagger, file: &Path) -> Result<(Vec<f32>, Vec<f32>)> {
    let audio = decode_file_for(file, tagger.mel_config().sample_rate, f64::INFINITY)?;
    let song = tagger.tag(audio.pcm())?;
    Ok((song.mean, song.embedding.unwrap_or_default()))
}

fn tell(query: &Path, songs: &Songs, lists: &[(&str, Vec<Near>)], as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let file = |song: &Song| song.path.as_ref().map(|path| path.display().to_string());
    if as_json {
        let lists: serde_json::Map<String, serde_json::Value> = lists
            .iter()
            .map(|(name, near)| {
                let near = near.iter().map(|near| {
                    let song = &songs.songs[near.index];
                    json!({ "id": song.id, "path": file(song), "distance": near.distance })
                });
                ((*name).to_owned(), near.collect())
            })
            .collect();
        writeln!(out, "{}", json!({ "query": query.display().to_string(), "nearest": lists }))?;
        return Ok(());
    }
    writeln!(out, "{}", query.display())?;
    for (name, near) in lists {
        writeln!(out, "  by {name}")?;
        for near in near {
            let song = &songs.songs[near.index];
            let artist = song.group.as_ref().map_or(String::new(), |group| format!("  ({group})"));
            writeln!(out, "    {:.3}  {}{artist}", near.distance, song.id)?;
        }
    }
    Ok(())
}

/// What came of one way to recommend.
#[derive(Serialize)]
struct Way {
    by: String,
    precision: Precision,
}

/// A question, and what came of each way.
#[derive(Serialize)]
struct Asked {
    relevant: &'static str,
    artist_filter: bool,
    ways: Vec<Way>,
}

pub fn evaluate(args: &EvalRecommendArgs) -> Result<ExitCode> {
    if args.at == 0 {
        bail!("--at 0: at least 1");
    }
    // Found out before hours of hearing.
    let tables = points::read_all(&args.points, &["tags", "embedding", "map", CHANCE, COMMONEST])?;
    let (mut songs, _) = Songs::hear(&args.songs)?;
    if let Some(subset) = &args.subset {
        songs.keep(subset)?;
    }
    let foreign = points::keep_songs_with(tables, &mut songs)?;
    let mut spaces = Spaces::new(&songs, args.songs.seed)?;
    spaces.of.extend(foreign);
    let all = &songs.songs;
    let same_artist = |a: usize, b: usize| all[a].group.is_some() && all[a].group == all[b].group;
    let has = |song: usize, tag: usize| all[song].labels[tag] >= 0.5;
    let tags = 0..songs.label_names.len();
    let shares = |a: usize, b: usize| tags.clone().any(|tag| has(a, tag) && has(b, tag));
    let tagged = |a: usize| tags.clone().any(|tag| has(a, tag));
    let genres = genres(&songs, &args.genres)?;
    if !genres.is_empty() {
        let names: Vec<&str> = genres.iter().map(|&tag| songs.label_names[tag].as_str()).collect();
        show::line(&format!("genres: {}", names.join(", ")));
    }
    let shares_genre = |a: usize, b: usize| genres.iter().any(|&tag| has(a, tag) && has(b, tag));
    let same_album = |a: usize, b: usize| all[a].album.is_some() && all[a].album == all[b].album;
    let same_tags = |a: usize, b: usize| tagged(a) && tags.clone().all(|tag| has(a, tag) == has(b, tag));
    let anyone = |_: usize, _: usize| true;
    let others = |a: usize, b: usize| !same_artist(a, b);
    // The same for everybody: songs whose tags are the commonest.
    let counts: Vec<usize> =
        tags.clone().map(|tag| (0..all.len()).filter(|&song| has(song, tag)).count()).collect();
    let common =
        |song: usize| -> usize { tags.clone().filter(|&tag| has(song, tag)).map(|tag| counts[tag]).sum() };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&song| (std::cmp::Reverse(common(song)), song));
    type Pairs<'p> = &'p (dyn Fn(usize, usize) -> bool + Sync);
    let questions: [(&str, bool, Pairs<'_>, Pairs<'_>); 8] = [
        ("the same artist", false, &anyone, &same_artist),
        ("the same album", false, &anyone, &same_album),
        ("shares a genre", false, &anyone, &shares_genre),
        ("shares a genre", true, &others, &shares_genre),
        ("shares a tag", false, &anyone, &shares),
        ("shares a tag", true, &others, &shares),
        ("the same tags", false, &anyone, &same_tags),
        ("the same tags", true, &others, &same_tags),
    ];
    let mut asked = Vec::new();
    for (relevant, artist_filter, allowed, is_relevant) in questions {
        let question = Question { allowed, relevant: is_relevant };
        let queries = question.queries(all.len());
        // Where each song has one tag, to share it is to have the same.
        let the_same = relevant == "the same tags"
            && all.iter().all(|song| song.labels.iter().filter(|label| **label >= 0.5).count() <= 1);
        // Where all tags are genres, to share one is the same twice.
        let twice = relevant == "shares a tag" && genres.len() == songs.label_names.len();
        if queries.is_empty() || the_same || twice {
            continue;
        }
        let by = |by: &str, precision| Way { by: by.into(), precision };
        let mut ways: Vec<Way> = spaces
            .of
            .iter()
            .map(|(name, points)| by(name, question.by_distance(points, &queries, args.at)))
            .collect();
        ways.push(by(CHANCE, question.by_chance(all.len(), &queries)));
        ways.push(by(COMMONEST, question.by_order(&order, &queries, args.at)));
        asked.push(Asked { relevant, artist_filter, ways });
    }
    if asked.is_empty() {
        bail!("no two songs share an artist or a tag: there is nothing to find");
    }
    if args.json {
        println!("{}", json!({ "songs": all.len(), "at": args.at, "questions": asked }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("precision at {} over {} songs, with 95 % intervals over the asking songs", args.at, all.len());
    for Asked { relevant, artist_filter, ways } in &asked {
        let filter = if *artist_filter { ", other artists only" } else { "" };
        let queries = ways.first().context("there are ways")?.precision.queries;
        println!("\n{relevant}{filter} ({queries} songs ask)");
        for Way { by, precision } in ways {
            println!(
                "  {by:<20} {:.3}  ({:.3} - {:.3})",
                precision.mean, precision.ci95[0], precision.ci95[1]
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Places of the tags that are genres: those named, else those known.
fn genres(songs: &Songs, named: &[String]) -> Result<Vec<usize>> {
    let place = |name: &String| {
        let found = songs.label_names.iter().position(|label| label.eq_ignore_ascii_case(name));
        found.with_context(|| format!("--genres {name}: the corpus has no such tag"))
    };
    if !named.is_empty() {
        return named.iter().map(place).collect();
    }
    let known = |label: &String| {
        let sense = runtime::sense::of(label).map(|(sense, _)| sense);
        songs.genres_alone || label.starts_with("genre---") || sense == Some(runtime::sense::Sense::Genre)
    };
    Ok((0..songs.label_names.len()).filter(|&tag| known(&songs.label_names[tag])).collect())
}
