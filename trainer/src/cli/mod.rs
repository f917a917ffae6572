//! The trainer's commands.

pub mod args;
mod attention;
mod beside;
mod card;
mod compare;
mod data;
mod describe;
mod eval;
mod export;
mod extract;
mod fetch;
mod fetch_files;
mod folder;
mod label;
mod map;
mod points;
mod recipe;
mod recommend;
mod remix;
mod report;
mod robust;
mod search;
pub mod show;
mod songs;
mod sweep;
mod synth;
mod train;

use anyhow::Result;
use args::{Cli, Command};
use std::process::ExitCode;

/// Exit status of a run that was interrupted and can be resumed, as shells give it for Ctrl-C.
pub const INTERRUPTED: u8 = 130;

pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        None => train::main_job(),
        Some(Command::Train(args)) => train::train(*args),
        Some(Command::Eval(args)) => eval::eval(&args),
        Some(Command::Describe(args)) => describe::run(&args),
        Some(Command::Extract(args)) => extract::extract(&args),
        Some(Command::Export(args)) => export::export(&args),
        Some(Command::Label(args)) => label::label(&args),
        Some(Command::Card(args)) => card::card(&args),
        Some(Command::Attention(args)) => attention::attention(&args),
        Some(Command::Synth(args)) => synth::synth(&args),
        Some(Command::Fetch(args)) => fetch::fetch(&args.source),
        Some(Command::Remix(args)) => remix::make(&args),
        Some(Command::Map(args)) => map::run(&args),
        Some(Command::Recommend(args)) => recommend::run(&args),
        Some(Command::EvalRecommend(args)) => recommend::evaluate(&args),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Sweep(args)) => sweep::sweep(&args),
    }
}
