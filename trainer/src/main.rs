//! `trainer`: from tagged music to a model folder. See `--help`.

mod cli;

use clap::Parser;

fn main() -> std::process::ExitCode {
    trainer::allocator::keep_freed_memory();
    let cli = cli::args::Cli::parse();
    match cli::run(cli) {
        Ok(code) => code,
        // Whoever reads has enough.
        Err(error) if is_broken_pipe(&error) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", cli::show::chain(&error));
            std::process::ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(broken)
}
