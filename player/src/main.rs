//! `player`: tags songs, offline.

mod cli;

use anyhow::Result;
use clap::{Parser, Subcommand};
use cli::export::ExportArgs;
use cli::follow::{FollowArgs, follow};
use cli::listen::{ListenArgs, listen};
use cli::near::{PlaylistArgs, SearchArgs, SimilarArgs, playlist_of, search, similar};
use cli::play::{PlayArgs, play};
use cli::scan::ScanArgs;
use cli::serve::ServeArgs;
use cli::tag::{TagArgs, tag};
use cli::write::WriteArgs;
use std::process::ExitCode;

/// Tags music on this computer: nothing leaves it.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says what is in songs: tags with probabilities.
    Tag(TagArgs),
    /// Plays music and shows what is in it as it plays.
    Play(PlayArgs),
    /// Shows what is in the music that MPD plays.
    Follow(FollowArgs),
    /// Tags a whole library of music into a database, and keeps it up to date.
    Scan(ScanArgs),
    /// Writes genre and mood into files' own tags, where other players read them; shows them first.
    Write(WriteArgs),
    /// Finds the songs of the library that sound like a file.
    Similar(SimilarArgs),
    /// Makes a playlist of songs that sound like others.
    Playlist(PlaylistArgs),
    /// Finds songs of the library by tags and words: jazz and not sad.
    Search(SearchArgs),
    /// Writes what the library knows for other programs: JSON, CSV, playlists, ListenBrainz, MPD's stickers.
    Export(ExportArgs),
    /// Serves a page: what plays with its tags, the library as a map, search and playlists.
    Serve(ServeArgs),
    /// Shows what a microcontroller hears that tags music and says so over a serial line.
    Listen(ListenArgs),
}

fn main() -> ExitCode {
    let result: Result<bool> = match Cli::parse().command {
        Command::Tag(args) => tag(&args),
        Command::Play(args) => play(&args),
        Command::Follow(args) => follow(&args),
        Command::Scan(args) => cli::scan::run(&args),
        Command::Write(args) => cli::write::run(&args),
        Command::Similar(args) => similar(&args),
        Command::Playlist(args) => playlist_of(&args),
        Command::Search(args) => search(&args),
        Command::Export(args) => cli::export::run(&args),
        Command::Serve(args) => cli::serve::run(&args),
        Command::Listen(args) => listen(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has seen enough.
        Err(error) if closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", said(&error));
            ExitCode::FAILURE
        }
    }
}

/// What we were doing and what went wrong, each said once: many errors name their own causes.
fn said(error: &anyhow::Error) -> String {
    let mut causes = error.chain().take(2).map(ToString::to_string);
    let first = causes.next().unwrap_or_default();
    match causes.next() {
        Some(cause) if !first.contains(&cause) => format!("{first}: {cause}"),
        _ => first,
    }
}

fn closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
