//! `player export`.

use super::args::{DbArgs, ModelArgs, absolute, library_model, shown};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use player::files::write_atomically;
use player::follow::{Address, Mpd, MpdError};
use player::library::{Library, Model, Song, Track};
use player::near::playlist::{M3U, m3u_entry};
use player::sense::{Sense, said};
use player::sidecar::{acousticbrainz, csv_head, csv_line, listenbrainz};
use player::write::plan::is_in;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = "\
json and listenbrainz write a file beside each song (SONG.mp3.minim.json, SONG.mp3.listenbrainz.json), or into --to DIR by
the same names and folders. csv writes one table, and m3u one playlist for each genre, mood, era and instrument; both
need --to.

Stickers are MPD's own notes on songs: minim.rock = 0.31, and minim.genre and minim.mood with the words.

Exit code: 0 when all was written, 1 when something was not, 2 for wrong arguments.

Examples:
  player export --sidecar json
  player export --sidecar csv --to library.csv
  player export --sidecar m3u --to playlists
  player export --stickers mpd://localhost:6600 --music-dir /var/lib/mpd/music")]
pub struct ExportArgs {
    /// Files and folders of the library; without any, all of it
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// What to write
    #[arg(long, value_enum, required_unless_present = "stickers")]
    sidecar: Option<Form>,

    /// Where to write it: a folder, or for csv a file or - for standard output
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,

    /// Put the tags into the stickers of the MPD there
    #[arg(long, value_name = "MPD", conflicts_with = "sidecar")]
    stickers: Option<Address>,

    /// MPD's music_directory, where it does not say itself
    #[arg(long, value_name = "DIR", requires = "stickers")]
    music_dir: Option<PathBuf>,

    #[command(flatten)]
    db: DbArgs,

    #[command(flatten)]
    model: ModelArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// High-level documents as AcousticBrainz has them, a file for each song
    Json,
    /// One table of all songs and tags
    Csv,
    /// A playlist for each genre, mood, era and instrument
    M3u,
    /// What ListenBrainz's API takes, a file for each song
    Listenbrainz,
}

/// Writes what is wanted; false when something could not be.
pub fn run(args: &ExportArgs) -> Result<bool> {
    let library = args.db.existing()?;
    let model = library_model(&library, &args.model)?;
    if let Some(address) = &args.stickers {
        return stickers(args, &library, &model, address);
    }
    match (args.sidecar, &args.to) {
        (Some(Form::Csv), Some(to)) => table(args, &library, &model, to),
        (Some(Form::M3u), Some(to)) => playlists(args, &library, &model, to),
        (Some(Form::Csv | Form::M3u), None) => bail!("--to PATH says where that goes"),
        (Some(form), to) => beside(args, &library, &model, form, to.as_deref()),
        (None, _) => Ok(true),
    }
}

/// Every track that was asked for.
fn each(
    args: &ExportArgs,
    library: &Library,
    model: &Model,
    mut each: impl FnMut(Track, Song) -> Result<()>,
) -> Result<u64> {
    let paths = absolute(&args.paths);
    let mut count = 0;
    let mut failed = None;
    library.each_track(model, |track, song| {
        if failed.is_none() && is_in(&track, &paths) {
            count += 1;
            failed = each(track, song).err();
        }
        Ok::<_, player::library::LibraryError>(())
    })?;
    match failed {
        Some(error) => Err(error),
        None if count == 0 => bail!("no song of the library lies there; player scan DIR adds some"),
        None => Ok(count),
    }
}

fn beside(
    args: &ExportArgs,
    library: &Library,
    model: &Model,
    form: Form,
    to: Option<&Path>,
) -> Result<bool> {
    let roots = library.roots()?;
    let (mut written, mut without, mut failed) = (0, 0, 0);
    each(args, library, model, |track, song| {
        let (ending, document) = match form {
            Form::Listenbrainz => ("listenbrainz.json", listenbrainz(model, &track, &song)),
            _ => ("minim.json", Some(acousticbrainz(model, &track, &song))),
        };
        let Some(document) = document else {
            without += 1;
            return Ok(());
        };
        let mut path = match to {
            Some(folder) => folder.join(below(&track.path, &roots)),
            None => track.path.clone(),
        }
        .into_os_string();
        path.push(".");
        path.push(ending);
        let path = PathBuf::from(path);
        match write_atomically(&path, format!("{document}\n").as_bytes()) {
            Ok(()) => written += 1,
            Err(error) => {
                failed += 1;
                eprintln!("{}: {error}", path.display());
            }
        }
        Ok(())
    })?;
    if without > 0 {
        eprintln!("{without} without artist and title: left out");
    }
    eprintln!("{written} written");
    Ok(failed == 0)
}

