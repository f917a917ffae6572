//! `player`: tags songs, offline.

mod cli;

use anyhow::Result;
use clap::{Parser, Subcommand};
use cli::listen::{ListenArgs, listen};
use cli::tag::{TagArgs, tag};
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
    /// Shows what a microcontroller hears that tags music and says so over a serial line.
    Listen(ListenArgs),
}

fn main() -> ExitCode {
    let result: Result<bool> = match Cli::parse().command {
        Command::Tag(args) => tag(&args),
        Command::Listen(args) => listen(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has seen enough.
        Err(error) if closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // What we were doing and what went wrong; the runtime's errors name their own causes.
            let said: Vec<String> = error.chain().take(2).map(ToString::to_string).collect();
            eprintln!("error: {}", said.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
