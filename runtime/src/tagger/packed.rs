//! Songs through the integer engine.

use super::{TaggerError, windows};
use crate::card::{Card, InputSpec};
use crate::engine::{Batch, BatchAnswers};
use crate::mel::{FrameCodes, MelConfig};
use crate::packed::PackedModel;
use std::path::Path;

/// A packed network, ready for whole songs.
pub(super) struct PackedNetwork {
    batch: Batch,
    codes: FrameCodes,
}

impl PackedNetwork {
    /// Unpacks the model and holds it to its card.
    pub fn new(bytes: &[u8], card: &Card, mel_config: &MelConfig, path: &Path) -> Result<Self, TaggerError> {
        let model =
            PackedModel::parse(bytes).map_err(|source| TaggerError::Packed { path: path.into(), source })?;
        let mismatch = |reason: &str| TaggerError::Mismatch { path: path.into(), reason: reason.into() };
        // A packed model from another folder may fit in all else.
        if model.name() != card.name {
            return Err(mismatch("their names differ"));
        }
        if !model.tags().map(|tag| tag.name).eq(card.tags.iter().map(String::as_str)) {
            return Err(mismatch("their tags differ"));
        }
        if model.mel_config() != mel_config {
            return Err(mismatch("their front ends differ"));
        }
        let input = &card.input;
        if !input.codes || (input.frames, input.hop_frames) != (model.receptive_field(), model.stride()) {
            return Err(mismatch("their windows differ"));
        }
        Ok(Self { batch: Batch::new(&model), codes: FrameCodes::of(mel_config.compression) })
    }

    /// The first windows of `frames`, `[frames, mel_bands]`, which are repeated where they are fewer.
    pub fn run(&self, input: &InputSpec, frames: &[f32], windows: usize, mel_bands: usize) -> BatchAnswers {
        let mut all = BatchAnswers::default();
        for (first, windows) in windows::passes(input, windows) {
            let range = first..first + windows::span(input, windows);
            let answers = self.batch.run(&windows::codes(frames, mel_bands, range, self.codes));
            all.windows += answers.windows;
            all.logits.extend(answers.logits);
            all.probabilities.extend(answers.probabilities);
            all.embeddings.extend(answers.embeddings);
        }
        all
    }
}
