//! The network as standard ONNX: float, and int8 in quantised operators.

mod build;
mod layers;
mod metadata;
mod network;
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod onnx_proto;

pub use metadata::with_card;
pub use network::{ATTENTION, CARD_KEY, attention_steps, float_model, int8_model};
