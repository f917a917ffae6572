//! What k2c1 is made of: convolution over time, batch normalisation, max-pooling, ELU.

use super::{NormBy, norm_pool_elu, time_conv};
use candle_core::{Result, Tensor};

/// Valid convolution of `x` [batch, channels, frames] with `weight` [out, channels, kernel], batch normalisation by
/// `gamma` and `beta` (both `[out]`), the maximum of every `pool` frames (a remainder is dropped) and ELU, giving
/// [batch, out, (frames - kernel + 1) / pool].
///
/// `input_gradient` is false for the first layer, whose input is data: half of its backward pass is not done.
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
    norm_pool_elu(&time_conv(x, weight, input_gradient)?, gamma, beta, norm, pool, true)
}
