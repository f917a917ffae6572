//! What k2c1 is made of: convolution over time, batch normalisation, max-pooling, ELU.

mod fused;
mod lanes;
mod shape;

use super::NormBy;
use super::norm_pool_elu::norm_pool_elu_plain;
use super::time_conv::time_conv_plain;
use candle_core::{Device, Result, Tensor};
use fused::{Fused, Norm, time_first};

/// Valid convolution of `x` [batch, channels, frames] with `weight` [out, channels, kernel], batch normalisation by
/// `gamma` and `beta` (both `[out]`), the maximum of every `pool` frames (a remainder is dropped) and ELU, giving
/// [batch, out, (frames - kernel + 1) / pool].
///
/// `input_gradient` is false for the first layer, whose input is data: half of its backward pass is not done. On the CPU an
/// `x` that is the transposed view of [batch, frames, channels] is taken as it is.
///
/// # Errors
/// When shapes do not fit or there are too few frames.
pub fn time_block(
    x: &Tensor,
    weight: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    pool: usize,
    input_gradient: bool,
) -> Result<Tensor> {
    if !matches!(x.device(), Device::Cpu) {
        return time_block_plain(x, weight, gamma, beta, norm, pool);
    }
    let as_it_is = time_first(x.layout()) && x.dims().last() != weight.dims().last();
    let x = if as_it_is { x.clone() } else { x.contiguous()? };
    let norm = match norm {
        NormBy::Batch(keep) => Norm::Batch(keep.clone()),
        NormBy::Given(m) => Norm::Given(m.mean.to_vec1()?, m.variance.to_vec1()?),
    };
    let affine = Tensor::stack(&[gamma, beta], 0)?;
    x.apply_op3(&weight.contiguous()?, &affine, Fused::new(norm, pool, input_gradient))
}

/// The same from candle's elementary operations.
///
/// # Errors
/// As [`time_block`].
pub fn time_block_plain(
    x: &Tensor,
    weight: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    pool: usize,
) -> Result<Tensor> {
    norm_pool_elu_plain(&time_conv_plain(x, weight)?, gamma, beta, norm, pool, true)
}
