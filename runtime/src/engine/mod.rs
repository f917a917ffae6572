//! The integer engine: a packed k2c1 runs as music plays.
//!
//! One frame goes in at a time; each layer keeps the columns that it still needs, so an answer costs no more than what
//! is new in it, and equals, bit for bit, the answer of running the network on that window alone. Nothing is allocated
//! and nothing is calculated in floating point but the sigmoid at the end.
//!
//! ```no_run
//! use runtime::engine::Engine;
//! use runtime::packed::PackedModel;
//!
//! let bytes = std::fs::read("models/k2c1-msd50-0.1m/model.bin")?;
//! let model = PackedModel::parse(&bytes)?;
//! // On a device an array of as many words as `state_words` says, written down.
//! let mut state = [0; 4096];
//! let mut engine = Engine::new(&model, &mut state)?;
//! let codes = [100; 96]; // one frame of the front end, in `FrameCodes`
//! for _ in 0..model.receptive_field() {
//!     engine.push(&codes, |answer| println!("{:.2} {}", answer.probability(0), answer.window()));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the integers mean is in `docs/formats.md`, how they are calculated and what that costs in `docs/engine.md`.

#[cfg(feature = "std")]
mod batch;
mod error;
mod kernel;
mod plan;
mod rescale;
mod scores;
mod step;
#[cfg(test)]
mod tests;

#[cfg(feature = "std")]
pub use batch::{Batch, BatchAnswers};
pub use error::EngineError;
pub use scores::{Answer, Score, Scores};

use crate::packed::PackedModel;
use plan::Plan;

/// A packed network and what it remembers of the frames so far, in words of 32 bits that are lent to it.
///
/// [`state_words`] tells how many words a model takes.
#[derive(Debug)]
pub struct Engine<'m, 's> {
    model: &'s PackedModel<'m>,
    plan: Plan,
    hop_frames: usize,
    /// Products behind the first layer that a frame may cost; none where all is done at once.
    quota: Option<u32>,
    windows: u32,
    state: &'s mut [u32],
}

/// Words of 32 bits that the state of `model` takes where an answer comes every `hop_frames` frames.
///
/// # Errors
/// When answers cannot come that often.
pub fn state_words(model: &PackedModel<'_>, hop_frames: usize) -> Result<usize, EngineError> {
    Ok(Plan::of(model, hop_frames)?.state_words())
}

impl<'m, 's> Engine<'m, 's> {
    /// Makes `model` ready, with an answer as often as its pools give one: the first after
    /// [`receptive_field`](PackedModel::receptive_field) frames, then every [`stride`](PackedModel::stride).
    ///
    /// # Errors
    /// When `state` is too small.
    pub fn new(model: &'s PackedModel<'m>, state: &'s mut [u32]) -> Result<Self, EngineError> {
        Self::with_hop(model, model.stride(), state)
    }

    /// Makes `model` ready, with an answer every `hop_frames` frames.
    ///
    /// Answers between those of [`new`](Self::new) cost the upper layers' work once more each, and more state: their
    /// pools slide. `hop_frames` is the product of the first few pools, the last of which may be divided by one of its
    /// divisors: with pools 4, 4, 4, 4 it is 1, 2, 4, 8, 16, 32, 64, 128 or 256.
    ///
    /// # Errors
    /// When `state` is too small or the pools do not allow that hop.
    pub fn with_hop(
        model: &'s PackedModel<'m>,
        hop_frames: usize,
        state: &'s mut [u32],
    ) -> Result<Self, EngineError> {
        let plan = Plan::of(model, hop_frames)?;
        let needed = plan.state_words();
        let room = state.len();
        let state = state.get_mut(..needed).ok_or(EngineError::State { needed, room })?;
        state.fill(0);
        Ok(Self { model, plan, hop_frames, quota: None, windows: 0, state })
    }

    /// Spreads the work of the layers behind the first evenly over frames: the costliest frame costs little more than the
    /// mean one, and answers come up to [`late`](Self::late) frames later. The answers are the same.
    pub fn spread(&mut self) {
        // An eighth more than the mean, so that nothing piles up, and what the last quad of a frame goes beyond.
        let layers = self.model.layers();
        let largest = layers.iter().skip(1).map(plan::quad_products).max().unwrap_or(0);
        self.quota = Some(self.plan.products + self.plan.products / 8 + largest);
    }

    /// The model.
    pub fn model(&self) -> &'s PackedModel<'m> {
        self.model
    }

    /// Frames from one answer to the next.
    pub fn hop_frames(&self) -> usize {
        self.hop_frames
    }

    /// Frames by which answers come later than the last frame of their window, at most: none, or, where the work is
    /// [spread](Self::spread), those of one hop.
    pub fn late(&self) -> usize {
        if self.quota.is_some() { self.hop_frames } else { 0 }
    }

    /// Answers so far.
    pub fn windows(&self) -> u32 {
        self.windows
    }

    /// Means over all answers so far, one for each tag.
    pub fn scores(&self) -> Scores<'_, 'm> {
        Scores::new(self.model, &self.state[self.plan.means..], self.windows)
    }

    /// Forgets all frames and answers.
    pub fn reset(&mut self) {
        self.windows = 0;
        self.state.fill(0);
        for layer in &mut self.plan.layers {
            (layer.seen, layer.phase, layer.next_quad) = (0, 0, None);
        }
    }

    /// Takes the next frame, `mel_bands` [codes](crate::mel::FrameCodes) of the model's front end, and hands over the
    /// answer that it completes, if it does.
    ///
    /// # Panics
    /// When there are not `mel_bands` codes.
    pub fn push(&mut self, codes: &[u8], on_answer: impl FnMut(Answer<'_, 'm>)) {
        self.push_observed(codes, on_answer, |_| ());
    }

    /// [`push`](Self::push) that tells what it is at: before work on a layer `on_layer` is called with its index, and in
    /// the end with the number of layers. It is for measuring.
    ///
    /// # Panics
    /// When there are not `mel_bands` codes.
    pub fn push_observed(
        &mut self,
        codes: &[u8],
        mut on_answer: impl FnMut(Answer<'_, 'm>),
        mut on_layer: impl FnMut(usize),
    ) {
        self.run(&mut on_answer, &mut on_layer).enter(codes);
    }

    /// Does what [spreading](Self::spread) has left to do: at the end of the music.
    pub fn drain(&mut self, mut on_answer: impl FnMut(Answer<'_, 'm>)) {
        self.run(&mut on_answer, &mut |_| ()).work(None);
    }
}
