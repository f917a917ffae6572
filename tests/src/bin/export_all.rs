//! Writes model folders of all networks, untrained, for comparisons between engines.

use anyhow::{Context, Result};
use clap::Parser;
use std::path::PathBuf;
use tests::untrained::{Heard, MEL, Untrained};
use trainer::corpus::synth::SynthSpec;
use trainer::net::{Architecture, Budget, Model, PAPER_POOLS};

/// Writes untrained models of all networks, DIR/NETWORK-BUDGET each
#[derive(Parser)]
struct Args {
    /// Their size
    #[arg(long, default_value = "0.1M")]
    budget: Budget,
    /// Folder
    dir: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let heard = Heard::new(&SynthSpec { clips: 8, seconds: 30.0, seed: 3 });
    let tags = heard.corpus.tags.len();
    for model in Model::ALL {
        let architecture = Architecture::new(model, args.budget, MEL.mel_bands, &PAPER_POOLS, tags)
            .map_err(anyhow::Error::msg)?;
        let name = format!("{model} {}", args.budget);
        let folder = args.dir.join(name.replace(' ', "-"));
        std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        Untrained::new(&architecture, &heard)?.delivery(&name, &heard.clips())?.write(&folder)?;
        println!("{}", folder.display());
    }
    Ok(())
}
