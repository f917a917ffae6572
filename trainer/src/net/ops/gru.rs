//! Gated recurrent unit over time.

use candle_core::{Result, Tensor, bail};

/// All states of a GRU that starts from zero: `x` [batch, steps, inputs] gives [batch, steps, width].
///
/// With `w_ih` [3 width, inputs], `w_hh` [3 width, width] and biases [3 width], each the gates r, z, n in a row (the form
/// of cuDNN and PyTorch, with the reset gate after the product):
/// `r = s(W_r x + b + U_r h + c)`, `z = s(W_z x + b + U_z h + c)`, `n = tanh(W_n x + b + r (U_n h + c))`,
/// `h' = (1 - z) n + z h`.
///
/// # Errors
/// When shapes do not fit.
pub fn gru(x: &Tensor, w_ih: &Tensor, w_hh: &Tensor, b_ih: &Tensor, b_hh: &Tensor) -> Result<Tensor> {
    gru_plain(x, w_ih, w_hh, b_ih, b_hh)
}

/// The same from candle's elementary operations: the inputs' products of all steps at once.
///
/// # Errors
/// As [`gru`].
pub fn gru_plain(x: &Tensor, w_ih: &Tensor, w_hh: &Tensor, b_ih: &Tensor, b_hh: &Tensor) -> Result<Tensor> {
    let (batch, steps, inputs) = x.dims3()?;
    let (gates, width) = w_hh.dims2()?;
    if gates != 3 * width || w_ih.dims() != [gates, inputs] || steps == 0 {
        bail!("a GRU of {:?} and {:?} cannot run on {:?}", w_ih.shape(), w_hh.shape(), x.shape());
    }
    let projected = x.contiguous()?.reshape((batch * steps, inputs))?.matmul(&w_ih.t()?.contiguous()?)?;
    let projected = projected.broadcast_add(b_ih)?.reshape((batch, steps, gates))?;
    let recurrent = w_hh.t()?.contiguous()?;
    let mut h = Tensor::zeros((batch, width), x.dtype(), x.device())?;
    let mut states = Vec::with_capacity(steps);
    for t in 0..steps {
        let a = projected.narrow(1, t, 1)?.squeeze(1)?;
        let b = h.matmul(&recurrent)?.broadcast_add(b_hh)?;
        let both = (a.narrow(1, 0, 2 * width)? + b.narrow(1, 0, 2 * width)?)?;
        let open = sigmoid(&both)?;
        let (r, z) = (open.narrow(1, 0, width)?, open.narrow(1, width, width)?);
        let n = (a.narrow(1, 2 * width, width)? + (r * b.narrow(1, 2 * width, width)?)?)?.tanh()?;
        h = (&n + (z * (&h - &n)?)?)?;
        states.push(h.clone());
    }
    Tensor::stack(&states, 1)
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(x)
}
