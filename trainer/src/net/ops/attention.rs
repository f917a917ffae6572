//! Additive attention over recurrent states (Bahdanau, Cho and Bengio 2014), with no decoder to ask for it: the
//! query is part of what is learned.

use super::linear::{linear, linear_plain};
use candle_core::{D, Result, Tensor};

/// Weighs the states `h` [batch, steps, width] by `softmax over steps of v . tanh(w h + b)`, where `w` is
/// [attention, width] and `b` and `v` are `[attention]`. Gives the weighted sum [batch, width] and the weights
/// [batch, steps].
///
/// # Errors
/// When shapes do not fit.
pub fn additive_attention(h: &Tensor, w: &Tensor, b: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
    attend(h, w, b, v, linear)
}

/// The same from candle's elementary operations.
///
/// # Errors
/// As [`additive_attention`].
pub fn additive_attention_plain(h: &Tensor, w: &Tensor, b: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
    attend(h, w, b, v, linear_plain)
}

fn attend(
    h: &Tensor,
    w: &Tensor,
    b: &Tensor,
    v: &Tensor,
    linear: fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<(Tensor, Tensor)> {
    let (batch, steps, width) = h.dims3()?;
    let h = h.contiguous()?;
    let energy = linear(&h.reshape((batch * steps, width))?, w, b)?.tanh()?;
    let scores = energy.broadcast_mul(v)?.sum(D::Minus1)?.reshape((batch, steps))?;
    // candle's fused softmax has no gradient. The largest score is only there against overflow and cancels out, so it
    // takes no part in the gradient.
    let weights = scores.broadcast_sub(&scores.max_keepdim(1)?.detach())?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(1)?)?;
    let context = h.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?;
    Ok((context, weights))
}
