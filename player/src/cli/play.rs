//! `player play`.

use super::args::{DbArgs, ModelArgs, library_model, stop_flag};
use anyhow::{Context, Result};
use clap::Args;
use player::library::Library;
use player::near::playlist::{PlaylistOptions, playlist};
use player::near::search::vector_of;
use player::play::now::Now;
use player::play::session::{AtEnd, Session};
use player::play::sink::{Silent, Sink};
use player::play::{page, queue};
use runtime::tagger::Tagger;
use serde_json::json;
use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
On a terminal it shows a page: space pauses, n skips, b goes back, left and right seek, m puts songs of the library that
sound like this one next, q quits. Elsewhere, and with --headless, it prints a line per answer of the network.

Sound needs a player that was built for it: cargo run -p player --features sound -- play FILE, which on Linux needs ALSA's
headers (Debian: libasound2-dev). Without, music passes silently at its own pace.

Exit code: 0 at the end, 1 when nothing could be played, 2 for wrong arguments.

Examples:
  player play song.mp3
  player play ~/Music/jazz evening.m3u
  player play --no-audio --headless --json song.mp3")]
pub struct PlayArgs {
    /// Songs, folders and M3U playlists
    #[arg(required = true, value_name = "FILE|DIR|M3U")]
    what: Vec<PathBuf>,

    #[command(flatten)]
    show: ShowArgs,

    /// Play silently, at the music's pace
    #[arg(long)]
    no_audio: bool,
}

/// How it is shown.
#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    db: DbArgs,

    /// No page, but a line per answer
    #[arg(long)]
    headless: bool,

    /// Headless, and each line is JSON: {"song","path","name","position","duration","paused","ended","windows",
    /// "tags":[{"tag","p","mean"}],"next","trouble"}
    #[arg(long)]
    json: bool,

    /// How many tags a line has
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
}

impl ShowArgs {
    /// The model, for hearing.
    pub fn load(&self) -> Result<Arc<Tagger>> {
        Ok(Arc::new(self.model.load()?))
    }

    /// The library, where there is one.
    pub fn library(&self) -> Option<Library> {
        self.db.existing().ok()
    }
}

/// Plays; false when nothing could be played.
pub fn play(args: &PlayArgs) -> Result<bool> {
    let mut songs = Vec::new();
    for what in &args.what {
        songs.extend(queue::songs(what)?);
    }
    let tagger = args.show.load()?;
    let sink = sink(args.no_audio);
    let session = Session::start(songs, Arc::clone(&tagger), sink, AtEnd::Quit);
    let stop = stop_flag()?;
    show(&args.show, &session, &tagger, &stop)
}

/// What plays: the sound card, where there is one and it is wanted.
pub fn sink(no_audio: bool) -> Box<dyn Sink> {
    if no_audio {
        return Box::new(Silent::default());
    }
    #[cfg(feature = "sound")]
    match player::play::sound::Sound::open() {
        Ok(sound) => return Box::new(sound),
        Err(error) => eprintln!("{error}; playing silently"),
    }
    #[cfg(not(feature = "sound"))]
    eprintln!(
        "built without sound, so it plays silently; with sound: cargo run -p player --features sound -- play ..."
    );
    Box::new(Silent::default())
}

/// Shows a session until it ends; false when nothing was played.
pub fn show(args: &ShowArgs, session: &Session, tagger: &Tagger, stop: &AtomicBool) -> Result<bool> {
    if !args.headless && !args.json && std::io::stdout().is_terminal() {
        let more = |path: &Path| more_like(args, path).map_err(|error| error.to_string());
        page::show(session, tagger.tags(), stop, more).context("the terminal")?;
    } else {
        lines(args, session, stop)?;
    }
    let (now, _) = session.board().read();
    if let Some(trouble) = &now.trouble
        && now.song == 0
    {
        eprintln!("{trouble}");
    }
    Ok(now.song > 0)
}

/// Songs of the library that sound like one.
fn more_like(args: &ShowArgs, path: &Path) -> Result<Vec<PathBuf>> {
    let library = args.db.existing()?;
    let model = library_model(&library, &args.model)?;
    let path = path.canonicalize().context("the song")?;
    let track =
        library.track_at(&path, &model)?.context("this song is not in the library yet: player scan")?;
    let song = library.song(track.song)?.context("this song is gone")?;
    let options = PlaylistOptions { length: 10, same_artist: false };
    let but = HashSet::from([song.id]);
    let hits = playlist(&library, &model, &[vector_of(&song, &model)], &but, options)?;
    Ok(hits.into_iter().map(|hit| hit.track.path).collect())
}

/// A line for every change that has something new to say.
fn lines(args: &ShowArgs, session: &Session, stop: &AtomicBool) -> Result<()> {
    let mut seen = 0;
    let mut last = (0, 0, false, None);
    while !stop.load(Ordering::Relaxed) {
        let ended = session.ended();
        let version = session.board().wait(seen, Duration::from_millis(100));
        if version != seen {
            seen = version;
            let (now, _) = session.board().read();
            let this = (now.song, now.windows, now.paused, now.trouble.clone());
            // The start of a song is worth a line even before its tags are known.
            if this != last && now.song > 0 {
                line(args, &now)?;
                last = this;
            }
        } else if ended {
            break;
        }
    }
    Ok(())
}

fn line(args: &ShowArgs, now: &Now) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let mut line = json!(now);
        if let Some(tags) = line["tags"].as_array_mut() {
            tags.truncate(args.top);
        }
        line["position"] = json!((now.position * 1e3).round() / 1e3);
        writeln!(out, "{line}")?;
    } else if now.tags.is_empty() {
        writeln!(out, "{}", now.name)?;
    } else {
        write!(out, "{:7.1} s ", now.position)?;
        for tag in now.tags.iter().take(args.top) {
            write!(out, "  {} {:.2}", tag.tag, tag.mean)?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
