//! `trainer map`: songs on a plane.

use super::show;
use super::songs::{Song, SongArgs, Songs};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use trainer::files::{relative_url, write_atomically};
use trainer::plot::{self, MapColours, MapDot};
use trainer::similar::{MapOptions, Quality, Space, map, quality};

#[derive(Args)]
#[command(after_help = "\
Writes into --out DIR tags.png, tags.svg, embedding.png, embedding.svg, map.json, and map.html: a page to hover over and to
click on, which plays the clips from where they lie. The same songs, model and seed give the same map.

Examples:
  trainer map --model models/k2c1-msd50 --corpus folder:music --out map
  trainer map --model models/k2c1-msd50 --corpus jamendo:DIR --subset genre=jazz --colour sad --out jazz")]
pub struct MapArgs {
    #[command(flatten)]
    pub songs: SongArgs,
    /// Folder for pictures and page
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only these songs: genre=TAG (or mood, era, instrument, tag), artist=NAME, split=train|validation|test
    #[arg(long, value_name = "WHICH")]
    pub subset: Option<String>,
    /// By what songs are near each other
    #[arg(long, value_enum, default_value = "both")]
    pub by: By,
    /// Colour the songs by one tag's probability, instead of by their likeliest tag
    #[arg(long, value_name = "TAG")]
    pub colour: Option<String>,
    /// How many neighbours a song has, roughly
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    pub perplexity: f32,
    /// Steps of the layout
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub epochs: usize,
    /// Print the maps' qualities as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Predicted tags
    Tags,
    /// The network's embedding
    Embedding,
    /// One map of each
    Both,
}

/// Neighbours that the quality of a map is measured on.
const NEIGHBOURS: usize = 10;
/// Tags that a song's line on the page names.
const NAMED: usize = 4;
/// Colours that are told apart.
const COLOURS: usize = 7;

pub fn run(args: &MapArgs) -> Result<ExitCode> {
    if !(args.perplexity >= 1.0 && args.perplexity <= 1000.0) {
        bail!("--perplexity {}: from 1 to 1000", args.perplexity);
    }
    let (mut songs, _) = Songs::hear(&args.songs)?;
    if let Some(subset) = &args.subset {
        songs.keep(subset)?;
    }
    let spaces: &[Space] = match args.by {
        By::Tags => &[Space::Tags],
        By::Embedding => &[Space::Embedding],
        By::Both if songs.has_embedding() => &[Space::Tags, Space::Embedding],
        By::Both => &[Space::Tags],
    };
    let colours = colours(&songs, args.colour.as_deref())?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let options = MapOptions { perplexity: args.perplexity, epochs: args.epochs, seed: args.songs.seed };
    let mut maps = Vec::new();
    for &space in spaces {
        let name = match space {
            Space::Tags => "tags",
            Space::Embedding => "embedding",
        };
        show::stage(&format!("Map of {} songs by {name}", songs.songs.len()));
        let started = Instant::now();
        let points = songs.points(space)?;
        let places = map(&points, options);
        if places.is_empty() {
            bail!("{} songs are too few for a map", songs.songs.len());
        }
        let seconds = started.elapsed().as_secs_f64();
        let quality = quality(&points, &places, NEIGHBOURS);
        let said = said(&quality);
        show::line(&format!("{said}; {seconds:.1} s"));
        let dots: Vec<MapDot> =
            places.iter().zip(&colours.values).map(|(&at, &value)| MapDot { at, value }).collect();
        let title = format!("{} songs by {name}", songs.songs.len());
        let files = plot::map(&args.out.join(name), &title, &said, &dots, &colours.legend)?;
        show::line(&format!("{} and .svg", files.png.display()));
        maps.push((name, places, quality, seconds));
    }
    let page = page(&songs, &maps, &colours, &args.out)?;
    let write = |name: &str, text: &str| -> Result<()> {
        let path = args.out.join(name);
        write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        show::line(&path.display().to_string());
        Ok(())
    };
    write("map.json", &serde_json::to_string(&page)?)?;
    // Nothing in the data ends the script that it stands in.
    let data = serde_json::to_string(&page)?.replace('<', "\\u003c");
    write("map.html", &include_str!("map.html").replace("/*DATA*/", &data))?;
    if args.json {
        let maps: Vec<Value> = maps
            .iter()
            .map(|(name, _, quality, seconds)| json!({"by": name, "quality": quality, "seconds": seconds}))
            .collect();
        println!("{}", json!({ "songs": songs.songs.len(), "maps": maps }));
    }
    Ok(ExitCode::SUCCESS)
}

