//! `trainer synth`: the synthetic corpus as files.

use super::args::SynthArgs;
use super::show;
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use std::process::ExitCode;
use trainer::corpus::synth::{SynthSpec, corpus, write_wav};
use trainer::corpus::{ClipSource, Split};

pub fn synth(args: &SynthArgs) -> Result<ExitCode> {
    if args.clips == 0 || !(0.5..=600.0).contains(&args.seconds) {
        bail!("--clips is at least 1 and --seconds from 0.5 to 600");
    }
    std::fs::create_dir_all(&args.to).with_context(|| format!("{}", args.to.display()))?;
    let made = corpus(&SynthSpec { clips: args.clips, seconds: args.seconds, seed: args.seed });
    let bar = show::bar("wav files");
    bar.set_length(args.clips as u64);
    made.clips.par_iter().enumerate().try_for_each(|(i, clip)| -> Result<()> {
        let ClipSource::Synth(source) = &clip.source else { return Ok(()) };
        let path = args.to.join(format!("synthetic-{i:05}.wav"));
        write_wav(source, &path).with_context(|| format!("{}", path.display()))?;
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let mut rows = String::from("path,split,tags\n");
    for (i, clip) in made.clips.iter().enumerate() {
        let split = match clip.split {
            Some(Split::Validation) => "validation",
            Some(Split::Test) => "test",
            _ => "train",
        };
        let tags: Vec<&str> =
            made.tags.iter().zip(&clip.labels).filter(|(_, l)| **l > 0.5).map(|(t, _)| t.as_str()).collect();
        rows.push_str(&format!("synthetic-{i:05}.wav,{split},{}\n", tags.join(";")));
    }
    let manifest = args.to.join("manifest.csv");
    trainer::files::write_atomically(&manifest, rows.as_bytes())
        .with_context(|| format!("{}", manifest.display()))?;
    println!("{} clips and {}", args.clips, manifest.display());
    Ok(ExitCode::SUCCESS)
}
