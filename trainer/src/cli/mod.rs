//! The trainer's commands.

pub mod args;
mod data;
mod eval;
pub mod show;
mod synth;
mod train;

use anyhow::Result;
use args::{Cli, Command, TrainArgs};
use std::process::ExitCode;

/// Exit status of a run that was interrupted and can be resumed, as shells give it for Ctrl-C.
pub const INTERRUPTED: u8 = 130;

pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        None => train::main_job(),
        Some(Command::Train(args)) => train::train(*args),
        Some(Command::Eval(args)) => eval::eval(&args),
        Some(Command::Synth(args)) => synth::synth(&args),
    }
}

impl TrainArgs {
    /// Name of the run's folder where none is given: corpus, network and size.
    fn default_out(&self) -> std::path::PathBuf {
        let corpus = self.corpus.to_string();
        let corpus = corpus.trim_end_matches(['/', '\\']);
        let last = corpus.rsplit(['/', '\\', ':']).next().unwrap_or("corpus");
        let corpus =
            if corpus.starts_with("synth") { "synth" } else { last.split('.').next().unwrap_or(last) };
        format!("runs/{corpus}-{}-{}", self.model, self.budget).into()
    }
}
