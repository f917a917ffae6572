//! `trainer`: from tagged music to a model folder. See `--help`.

mod cli;

use clap::Parser;

fn main() -> std::process::ExitCode {
    trainer::allocator::keep_freed_memory();
    let cli = cli::args::Cli::parse();
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", cli::show::chain(&error));
            std::process::ExitCode::FAILURE
        }
    }
}
