//! The network as standard ONNX: float, and int8 in quantised operators.

mod build;
mod network;
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod onnx_proto;

pub use network::{CARD_KEY, float_model, int8_model};
