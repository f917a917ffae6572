//! CRNN with attention: [`super::crnn`] whose last state gives way to a weighted mean of all of them.
//!
//! The weights are additive attention (Bahdanau, Cho, Bengio 2014, equation 6 and the appendix): a step's score is `v .
//! tanh(W h + b)`, and the weights are the softmax of the scores over time. There is no decoder whose state could
//! ask, as in translation; what would be its part of the sum is the bias `b`. The weights say which part of the song
//! the tags were read from.

use super::layer::Layer;

/// The layer that takes the place of the last state; as wide inside as the state.
pub(super) const fn layer(state: usize) -> Layer {
    Layer::Attention { width: state }
}
