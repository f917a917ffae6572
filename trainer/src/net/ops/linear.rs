//! A linear layer over rows: `y[n, o] = b[o] + sum over i of w[o, i] x[n, i]`.
//!
//! candle's own product may split its sums by the number of threads; here the blocks follow from the shapes alone.

use super::matmul::{View, matmul};
use super::{contiguous_f32, with_cpu};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Rows of a product that one task computes: enough to pay for bringing the other operand along, and independent of
/// the machine, so that results are too.
const BLOCK: usize = 128;

/// Rows `x` [rows, inputs] through `weight` [outputs, inputs] and `bias` `[outputs]`, giving [rows, outputs].
///
/// # Errors
/// When shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    match x.device() {
        Device::Cpu => x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Linear),
        _ => linear_plain(x, weight, bias),
    }
}

/// The same from candle's elementary operations.
///
/// # Errors
/// As [`linear`].
pub fn linear_plain(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    LinearShape::of(x.shape(), weight.shape(), bias.shape())?;
    x.contiguous()?.matmul(&weight.t()?)?.broadcast_add(bias)
}

#[derive(Clone, Copy)]
struct LinearShape {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl LinearShape {
    fn of(x: &Shape, weight: &Shape, bias: &Shape) -> Result<Self> {
        let (rows, inputs) = x.dims2()?;
        let (outputs, weight_inputs) = weight.dims2()?;
        if inputs != weight_inputs || bias.dims1()? != outputs || inputs == 0 || outputs == 0 {
            bail!("a linear layer of {weight:?} and {bias:?} cannot run on {x:?}");
        }
        Ok(Self { rows, inputs, outputs })
    }

    /// The weights as [outputs, inputs].
    fn weights(&self) -> View {
        View::new(self.outputs, self.inputs, self.inputs, 1)
    }
}

/// The sums of each column of `rows` of width `width`.
pub(super) fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += v);
    }
    sums
}

struct Linear;

impl Linear {
    fn forward(s: LinearShape, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; s.rows * s.outputs];
        y.par_chunks_mut(BLOCK * s.outputs).zip(x.par_chunks(BLOCK * s.inputs)).for_each(|(y, x)| {
            y.chunks_exact_mut(s.outputs).for_each(|row| row.copy_from_slice(bias));
            let rows = y.len() / s.outputs;
            let (out, input) =
                (View::new(rows, s.outputs, s.outputs, 1), View::new(rows, s.inputs, s.inputs, 1));
            matmul((y, out), (x, input), (w, s.weights().transposed()), true);
        });
        y
    }

    fn input_gradient(s: LinearShape, w: &[f32], grad: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; s.rows * s.inputs];
        dx.par_chunks_mut(BLOCK * s.inputs).zip(grad.par_chunks(BLOCK * s.outputs)).for_each(|(dx, grad)| {
            let rows = dx.len() / s.inputs;
            let (out, input) =
                (View::new(rows, s.inputs, s.inputs, 1), View::new(rows, s.outputs, s.outputs, 1));
            matmul((dx, out), (grad, input), (w, s.weights()), false);
        });
        dx
    }

    fn weight_gradient(s: LinearShape, x: &[f32], grad: &[f32]) -> Vec<f32> {
        let mut dw = vec![0.0; s.outputs * s.inputs];
        // Apart by outputs, each summed over all rows at once: nothing is left to add up.
        dw.par_chunks_mut(BLOCK * s.inputs).enumerate().for_each(|(block, dw)| {
            let outputs = dw.len() / s.inputs;
            let grads = View::new(s.rows, outputs, s.outputs, 1).transposed();
            let (out, inputs) =
                (View::new(outputs, s.inputs, s.inputs, 1), View::new(s.rows, s.inputs, s.inputs, 1));
            matmul((dw, out), (&grad[block * BLOCK..], grads), (x, inputs), false);
        });
        dw
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = LinearShape::of(lx.shape(), lw.shape(), lb.shape())?;
        let (x, w) = (contiguous_f32(x, lx, self.name())?, contiguous_f32(w, lw, self.name())?);
        let y = Self::forward(s, x, w, contiguous_f32(bias, lb, self.name())?);
        Ok((CpuStorage::F32(y), (s.rows, s.outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = LinearShape::of(x.shape(), w.shape(), bias.shape())?;
        let grad = grad.contiguous()?;
        let name = self.name();
        let (dw, db) = with_cpu(&grad, name, |grad| {
            let dw = with_cpu(x, name, |x| Ok(Self::weight_gradient(s, x, grad)))?;
            Ok((dw, column_sums(grad, s.outputs)))
        })?;
        let dx = if x.track_op() {
            let dx =
                with_cpu(&grad, name, |grad| with_cpu(w, name, |w| Ok(Self::input_gradient(s, w, grad))))?;
            Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?)
        } else {
            None // data: nobody asks for its gradient
        };
        Ok((
            dx,
            Some(Tensor::from_vec(dw, w.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(db, bias.shape(), &Device::Cpu)?),
        ))
    }
}
