//! The network as standard ONNX: float, and int8 in quantised operators; and packed, for microcontrollers.

mod build;
mod kernels;
mod layers;
mod metadata;
mod network;
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod onnx_proto;
mod packed;

pub use kernels::first_kernels;
pub use metadata::with_card;
pub use network::{ATTENTION, CARD_KEY, attention_steps, float_model, int8_model};
pub use packed::{PackError, packed_model};
