//! `player follow`.

use super::args::stop_flag;
use super::play::{ShowArgs, show};
use anyhow::{Result, bail};
use clap::Args;
use player::follow::{Address, Mpd, MpdError, Playing, locate, patience};
use player::play::session::{AtEnd, Command, Session};
use player::play::sink::Silent;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

#[derive(Args)]
#[command(after_help = "\
MPD tells when a song begins, holds or is sought; the song is then read from the disk, from where MPD plays it on, and heard
at its pace. When MPD goes away, it is waited for.

Exit code: 0 when it was ended, 1 when MPD cannot be reached at the start, 2 for wrong arguments.

Examples:
  player follow mpd://localhost:6600 --music-dir /var/lib/mpd/music
  player follow mpd:///run/mpd/socket --json")]
pub struct FollowArgs {
    /// Where MPD is: mpd://[PASSWORD@]HOST[:PORT], or mpd:///PATH/TO/SOCKET
    #[arg(value_name = "MPD")]
    address: Address,

    /// MPD's music_directory; without it MPD is asked, which answers over its socket, or the library's folders are tried
    #[arg(long, value_name = "DIR")]
    music_dir: Option<PathBuf>,

    #[command(flatten)]
    show: ShowArgs,
}

/// Follows MPD until it is ended.
pub fn follow(args: &FollowArgs) -> Result<bool> {
    let mut mpd = Mpd::connect(&args.address)?;
    let told = match &args.music_dir {
        Some(folder) => Some(folder.clone()),
        None => mpd.music_directory()?,
    };
    let folders = match told {
        Some(folder) if !folder.is_dir() => bail!("{}: MPD's music is not there", folder.display()),
        Some(folder) => vec![folder],
        None => args.show.library().map(|library| library.roots()).transpose()?.unwrap_or_default(),
    };
    if folders.is_empty() {
        bail!("{}: where is its music? --music-dir DIR says so", args.address);
    }
    let tagger = args.show.load()?;
    let session = Session::start(Vec::new(), Arc::clone(&tagger), Box::new(Silent::default()), AtEnd::Wait);
    let (address, commands, board) = (args.address.clone(), session.commands(), Arc::clone(session.board()));
    std::thread::spawn(move || {
        let mut follower = Follower { folders, commands, last: Playing::default() };
        let mut tries = 0;
        loop {
            let done = follower.follow(&mut mpd, || board.look(|now, _| now.position));
            let Err(error) = done else { return };
            eprintln!("{error}; waiting for it");
            follower.commands.send(Command::Pause(true)).ok();
            mpd = loop {
                std::thread::sleep(patience(tries));
                match Mpd::connect(&address) {
                    Ok(mpd) => break mpd,
                    Err(_) => tries += 1,
                }
            };
            tries = 0;
        }
    });
    let stop = stop_flag()?;
    show(&args.show, &session, &tagger, &stop)?;
    Ok(true)
}

struct Follower {
    folders: Vec<PathBuf>,
    commands: Sender<Command>,
    last: Playing,
}

impl Follower {
    /// Does as MPD does, until it is gone; ends well where nobody listens any more.
    fn follow(&mut self, mpd: &mut Mpd, position: impl Fn() -> f64) -> Result<(), MpdError> {
        loop {
            let now = mpd.playing()?;
            if !self.tell(&now, &position) {
                return Ok(());
            }
            self.last = now;
            mpd.wait()?;
        }
    }

    fn tell(&self, now: &Playing, position: &impl Fn() -> f64) -> bool {
        let send = |command| self.commands.send(command).is_ok();
        let Some(file) = &now.file else { return send(Command::Play(Vec::new(), 0.0)) };
        if self.last.file.as_ref() != Some(file) {
            let Some(path) = locate(file, &self.folders) else {
                eprintln!("{file}: not in {}", list(&self.folders));
                return send(Command::Play(Vec::new(), 0.0));
            };
            return send(Command::Play(vec![path], now.elapsed)) && send(Command::Pause(!now.plays));
        }
        // Small differences are MPD's buffers.
        if (position() - now.elapsed).abs() > 2.0 && !send(Command::SeekTo(now.elapsed)) {
            return false;
        }
        send(Command::Pause(!now.plays))
    }
}

fn list(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    names.join(", ")
}
