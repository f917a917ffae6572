//! Runs a model of ours on a given log-mel and writes what comes out, for comparison with other engines.

use anyhow::{Context, Result, bail};
use clap::Parser;
use runtime::tagger::{EngineChoice, Tagger, TaggerOptions};
use std::path::{Path, PathBuf};

/// Runs an exported model in the runtime on raw numbers and writes raw numbers
#[derive(Parser)]
struct Args {
    /// Plain tract, without the runtime's fused operation
    #[arg(long)]
    plain: bool,
    /// ONNX file with a card in its metadata
    model: PathBuf,
    /// Little-endian float32 [mel_bands, frames], in decibel
    input: PathBuf,
    /// Number of frames
    frames: usize,
    /// PREFIX.tags.f32 gets [windows, tags], PREFIX.embedding.f32 [windows, width], PREFIX.attention.f32 [windows, steps]
    prefix: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let tagger = Tagger::load_with(
        &args.model,
        &TaggerOptions { engine: EngineChoice::Tract, fuse: !args.plain, ..Default::default() },
    )?;
    let bands = tagger.mel_config().mel_bands;
    let bytes = std::fs::read(&args.input).with_context(|| format!("{}", args.input.display()))?;
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    if values.len() != bands * args.frames || bytes.len() % 4 != 0 {
        bail!("{}: {} bytes are not {bands} x {} float32", args.input.display(), bytes.len(), args.frames);
    }
    let mut frames = vec![0.0; values.len()];
    for (band, row) in values.chunks(args.frames.max(1)).enumerate() {
        for (frame, &value) in row.iter().enumerate() {
            frames[frame * bands + band] = value;
        }
    }
    let song = tagger.tag_frames(&frames)?;
    write(&args.prefix, "tags", &song.probabilities)?;
    for (what, values) in [("embedding", &song.window_embeddings), ("attention", &song.attention)] {
        if let Some(values) = values {
            write(&args.prefix, what, values)?;
        }
    }
    println!("{} windows", song.windows);
    Ok(())
}

fn write(prefix: &str, what: &str, values: &[f32]) -> Result<()> {
    let path = format!("{prefix}.{what}.f32");
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(Path::new(&path), bytes).with_context(|| path)
}
