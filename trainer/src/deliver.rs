//! The model folder: quantise, write both ONNX files with their card, and score what was written by the runtime.

use crate::eval::{Agreement, Evaluation, Scores, ScoresError, TagReport};
use crate::export::{ATTENTION, PackError, attention_steps, float_model, int8_model, packed_model};
use crate::features::will_need;
use crate::files::write_atomically;
use crate::net::{Architecture, Folded, Net, Network, Standardise};
use crate::quantise::{Quantised, quantise};
use crate::train::segments::Answers;
use crate::train::{LabelledClip, RunState, scores};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use runtime::card::{Axis, Card, CardError, FrontEnd, InputSpec, OutputSpec};
use runtime::mel::{FrameCodes, MelConfig};
use runtime::tagger::{Precision, SongTags, Tagger, TaggerError, TaggerOptions};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Clips whose activations choose the integers' ranges: so many, or fewer where those of one layer would take more than
/// this many bytes.
const CALIBRATION_CLIPS: usize = 64;
const CALIBRATION_BYTES: usize = 512 << 20;

/// Why a model folder could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// candle failed.
    #[error("exporting: {0}")]
    Candle(#[from] candle_core::Error),
    /// The card makes no sense.
    #[error("the card: {0}")]
    Card(#[from] CardError),
    /// The integer engine has no room for the network.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The runtime does not load or run what was written.
    #[error("the runtime on the exported model: {0}")]
    Runtime(#[from] TaggerError),
    /// The runtime's answers do not fit the clips.
    #[error(transparent)]
    Scores(#[from] ScoresError),
}

/// A network ready to be written.
pub struct Delivery {
    folded: Folded,
    quantised: Quantised,
    card: Card,
}

impl Delivery {
    /// Folds and quantises a trained network; `training` clips choose the ranges.
    ///
    /// # Errors
    /// When there is nothing to calibrate on, or candle fails.
    pub fn new(
        name: &str,
        network: &Net,
        state: &RunState,
        mel: &MelConfig,
        training: &[LabelledClip<'_>],
    ) -> Result<Self, DeliverError> {
        let codes = FrameCodes::of(mel.compression);
        let folded = Folded::of(network, &state.standardise)?;
        let calibration = calibration(training, &codes, network.architecture())?;
        let quantised = quantise(&folded, codes, &calibration)?;
        let card = card(name, network, state, mel, &quantised);
        Ok(Self { folded, quantised, card })
    }

    /// The integer network.
    pub fn quantised(&self) -> &Quantised {
        &self.quantised
    }

    /// The card, to be filled in.
    pub fn card(&mut self) -> &mut Card {
        &mut self.card
    }

    /// Writes `model.onnx`, `model.int8.onnx` and `card.json` into `folder`, and `model.bin` where the integer engine can run
    /// the network, each whole or not at all.
    ///
    /// # Errors
    /// When the card makes no sense or the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), DeliverError> {
        self.card.validate()?;
        let json = self.card.to_json()?;
        let compact = serde_json::to_string(&self.card).map_err(CardError::Json)?;
        let int8 = int8_model(&self.quantised, &compact);
        let packed = match packed_model(&int8) {
            Ok(packed) => Some(("model.bin", packed)),
            // Planes, recurrent layers and attention are for larger machines.
            Err(PackError::Unsupported(_)) if !self.runs_in_the_engine() => None,
            Err(error) => return Err(error.into()),
        };
        let files = [
            ("model.onnx", float_model(&self.folded, &compact)),
            ("model.int8.onnx", int8),
            (Card::FILE_NAME, json.into_bytes()),
        ];
        for (name, bytes) in files.into_iter().chain(packed) {
            let path = folder.join(name);
            write_atomically(&path, &bytes).map_err(|source| DeliverError::Write { path, source })?;
        }
        Ok(())
    }
}

impl Delivery {
    /// Whether all layers are convolutions over time of whole windows, which is what the integer engine has.
    fn runs_in_the_engine(&self) -> bool {
        let architecture = &self.quantised.architecture;
        architecture.slides() && architecture.layers.iter().all(|layer| layer.time().is_some())
    }
}

/// Log-mels in decibel of training clips spread over the corpus, repeated to the receptive field where they are short.
fn calibration(
    clips: &[LabelledClip<'_>],
    codes: &FrameCodes,
    architecture: &Architecture,
) -> candle_core::Result<Vec<Tensor>> {
    let (bands, field) = (architecture.mel_bands, architecture.receptive_field());
    let plain = Standardise::none(bands).table(|code| codes.decode(code));
    // One and a half windows are enough of a clip, however long it is; one where windows cannot overlap in one pass.
    let most = if architecture.slides() { field + field / 2 } else { field };
    let largest = architecture.shapes().iter().skip(1).map(|shape| shape.iter().product()).max();
    let fitting = CALIBRATION_BYTES / (4 * largest.unwrap_or(1usize).max(1));
    let step = clips.len().div_ceil(fitting.clamp(1, CALIBRATION_CLIPS)).max(1);
    clips
        .iter()
        .step_by(step)
        .map(|clip| {
            let frames = (clip.codes.len() / bands).clamp(field, most);
            will_need(clip.codes.get(..frames * bands).unwrap_or(clip.codes));
            let mut x = vec![0.0; bands * frames];
            crate::train::batches::crop(clip.codes, &plain, 0, frames, &mut x);
            Tensor::from_vec(x, (1, bands, frames), &Device::Cpu)
        })
        .collect()
}

fn card(name: &str, network: &Net, state: &RunState, mel: &MelConfig, quantised: &Quantised) -> Card {
    let architecture = network.architecture();
    Card {
        name: name.into(),
        format: Card::FORMAT,
        input: InputSpec {
            name: "melgram".into(),
            layout: vec![Axis::Batch, Axis::MelBands, Axis::Frames],
            frames: architecture.receptive_field(),
            hop_frames: architecture.stride(),
            sliding: architecture.slides(),
            codes: true,
            other: Default::default(),
        },
        outputs: OutputSpec {
            tags: "tags".into(),
            embedding: Some("embedding".into()),
            attention: attention_steps(architecture).map(|_| ATTENTION.into()),
            other: Default::default(),
        },
        front_end: FrontEnd::from(mel),
        tags: state.tags.clone(),
        thresholds: None,
        architecture: Some(shape(architecture, mel)),
        parameters: Some(architecture.parameters() as u64),
        quantisation: Some(quantisation(quantised)),
        data: None,
        metrics: None,
        licence: None,
        source: Some(concat!("minim trainer ", env!("CARGO_PKG_VERSION")).into()),
        other: Default::default(),
    }
}

fn quantisation(quantised: &Quantised) -> Value {
    let mut value = json!({
        "weights": "int8, symmetric, per output channel",
        "activations": "int8, per tensor",
        "input": quantised.input,
        "output": quantised.output(),
    });
    if let Some(centre) = &quantised.centre {
        value["centred"] = json!(centre.affine);
    }
    value
}

/// The network's shape in the card: its layers, and what follows from them.
fn shape(architecture: &Architecture, mel: &MelConfig) -> Value {
    let field = architecture.receptive_field();
    let mut value = json!({
        "network": architecture.network,
        "budget": architecture.budget,
        "layers": architecture.layers,
        "receptive_field": field,
        "stride": architecture.stride(),
        "weights": architecture.weights(),
        "multiply_accumulates": architecture.multiply_accumulates(field),
        "seconds_heard": field as f64 * mel.hop_length as f64 / f64::from(mel.sample_rate),
    });
    if !architecture.slides() {
        value["pad_frames"] = json!(architecture.pad_frames);
    }
    value
}

/// What a card keeps of an evaluation.
pub fn metrics_for_card(evaluation: &Evaluation) -> Value {
    let tag = |t: &TagReport| json!({"tag": t.tag, "positives": t.positives, "labelled": t.labelled, "auc": t.auc, "ci95": t.ci95});
    let tags: Vec<Value> = evaluation.tags.iter().map(tag).collect();
    let mut value = json!({
        "corpus": evaluation.corpus,
        "split": evaluation.split,
        "clips": evaluation.clips,
        "mean_auc": evaluation.mean_auc,
        "mean_auc_ci95": evaluation.mean_auc_ci95,
        "int8": evaluation.int8,
        "tags": tags,
    });
    if let Some(beside) = &evaluation.beside {
        value["beside"] = json!(beside);
    }
    if !evaluation.agreement.is_empty() {
        // The tags one by one would make half of the file.
        let short = evaluation.agreement.iter().cloned().map(|one| Agreement { tags: Vec::new(), ..one });
        value["agreement"] = json!(short.collect::<Vec<_>>());
    }
    value
}

/// Scores clips by the runtime on the exported file, as a device would: the mean over the windows of each clip.
///
/// # Errors
/// When the model cannot be loaded or run.
pub fn score_by_runtime(
    folder: &Path,
    precision: Precision,
    tags: &[String],
    clips: &[LabelledClip<'_>],
) -> Result<Scores, DeliverError> {
    let tagger = Tagger::load_with(folder, &TaggerOptions { precision, ..Default::default() })?;
    Ok(scores(tags, clips, probabilities_by_runtime(&tagger, clips, Aggregate::Mean)?)?)
}

/// How the windows of a clip make its probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// The largest of each tag: a tag that is heard once is there.
    Max,
}

impl Aggregate {
    /// One value for each tag, of probabilities `[windows, tags]`; nothing of no windows.
    pub fn of(self, probabilities: &[f32], tags: usize) -> Vec<f32> {
        let windows = (probabilities.len() / tags.max(1)) as f32;
        let column = |tag: usize| probabilities.iter().skip(tag).step_by(tags.max(1));
        let value = |tag: usize| match self {
            Self::Mean => column(tag).sum::<f32>() / windows,
            Self::Max => column(tag).fold(0.0, |most: f32, &p| most.max(p)),
        };
        if probabilities.is_empty() { Vec::new() } else { (0..tags).map(value).collect() }
    }
}

/// Probabilities [clips, the model's tags], over a clip's windows, of clips whose codes were made by the model's front end.
///
/// # Errors
/// When the model cannot be run.
pub fn probabilities_by_runtime(
    tagger: &Tagger,
    clips: &[LabelledClip<'_>],
    aggregate: Aggregate,
) -> Result<Vec<f32>, TaggerError> {
    let tags = tagger.tags().len();
    let take = |song: SongTags| match aggregate {
        Aggregate::Mean => song.mean,
        Aggregate::Max => aggregate.of(&song.probabilities, tags),
    };
    Ok(hear_by_runtime(tagger, clips, take)?.concat())
}

/// A clip as a whole: mean probabilities, `[the model's tags]`, and the mean embedding, empty where the network has none.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardClip {
    /// `[the model's tags]`.
    pub tags: Vec<f32>,
    /// `[width]`.
    pub embedding: Vec<f32>,
}

/// What the model hears in each clip as a whole.
///
/// # Errors
/// When the model cannot be run.
pub fn songs_by_runtime(tagger: &Tagger, clips: &[LabelledClip<'_>]) -> Result<Vec<HeardClip>, TaggerError> {
    let take = |song: SongTags| HeardClip { tags: song.mean, embedding: song.embedding.unwrap_or_default() };
    hear_by_runtime(tagger, clips, take)
}

/// Probabilities on every window of clips whose codes were made by the model's front end, and their means
/// [clips, the model's tags].
///
/// # Errors
/// When the model cannot be run.
pub fn answers_by_runtime(
    tagger: &Tagger,
    clips: &[LabelledClip<'_>],
) -> Result<(Vec<Answers>, Vec<f32>), TaggerError> {
    let input = &tagger.card().input;
    let (first, hop) = (input.frames as f64 / 2.0, input.hop_frames as f64);
    let heard = hear_by_runtime(tagger, clips, |song| {
        (Answers { probabilities: song.probabilities, first, hop }, song.mean)
    })?;
    let (answers, means): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
    Ok((answers, means.concat()))
}

fn hear_by_runtime<T: Send>(
    tagger: &Tagger,
    clips: &[LabelledClip<'_>],
    take: impl Fn(SongTags) -> T + Sync,
) -> Result<Vec<T>, TaggerError> {
    let codes = FrameCodes::of(tagger.mel_config().compression);
    let heard = clips.par_iter().map(|clip| {
        will_need(clip.codes);
        let frames: Vec<f32> = clip.codes.iter().map(|&code| codes.decode(code)).collect();
        Ok(take(tagger.tag_frames(&frames)?))
    });
    heard.collect()
}