/// A path as seen from the folder that was scanned.
fn below<'p>(path: &'p Path, roots: &[PathBuf]) -> &'p Path {
    let inside = roots
        .iter()
        .filter_map(|root| path.strip_prefix(root).ok())
        .min_by_key(|path| path.as_os_str().len());
    // Never an absolute path, which would leave the folder that it is joined to.
    inside.unwrap_or_else(|| Path::new(path.file_name().unwrap_or_default()))
}

fn table(args: &ExportArgs, library: &Library, model: &Model, to: &Path) -> Result<bool> {
    if to == Path::new("-") {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        out.write_all(csv_head(model).as_bytes())?;
        each(args, library, model, |track, song| Ok(out.write_all(csv_line(&track, &song).as_bytes())?))?;
        out.flush()?;
        return Ok(true);
    }
    let mut text = csv_head(model);
    let count = each(args, library, model, |track, song| {
        text += &csv_line(&track, &song);
        Ok(())
    })?;
    write_atomically(to, text.as_bytes()).with_context(|| shown(to))?;
    eprintln!("{count} songs in {}", to.display());
    Ok(true)
}

fn playlists(args: &ExportArgs, library: &Library, model: &Model, folder: &Path) -> Result<bool> {
    let mut lists: BTreeMap<String, String> = BTreeMap::new();
    each(args, library, model, |track, song| {
        for sense in [Sense::Genre, Sense::Mood, Sense::Era, Sense::Instrument] {
            for word in said(model, &song.scores, sense, usize::MAX) {
                let list = lists.entry(word.replace('/', "-")).or_insert_with(|| M3U.into());
                *list += &m3u_entry(&track);
            }
        }
        Ok(())
    })?;
    for (name, list) in &lists {
        let path = folder.join(format!("{name}.m3u8"));
        write_atomically(&path, list.as_bytes()).with_context(|| shown(&path))?;
    }
    eprintln!("{} playlists in {}", lists.len(), folder.display());
    Ok(true)
}

fn stickers(args: &ExportArgs, library: &Library, model: &Model, address: &Address) -> Result<bool> {
    let mut mpd = Mpd::connect(address)?;
    let told = match &args.music_dir {
        Some(folder) => Some(folder.clone()),
        None => mpd.music_directory()?,
    };
    let Some(folder) = told else { bail!("{address}: where is its music? --music-dir DIR says so") };
    let folder = folder.canonicalize().with_context(|| shown(&folder))?;
    let (mut written, mut elsewhere, mut refused) = (0, 0, 0);
    each(args, library, model, |track, song| {
        let Some(file) = track.path.strip_prefix(&folder).ok().and_then(Path::to_str) else {
            elsewhere += 1;
            return Ok(());
        };
        match stick(&mut mpd, model, file, &song) {
            Ok(()) => written += 1,
            Err(MpdError::Refused { said, .. }) => {
                refused += 1;
                eprintln!("{file}: MPD says: {said}");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })?;
    if elsewhere > 0 {
        eprintln!("{elsewhere} not in {}: left out", folder.display());
    }
    eprintln!("{written} songs have stickers");
    Ok(refused == 0)
}

fn stick(mpd: &mut Mpd, model: &Model, file: &str, song: &Song) -> Result<(), MpdError> {
    for (tag, p) in model.tags.iter().zip(&song.scores) {
        mpd.set_sticker(file, &format!("minim.{tag}"), &format!("{p:.4}"))?;
    }
    for (name, sense) in [("minim.genre", Sense::Genre), ("minim.mood", Sense::Mood)] {
        mpd.set_sticker(file, name, &said(model, &song.scores, sense, 3).join(";"))?;
    }
    Ok(())
}
