//! The networks: their shape as data, their layers, and how they are folded for export.

pub mod architecture;
pub mod folded;
pub mod k2c1;
pub mod ops;
pub mod standardise;

pub use architecture::{Architecture, Budget, Layer, PAPER_POOLS};
pub use folded::Folded;
pub use k2c1::K2c1;
pub use standardise::Standardise;

use candle_core::{Result, Tensor, Var};

/// What the training loop asks of a network.
pub trait Network {
    /// Its shape.
    fn architecture(&self) -> &Architecture;

    /// Logits [batch, tags, windows] of standardised log-mels [batch, mel_bands, frames], normalised by the batch's
    /// own moments, which move the running ones.
    ///
    /// # Errors
    /// When the input is shorter than the receptive field, or candle fails.
    fn forward_train(&mut self, x: &Tensor) -> Result<Tensor>;

    /// The same by the running moments, as in evaluation.
    ///
    /// # Errors
    /// As [`Network::forward_train`].
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// What training adjusts, by name.
    fn parameters(&self) -> Vec<(String, Var)>;

    /// What training leaves behind besides parameters (running moments), by name.
    fn buffers(&self) -> Vec<(String, Vec<f32>)>;

    /// Sets one of [`Network::buffers`]; false when there is none of that name and size.
    fn set_buffer(&mut self, name: &str, values: &[f32]) -> bool;
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
        if !network.set_buffer(&name, &tensor.flatten_all()?.to_vec1::<f32>()?) {
            candle_core::bail!("`{name}` has another size");
        }
    }
    Ok(())
}
