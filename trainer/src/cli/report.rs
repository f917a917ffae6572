//! `report.html` of an evaluation.

use super::data::Data;
use super::show;
use anyhow::Result;
use runtime::card::Card;
use std::path::Path;
use trainer::corpus::Split;
use trainer::eval::{Evaluation, Scores};
use trainer::export::first_kernels;
use trainer::plot::EpochPoint;
use trainer::report::{self, ClipLink, Material};
use trainer::train::EpochRecord;

/// What was scored.
pub struct Scored<'a> {
    pub evaluation: &'a Evaluation,
    pub scores: &'a Scores,
    pub data: &'a Data,
    pub split: Option<Split>,
    /// Of the model.
    pub card: &'a Card,
    /// The file that was scored.
    pub file: &'a Path,
}

/// Writes the report into `folder`, with what the model's own folder says of its training and its first layer.
pub fn write(folder: &Path, model: &Path, scored: &Scored<'_>) -> Result<()> {
    let clips = scored.data.numbers(scored.split).into_iter().map(|number| {
        let clip = &scored.data.corpus.clips[number];
        ClipLink { id: &clip.id, group: clip.group.as_deref(), path: clip.source.file() }
    });
    // A path to a file stands for that file alone.
    let beside = if model.is_dir() { model } else { model.parent().unwrap_or(Path::new(".")) };
    let material = Material {
        evaluation: scored.evaluation,
        scores: scored.scores,
        clips: clips.collect(),
        epochs: history(&beside.join("run.json")),
        kernels: std::fs::read(scored.file).ok().and_then(|onnx| first_kernels(&onnx)),
        facts: facts(scored.card),
        paper: trainer::compare::paper::beside(scored.evaluation),
    };
    let page = report::write(folder, &material)?;
    show::line(&format!("report: {}", page.display()));
    Ok(())
}

/// How training went, by what it left; nothing where it left nothing that can be read.
fn history(run: &Path) -> Vec<EpochPoint> {
    let read = || -> Option<Vec<EpochRecord>> {
        let run: serde_json::Value = serde_json::from_slice(&std::fs::read(run).ok()?).ok()?;
        serde_json::from_value(run.get("history")?.clone()).ok()
    };
    read().unwrap_or_default().iter().map(point).collect()
}

/// An epoch as it is drawn.
pub fn point(record: &EpochRecord) -> EpochPoint {
    EpochPoint {
        epoch: record.epoch,
        train_loss: record.train_loss,
        validation_loss: record.validation_loss,
        validation_auc: record.validation_auc,
        validation_agreement: record.validation_agreement,
    }
}

fn facts(card: &Card) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(parameters) = card.parameters {
        fact("parameters", parameters.to_string());
    }
    let front_end = &card.front_end;
    let seconds =
        |frames: usize| frames as f64 * front_end.hop_length as f64 / f64::from(front_end.sample_rate);
    fact("one answer hears", format!("{:.1} s", seconds(card.input.frames)));
    fact("a new answer every", format!("{:.1} s", seconds(card.input.hop_frames)));
    fact("heard up to", format!("{:.0} Hz", front_end.f_max));
    let trained_on = card.data.as_ref().and_then(|data| data["corpus"].as_str());
    fact("trained on", trained_on.unwrap_or_default().to_owned());
    fact("licence of the weights", card.licence.clone().unwrap_or_default());
    fact("made by", card.source.clone().unwrap_or_default());
    facts
}
