//! `trainer card`: what is known of a model, in its card, its ONNX files and a README.

use super::show;
use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::card::Card;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use trainer::deliver::metrics_for_card;
use trainer::eval::Evaluation;
use trainer::export::{packed_model, with_card};
use trainer::files::write_atomically;
use trainer::readme::readme;

#[derive(Args)]
pub struct CardArgs {
    /// Model folder
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Name of the model
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Licence of the weights
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    /// A JSON object whose entries become those of "data": what it was trained on, credits, limits. Entries that are
    /// there and not in the file stay
    #[arg(long, value_name = "FILE.json")]
    pub data: Option<PathBuf>,
    /// What `trainer eval --json` printed, and how its corpus is to be called: an entry of "metrics" each. May be given
    /// several times; the first one replaces what was there
    #[arg(long, value_name = "NAME=FILE.json")]
    pub eval: Vec<Named>,
    /// Write README.md beside it, from the card
    #[arg(long)]
    pub readme: bool,
}

/// A file with a name.
#[derive(Clone, Debug)]
pub struct Named {
    name: String,
    file: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.into(), file: file.into() })
            }
            _ => Err(format!("{text:?} is not NAME=FILE")),
        }
    }
}

pub fn card(args: &CardArgs) -> Result<ExitCode> {
    let path = args.model.join(Card::FILE_NAME);
    let at = || format!("{}", path.display());
    let text = std::fs::read_to_string(&path).with_context(at)?;
    let mut card = Card::parse(&text).with_context(at)?;
    if let Some(name) = &args.name {
        card.name.clone_from(name);
    }
    if args.licence.is_some() {
        card.licence.clone_from(&args.licence);
    }
    if let Some(file) = &args.data {
        let Value::Object(given) = read_json(file)? else { bail!("{}: no JSON object", file.display()) };
        let mut data = match card.data.take() {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        data.extend(given);
        card.data = Some(Value::Object(data));
    }
    if !args.eval.is_empty() {
        let mut metrics = Map::new();
        for Named { name, file } in &args.eval {
            let value = read_json(file)?;
            let mut evaluation: Evaluation = serde_json::from_value(value)
                .with_context(|| format!("{}: not what trainer eval --json prints", file.display()))?;
            evaluation.corpus.clone_from(name);
            metrics.insert(name.clone(), metrics_for_card(&evaluation));
        }
        card.metrics = Some(Value::Object(metrics));
    }
    card.validate().with_context(at)?;
    let json = card.to_json()?;
    let compact = serde_json::to_string(&card)?;
    // All is read and made before anything is written.
    let mut files = Vec::new();
    for name in ["model.onnx", "model.int8.onnx"] {
        let model = args.model.join(name);
        if model.exists() {
            let context = || format!("{}", model.display());
            let bytes = std::fs::read(&model).with_context(context)?;
            files.push((model.clone(), with_card(&bytes, &compact).with_context(context)?));
        }
    }
    // The packed model has name and thresholds of the card.
    let packed = args.model.join("model.bin");
    let int8 = files.iter().find(|(path, _)| path.ends_with("model.int8.onnx"));
    if let (true, Some((path, onnx))) = (packed.exists(), int8) {
        let bytes = packed_model(onnx).with_context(|| format!("{}", path.display()))?;
        files.push((packed, bytes));
    }
    if args.readme {
        let size = |name: &str| {
            let bytes = files.iter().find(|(path, _)| path.file_name().is_some_and(|file| file == name));
            bytes.map(|(_, bytes)| bytes.len())
        };
        let sizes = ["model.onnx", "model.int8.onnx", "model.bin"].map(|name| (name, size(name)));
        let text = readme(&card, &sizes);
        files.push((args.model.join("README.md"), text.into_bytes()));
    }
    files.push((path.clone(), json.into_bytes()));
    for (path, bytes) in &files {
        write_atomically(path, bytes).with_context(|| format!("{}", path.display()))?;
        show::line(&format!("{}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn read_json(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}", file.display()))
}
