//! The networks: their shape as data, their layers, and how they are folded for export.
//!
//! A network is an [`Architecture`]: a list of [`Layer`]s, made by one file per network ([`k1c2`], [`k2c1`], [`k2c2`],
//! [`crnn`], [`crnn_attention`]). [`Net`] is that list with its numbers, a chain of [`blocks`]; their arithmetic is in
//! [`ops`]. The training loop sees it as [`Network`].

pub mod architecture;
pub mod blocks;
pub mod budget;
pub mod crnn;
pub mod crnn_attention;
pub mod folded;
pub mod k1c2;
pub mod k2c1;
pub mod k2c2;
pub mod layer;
pub mod network;
pub mod ops;
pub mod standardise;

pub use architecture::{Architecture, PAPER_FRAMES, PAPER_POOLS};
pub use budget::{Budget, Model};
pub use folded::Folded;
pub use layer::{GruLayer, Layer, PlaneLayer, TimeLayer};
pub use network::Net;
pub use ops::Dice;
pub use standardise::Standardise;

use candle_core::{Result, Tensor, Var};

/// What the training loop asks of a network.
pub trait Network {
    /// Its shape.
    fn architecture(&self) -> &Architecture;

    /// Logits [batch, tags, windows] of standardised log-mels [batch, mel_bands, frames], normalised by the batch's
    /// own moments, which move the running ones. Dropout is drawn from `dice`.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field, or candle fails.
    fn forward_train(&mut self, x: &Tensor, dice: Dice) -> Result<Tensor>;

    /// The same by the running moments and without dropout, as in evaluation.
    ///
    /// # Errors
    /// As [`Network::forward_train`].
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// What training adjusts, by name.
    fn parameters(&self) -> Vec<(String, Var)>;

    /// What training leaves behind besides parameters (running moments), by name.
    fn buffers(&self) -> Vec<(String, Tensor)>;

    /// Sets one of [`Network::buffers`]; false when there is none of that name and shape.
    ///
    /// # Errors
    /// When candle cannot copy.
    fn set_buffer(&mut self, name: &str, values: &Tensor) -> Result<bool>;

    /// Starts the output's biases at the logits of the tags' shares, so that training does not begin by learning
    /// how rare each tag is.
    ///
    /// # Errors
    /// When there is not one share per tag.
    fn set_prior(&mut self, shares: &[f32]) -> Result<()>;
}

/// Takes the numbers of `values` (parameters and buffers by name) into `network`.
///
/// # Errors
/// When one is missing or of another shape.
pub fn load(network: &mut dyn Network, values: &std::collections::HashMap<String, Tensor>) -> Result<()> {
    for (name, var) in network.parameters() {
        let Some(tensor) = values.get(&name) else { candle_core::bail!("`{name}` is missing") };
        var.set(&tensor.to_device(var.device())?)?;
    }
    for (name, _) in network.buffers() {
        let Some(tensor) = values.get(&name) else { candle_core::bail!("`{name}` is missing") };
        if !network.set_buffer(&name, tensor)? {
            candle_core::bail!("`{name}` has another size");
        }
    }
    Ok(())
}
