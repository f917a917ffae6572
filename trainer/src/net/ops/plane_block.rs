//! What the two-dimensional networks are made of: convolution over bands and time, batch normalisation, max-pooling,
//! ELU, dropout.

use super::NormBy;
use super::dropout::Dropout;
use super::moments::normalise_plain;
use super::plane::plane_block_cpu;
use super::pool::max_pool_plain;
use super::product::product;
use candle_core::{Device, Result, Tensor, bail};

/// What follows the convolution, and what its gradient is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct PlaneSpec {
    /// Max-pooling over bands and time; a remainder is dropped.
    pub pool: [usize; 2],
    /// False for the first layer, whose input is data.
    pub input_gradient: bool,
    /// Values set to zero at the end, in training.
    pub dropout: Option<Dropout>,
}

/// Convolution of `x` [batch, channels, bands, frames] with `weight` [out, channels, taps over bands, taps over time],
/// padded with zeros to the same size (`(k - 1) / 2` before and `k / 2` after on either axis); batch normalisation by
/// `gamma` and `beta` (both `[out]`), max-pooling, ELU and dropout, giving [batch, out, bands / pool, frames / pool].
///
/// # Errors
/// When shapes do not fit or the plane is smaller than the pooling window.
pub fn plane_block(
    x: &Tensor,
    weight: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    spec: &PlaneSpec,
) -> Result<Tensor> {
    if matches!(x.device(), Device::Cpu) {
        return plane_block_cpu(x, weight, gamma, beta, norm, spec);
    }
    plane_block_plain(x, weight, gamma, beta, norm, spec)
}

/// The same from candle's elementary operations: shifted views of the padded plane side by side, one matrix product.
///
/// # Errors
/// As [`plane_block`].
pub fn plane_block_plain(
    x: &Tensor,
    weight: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    spec: &PlaneSpec,
) -> Result<Tensor> {
    let y = plane_conv_plain(x, weight)?;
    let y = normalise_plain(&y, gamma, beta, norm)?;
    let y = pool_plain(&y, spec.pool)?.elu(1.0)?;
    match &spec.dropout {
        Some(dropout) => y.mul(&dropout.mask(y.shape(), y.device())?),
        None => Ok(y),
    }
}

/// The convolution alone.
///
/// # Errors
/// As [`plane_block`].
pub fn plane_conv_plain(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, channels, bands, frames) = x.dims4()?;
    let (out, weight_channels, kernel_bands, kernel_frames) = weight.dims4()?;
    if channels != weight_channels || kernel_bands * kernel_frames == 0 {
        bail!("a convolution of {:?} cannot run on {:?}", weight.shape(), x.shape());
    }
    let padded = x.pad_with_zeros(2, (kernel_bands - 1) / 2, kernel_bands / 2)?.pad_with_zeros(
        3,
        (kernel_frames - 1) / 2,
        kernel_frames / 2,
    )?;
    let taps = (0..kernel_bands)
        .flat_map(|f| (0..kernel_frames).map(move |t| (f, t)))
        .map(|(f, t)| padded.narrow(2, f, bands)?.narrow(3, t, frames))
        .collect::<Result<Vec<_>>>()?;
    let columns = Tensor::cat(&taps, 1)?.reshape((batch, (), bands * frames))?;
    let width = kernel_bands * kernel_frames * channels;
    let rows = weight
        .permute((0, 2, 3, 1))?
        .contiguous()?
        .reshape((1, out, width))?
        .broadcast_as((batch, out, width))?
        .contiguous()?;
    product(&rows, &columns.contiguous()?)?.reshape((batch, out, bands, frames))
}

/// Max-pooling over both axes; a remainder is dropped, equal maxima share the gradient.
///
/// # Errors
/// When the plane is smaller than the window.
pub fn pool_plain(y: &Tensor, [pool_bands, pool_frames]: [usize; 2]) -> Result<Tensor> {
    max_pool_plain(&max_pool_plain(y, 2, pool_bands)?, 3, pool_frames)
}
