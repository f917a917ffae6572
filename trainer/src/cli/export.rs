//! `trainer export`: a packed model for microcontrollers from an int8 ONNX file.

use anyhow::{Context, Result};
use clap::Args;
use runtime::engine::state_words;
use runtime::packed::PackedModel;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use trainer::export::packed_model;
use trainer::files::write_atomically;

#[derive(Args)]
#[command(after_help = "\
Every run of `trainer train` writes model.bin beside its ONNX files; this makes one of any int8 file of k2c1.

Example:
  trainer export --from models/k2c1-msd50-0.1m/model.int8.onnx --out tagger.bin")]
pub struct ExportArgs {
    /// The int8 ONNX file, with its card inside
    #[arg(long, value_name = "FILE.onnx")]
    pub from: PathBuf,
    /// Where the packed model goes [default: model.bin beside it]
    #[arg(long, value_name = "FILE.bin")]
    pub out: Option<PathBuf>,
    /// Print what was written as one line of JSON
    #[arg(long)]
    pub json: bool,
}

pub fn export(args: &ExportArgs) -> Result<ExitCode> {
    let from = || format!("{}", args.from.display());
    let onnx = std::fs::read(&args.from).with_context(from)?;
    let bytes = packed_model(&onnx).with_context(from)?;
    let out = args.out.clone().unwrap_or_else(|| args.from.with_file_name("model.bin"));
    let at = || format!("{}", out.display());
    write_atomically(&out, &bytes).with_context(at)?;
    let model = PackedModel::parse(&bytes).with_context(at)?;
    let state = 4 * state_words(&model, model.stride()).with_context(at)?;
    if args.json {
        let line = json!({
            "path": out, "bytes": bytes.len(), "tags": model.tags().len(), "state_bytes": state,
            "receptive_field": model.receptive_field(), "stride": model.stride(),
        });
        println!("{line}");
    } else {
        println!(
            "{}: {} bytes, {} tags, {state} bytes of state",
            out.display(),
            bytes.len(),
            model.tags().len()
        );
    }
    Ok(ExitCode::SUCCESS)
}
