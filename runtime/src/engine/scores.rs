//! Answers and their means.

use super::rescale::sigmoid;
use crate::packed::{Affine, PackedModel, Tags};

/// What the network says about one window.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a, 'm> {
    pub(super) model: &'a PackedModel<'m>,
    pub(super) window: u32,
    pub(super) logits: &'a [i16],
    pub(super) embedding: &'a [i16],
}

impl<'a, 'm> Answer<'a, 'm> {
    /// Which window, from 0 on: it begins with frame `window * hop_frames`.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// The last layer's integers, one for each tag.
    pub fn logits(&self) -> &'a [i16] {
        self.logits
    }

    /// Probability of a tag.
    ///
    /// # Panics
    /// When there is no such tag.
    pub fn probability(&self, tag: usize) -> f32 {
        sigmoid(real(self.model.layers().last().map(|layer| layer.pooled), self.logits[tag]))
    }

    /// What goes into the last layer, as real numbers.
    pub fn embedding(&self) -> impl ExactSizeIterator<Item = f32> + 'a {
        let affine = match self.model.layers() {
            [.., before, _] => Some(before.output),
            _ => Some(self.model.input()),
        };
        self.embedding.iter().map(move |&integer| real(affine, integer))
    }
}

/// What an integer of 8 bits, kept in 16, stands for.
fn real(affine: Option<Affine>, integer: i16) -> f32 {
    affine.map_or(0.0, |affine| affine.real(integer as i8))
}

/// Means of the probabilities over all windows so far.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a, 'm> {
    model: &'a PackedModel<'m>,
    sums: &'a [u32],
    windows: u32,
}

/// A tag and its mean probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score<'m> {
    /// Name of the tag.
    pub tag: &'m str,
    /// Its place in the model's list.
    pub index: usize,
    /// Mean probability, 0 to 1; 0 before the first answer.
    pub p: f32,
    /// The probability from which on the tag is taken as present, where the model says so.
    pub threshold: Option<f32>,
}

impl<'a, 'm> Scores<'a, 'm> {
    pub(super) fn new(model: &'a PackedModel<'m>, sums: &'a [u32], windows: u32) -> Self {
        Self { model, sums: &sums[..model.tags().len()], windows }
    }

    /// Windows that the means are over.
    pub fn windows(&self) -> u32 {
        self.windows
    }

    /// Mean probability of a tag; 0 before the first answer.
    ///
    /// # Panics
    /// When there is no such tag.
    pub fn mean(&self, tag: usize) -> f32 {
        f32::from_bits(self.sums[tag]) / self.windows.max(1) as f32
    }

    /// All tags, in the order of the model.
    pub fn iter(&self) -> impl Iterator<Item = Score<'m>> + use<'a, 'm> {
        let (this, tags): (Self, Tags<'m>) = (*self, self.model.tags());
        tags.enumerate().map(move |(index, tag)| Score {
            tag: tag.name,
            index,
            p: this.mean(index),
            threshold: tag.threshold,
        })
    }

    /// The `N` most likely tags, or all where there are fewer; best first, ties in the order of the model.
    pub fn top<const N: usize>(&self) -> heapless::Vec<Score<'m>, N> {
        let mut top = heapless::Vec::<Score<'m>, N>::new();
        for score in self.iter() {
            let place = top.iter().position(|other| other.p < score.p).unwrap_or(top.len());
            if place < N {
                if top.is_full() {
                    top.pop();
                }
                // There is room, and the place is within it.
                let _ = top.insert(place, score);
            }
        }
        top
    }
}
