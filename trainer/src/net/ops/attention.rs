//! Additive attention over the states of a recurrent layer.

use candle_core::{D, Result, Tensor};

/// Weighted mean of the states `h` [batch, steps, width] and its weights: ([batch, width], [batch, steps]).
///
/// A step's score is `v . tanh(W h + b)` with `w` [hidden, width], `b` and `v` [hidden]; the weights are the softmax of the
/// scores over the steps (Bahdanau, Cho, Bengio 2014, equation 6).
///
/// # Errors
/// When shapes do not fit.
pub fn additive_attention(h: &Tensor, w: &Tensor, b: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
    let (batch, steps, width) = h.dims3()?;
    let h = h.contiguous()?;
    let rows = h.reshape((batch * steps, width))?;
    let hidden = rows.matmul(&w.t()?.contiguous()?)?.broadcast_add(b)?.tanh()?;
    let scores = hidden.broadcast_mul(v)?.sum(D::Minus1)?.reshape((batch, steps))?;
    // The largest score is taken away for the numbers' sake; it does not matter to the result, nor to the gradient.
    let powers = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    let weights = powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?;
    let context = h.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?;
    Ok((context, weights))
}