fn said(quality: &Quality) -> String {
    format!(
        "trustworthiness {:.3}, {:.0} % of the {} nearest kept",
        quality.trustworthiness,
        100.0 * quality.preserved,
        quality.neighbours
    )
}

/// The songs' colours, and what they mean.
struct Colours {
    values: Vec<f32>,
    legend: MapColours,
}

fn colours(songs: &Songs, by: Option<&str>) -> Result<Colours> {
    if let Some(tag) = by {
        let place = songs.tag_names.iter().position(|name| name.eq_ignore_ascii_case(tag));
        let place = place.with_context(|| format!("--colour {tag}: the model has no such tag"))?;
        let highest = songs.songs.iter().map(|song| song.tags[place]).fold(1e-6, f32::max);
        let values = songs.songs.iter().map(|song| song.tags[place] / highest).collect();
        let legend = MapColours::Scale(format!("{} / {highest:.2} x", songs.tag_names[place]));
        return Ok(Colours { values, legend });
    }
    let top: Vec<usize> = songs.songs.iter().map(|song| ranked(song, &songs.thresholds)[0]).collect();
    let mut counts: HashMap<usize, usize> = HashMap::new();
    top.iter().for_each(|&tag| *counts.entry(tag).or_default() += 1);
    let mut counts: Vec<(usize, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|&(tag, count)| (std::cmp::Reverse(count), tag));
    counts.truncate(COLOURS);
    let number =
        |tag: &usize| counts.iter().position(|(other, _)| other == tag).map_or(-1.0, |number| number as f32);
    let names = counts.iter().map(|&(tag, count)| (songs.tag_names[tag].clone(), count)).collect();
    Ok(Colours { values: top.iter().map(number).collect(), legend: MapColours::Names(names) })
}

/// Tags of a song by how far they are beyond their thresholds.
fn ranked(song: &Song, thresholds: &[f32]) -> Vec<usize> {
    let mut tags: Vec<usize> = (0..song.tags.len()).collect();
    let beyond = |tag: usize| song.tags[tag] / thresholds[tag].max(1e-6);
    tags.sort_by(|&a, &b| beyond(b).total_cmp(&beyond(a)));
    tags
}

type Mapped = (&'static str, Vec<[f32; 2]>, Quality, f64);

/// What page and scripts need.
fn page(songs: &Songs, maps: &[Mapped], colours: &Colours, out: &Path) -> Result<Value> {
    let out = out.canonicalize().with_context(|| out.display().to_string())?;
    let rounded = |value: f32| (f64::from(value) * 1e4).round() / 1e4;
    let listed = songs.songs.iter().enumerate().map(|(number, song)| {
        let tags = ranked(song, &songs.thresholds).into_iter().take(NAMED);
        let tags: Vec<Value> =
            tags.map(|tag| json!([songs.tag_names[tag], rounded(song.tags[tag])])).collect();
        let file = song
            .path
            .as_ref()
            .and_then(|path| path.canonicalize().ok())
            .map(|path| relative_url(&out, &path));
        json!({
            "name": song.id,
            "artist": song.group,
            "tags": tags,
            "colour": rounded(colours.values[number]),
            "file": file,
        })
    });
    let maps = maps.iter().map(|(name, places, quality, _)| {
        let places: Vec<[f64; 2]> = places.iter().map(|&[x, y]| [rounded(x), rounded(y)]).collect();
        json!({ "by": name, "places": places, "said": said(quality) })
    });
    let legend = match &colours.legend {
        MapColours::Names(names) => json!({ "names": names }),
        MapColours::Scale(name) => json!({ "scale": name }),
    };
    let tags: Value = songs.tag_names.iter().map(|tag| json!(tag)).collect();
    let probabilities: Vec<Vec<f64>> = songs
        .songs
        .iter()
        .map(|song| song.tags.iter().map(|&p| (f64::from(p) * 1e3).round() / 1e3).collect())
        .collect();
    Ok(json!({
        "maps": maps.collect::<Vec<_>>(),
        "songs": listed.collect::<Vec<_>>(),
        "legend": legend,
        "tags": tags,
        "p": probabilities,
    }))
}
