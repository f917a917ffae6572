//! Whole clips at once, with allocation: what a computer does with a song.
//!
//! The answers are those of [`Engine`](super::Engine), bit for bit; layer after layer instead of frame after frame, which
//! keeps weights in registers over several positions.

mod dot;

use super::rescale::{ZeroPlace, sigmoid};
use crate::packed::{Affine, Layer, PackedModel, Rescale};
use dot::{Dot, POSITIONS, Rows};

/// A packed network made ready for whole clips.
#[derive(Clone, Debug)]
pub struct Batch {
    layers: Vec<BatchLayer>,
    dot: Dot,
    mel_bands: usize,
    receptive_field: usize,
    stride: usize,
}

/// Answers on the windows of a clip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchAnswers {
    /// How many.
    pub windows: usize,
    /// The last layer's integers, `[windows, tags]`.
    pub logits: Vec<i16>,
    /// `[windows, tags]`.
    pub probabilities: Vec<f32>,
    /// What goes into the last layer, `[windows, width]`.
    pub embeddings: Vec<f32>,
}

#[derive(Clone, Debug)]
struct BatchLayer {
    inputs: usize,
    outputs: usize,
    kernel: usize,
    pool: usize,
    zero_point: i8,
    zero_place: ZeroPlace,
    scale: f32,
    weights: Rows,
    rescale: Vec<Rescale>,
    /// What goes out, by [place](Rescale::place).
    table: [i16; 256],
    /// Scale and zero point of what goes out.
    output: Affine,
}

impl BatchLayer {
    fn of(layer: &Layer<'_>, dot: Dot) -> Self {
        let outputs = usize::from(layer.outputs);
        let weight = |row: usize, tap: usize| i16::from(layer.weight(row, tap));
        Self {
            inputs: layer.inputs.into(),
            outputs,
            kernel: layer.kernel.into(),
            pool: layer.pool.into(),
            zero_point: layer.pooled.zero_point,
            zero_place: ZeroPlace::of(layer),
            scale: layer.pooled.scale,
            weights: dot.rows(outputs, layer.taps(), weight),
            rescale: (0..outputs).map(|output| layer.rescale(output)).collect(),
            table: std::array::from_fn(|place| match layer.table {
                Some(table) => i16::from(table[place] as i8),
                None => place as i16 - 128,
            }),
            output: layer.output,
        }
    }

    /// Frames that go out for so many that come in.
    fn frames_out(&self, frames: usize) -> usize {
        (frames + 1).saturating_sub(self.kernel) / self.pool
    }

    /// `[frames, inputs]`, with room behind it, to `[frames, outputs]`.
    fn run(&self, dot: Dot, x: &[i16], frames: usize, sums: &mut Vec<i32>) -> Vec<i16> {
        let frames_out = self.frames_out(frames);
        let mut out = Vec::with_capacity(frames_out * self.outputs + dot::ROOM);
        // Whole pools at a time, and about as many positions as the kernel takes together.
        let pools = (POSITIONS / self.pool).max(1);
        let width = self.weights.outputs();
        for first in (0..frames_out).step_by(pools) {
            let pools = pools.min(frames_out - first);
            let positions = pools * self.pool;
            sums.clear();
            sums.resize(positions * width, 0);
            dot.multiply(&x[first * self.pool * self.inputs..], self.inputs, positions, &self.weights, sums);
            for pool in sums.chunks_exact_mut(self.pool * width) {
                let (peaks, others) = pool.split_at_mut(width);
                for other in others.chunks_exact(width) {
                    peaks.iter_mut().zip(other).for_each(|(peak, &sum)| *peak = (*peak).max(sum));
                }
                let place = |(rescale, &sum): (&Rescale, &i32)| rescale.place(sum, self.zero_place);
                let places = self.rescale.iter().zip(&*peaks).map(place);
                out.extend(places.map(|place| self.table[usize::from(place)]));
            }
        }
        out
    }
}

impl Batch {
    /// Unpacks `model` for this processor.
    pub fn new(model: &PackedModel<'_>) -> Self {
        Self::with(model, Dot::detect())
    }

    /// Unpacks `model` for the portable kernel, the reference of all others.
    pub fn portable(model: &PackedModel<'_>) -> Self {
        Self::with(model, Dot::PORTABLE)
    }

    fn with(model: &PackedModel<'_>, dot: Dot) -> Self {
        Self {
            layers: model.layers().iter().map(|layer| BatchLayer::of(layer, dot)).collect(),
            dot,
            mel_bands: model.mel_config().mel_bands,
            receptive_field: model.receptive_field(),
            stride: model.stride(),
        }
    }

    /// Name of the kernel that multiplies.
    pub fn kernel(&self) -> &'static str {
        self.dot.name()
    }

    /// Runs the network over a clip's codes, `[frames, mel_bands]`: an answer for each whole window, one
    /// [`stride`](PackedModel::stride) apart; none for less than one window.
    ///
    /// # Panics
    /// When there is half a frame.
    pub fn run(&self, codes: &[u8]) -> BatchAnswers {
        assert!(codes.len().is_multiple_of(self.mel_bands), "whole frames");
        let mut frames = codes.len() / self.mel_bands;
        if frames < self.receptive_field {
            return BatchAnswers::default();
        }
        let windows = (frames - self.receptive_field) / self.stride + 1;
        let mut x: Vec<i16> = Vec::with_capacity(codes.len() + dot::ROOM);
        x.extend(codes.iter().map(|&code| i16::from(code) - 128));
        let mut sums = Vec::new();
        let mut answers = BatchAnswers { windows, ..Default::default() };
        for (i, layer) in self.layers.iter().enumerate() {
            if i + 1 == self.layers.len() {
                let before = self.layers[..i].last().map(|layer| layer.output);
                answers.embeddings = embeddings(&x, layer, before, windows);
            }
            // The kernel reads whole registers: what lies behind is multiplied by 0.
            x.resize(x.len() + dot::ROOM, 0);
            let out = layer.run(self.dot, &x, frames, &mut sums);
            frames = layer.frames_out(frames);
            x = out;
        }
        x.truncate(windows * self.layers.last().map_or(0, |layer| layer.outputs));
        if let Some(last) = self.layers.last() {
            let real = |&logit: &i16| last.scale * f32::from(logit - i16::from(last.zero_point));
            answers.probabilities = x.iter().map(|logit| sigmoid(real(logit))).collect();
        }
        answers.logits = x;
        answers
    }
}

/// The newest column under the last kernel of each window, as real numbers.
fn embeddings(x: &[i16], last: &BatchLayer, before: Option<Affine>, windows: usize) -> Vec<f32> {
    let real = |&integer: &i16| before.map_or(f32::from(integer), |affine| affine.real(integer as i8));
    let first = (last.kernel - 1) * last.inputs;
    let step = last.pool * last.inputs;
    (0..windows).flat_map(|window| x[first + window * step..][..last.inputs].iter().map(real)).collect()
}
