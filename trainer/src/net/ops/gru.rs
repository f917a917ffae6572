//! Gated recurrent unit, by PyTorch's equations and order of gates:
//!
//! ```text
//! r = sigmoid(W_r x + b_r + U_r h + c_r)      z = sigmoid(W_z x + b_z + U_z h + c_z)
//! n = tanh(W_n x + b_n + r (U_n h + c_n))     h' = (1 - z) n + z h
//! ```
//!
//! The input's part of all steps is one product. What is left per step is small: each task takes a few clips
//! through all of time on its own, so that threads never wait for each other between steps.

use super::linear::{column_sums, linear};
use super::matmul::{View, matmul};
use super::product::product;
use super::squash::{sigmoid, tanh};
use super::{contiguous_f32, with_cpu};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::sync::OnceLock;

/// At most so many partial weight gradients, whatever the number of threads: the order of the additions, and so the
/// result to the last bit, does not depend on the machine's cores.
const PARTIAL_SUMS: usize = 8;

/// Clips that one task takes at least: a product over fewer hardly uses the weights it loads.
const CLIPS: usize = 8;

/// Lanes of the widest vectors: weights are padded to it, and products then read them where they lie.
const LANES: usize = 16;

/// The states [batch, steps, width] after each step of `x` [batch, steps, inputs], from a state of zeros. `w_ih`
/// [3 width, inputs] and `w_hh` [3 width, width] hold the gates r, z, n one under the other, so do the biases.
///
/// # Errors
/// When shapes do not fit.
pub fn gru(x: &Tensor, w_ih: &Tensor, w_hh: &Tensor, b_ih: &Tensor, b_hh: &Tensor) -> Result<Tensor> {
    if !matches!(x.device(), Device::Cpu) {
        return gru_plain(x, w_ih, w_hh, b_ih, b_hh);
    }
    let (batch, steps, inputs) = x.dims3()?;
    let gates = linear(&x.contiguous()?.reshape((batch * steps, inputs))?, w_ih, b_ih)?;
    let gates = gates.reshape((batch, steps, gates.dim(1)?))?;
    gates.apply_op3(&w_hh.contiguous()?, &b_hh.contiguous()?, Recurrence::default())
}

/// The same from candle's elementary operations.
///
/// # Errors
/// As [`gru`].
pub fn gru_plain(x: &Tensor, w_ih: &Tensor, w_hh: &Tensor, b_ih: &Tensor, b_hh: &Tensor) -> Result<Tensor> {
    let (batch, steps, inputs) = x.dims3()?;
    let gates =
        product(&x.contiguous()?.reshape((batch * steps, inputs))?, &w_ih.t()?)?.broadcast_add(b_ih)?;
    let gates = gates.reshape((batch, steps, gates.dim(1)?))?;
    let s = GruShape::of(gates.shape(), w_hh.shape(), b_hh.shape())?;
    let gates = gates.transpose(0, 1)?.contiguous()?;
    let w_hh = w_hh.t()?;
    let mut h = Tensor::zeros((batch, s.width), x.dtype(), x.device())?;
    let mut states = Vec::with_capacity(steps);
    for step in 0..steps {
        let input = gates.get(step)?;
        let hidden = product(&h, &w_hh)?.broadcast_add(b_hh)?;
        let both = candle_nn::ops::sigmoid(
            &(input.narrow(1, 0, 2 * s.width)? + hidden.narrow(1, 0, 2 * s.width)?)?,
        )?;
        let (r, z) = (both.narrow(1, 0, s.width)?, both.narrow(1, s.width, s.width)?);
        let candidate = (hidden.narrow(1, 2 * s.width, s.width)? * r)?;
        let n = (input.narrow(1, 2 * s.width, s.width)? + candidate)?.tanh()?;
        h = (&n + (z * (&h - &n)?)?)?;
        states.push(h.clone());
    }
    Tensor::stack(&states, 1)
}

#[derive(Clone, Copy)]
struct GruShape {
    batch: usize,
    steps: usize,
    width: usize,
    /// The width up to a multiple of [`LANES`].
    padded: usize,
}

impl GruShape {
    fn of(gates: &Shape, w_hh: &Shape, b_hh: &Shape) -> Result<Self> {
        let (batch, steps, all) = gates.dims3()?;
        let (rows, width) = w_hh.dims2()?;
        if all != 3 * width || rows != 3 * width || b_hh.dims1()? != rows || batch * steps * width == 0 {
            bail!("a GRU of {w_hh:?} and {b_hh:?} cannot run on gates {gates:?}");
        }
        Ok(Self { batch, steps, width, padded: width.next_multiple_of(LANES) })
    }

    /// Clips of one task.
    fn clips(&self) -> usize {
        self.batch.div_ceil(PARTIAL_SUMS).max(CLIPS)
    }

    /// Clips in `rows` elements of `width` per step.
    fn clips_in(&self, elements: usize, width: usize) -> usize {
        elements / (self.steps * width)
    }

    /// `U` transposed, [width, 3 padded].
    fn weights_down(&self, w: &[f32]) -> Vec<f32> {
        let mut down = vec![0.0; self.width * 3 * self.padded];
        for (row, weights) in w.chunks_exact(self.width).enumerate() {
            let column = row / self.width * self.padded + row % self.width;
            for (i, &weight) in weights.iter().enumerate() {
                down[i * 3 * self.padded + column] = weight;
            }
        }
        down
    }

    /// `U` [3 width, padded].
    fn weights_up(&self, w: &[f32]) -> Vec<f32> {
        let mut up = vec![0.0; 3 * self.width * self.padded];
        for (up, weights) in up.chunks_exact_mut(self.padded).zip(w.chunks_exact(self.width)) {
            up[..self.width].copy_from_slice(weights);
        }
        up
    }
}

/// Everything after the input's projection.
#[derive(Default)]
struct Recurrence {
    /// What the backward pass would otherwise compute again: per clip and step r, z, n and `U_n h + c_n`.
    kept: OnceLock<Vec<f32>>,
}

/// The three gates of a row.
fn thirds(row: &[f32], apart: usize, width: usize) -> [&[f32]; 3] {
    [&row[..width], &row[apart..apart + width], &row[2 * apart..2 * apart + width]]
}

/// One step of one clip: `input` holds the input's part of the gates, `hidden` the state's.
#[inline(always)]
fn step(
    s: GruShape,
    input: &[f32],
    hidden: &[f32],
    bias: &[f32],
    h: &mut [f32],
    y: &mut [f32],
    kept: &mut [f32],
) {
    let width = s.width;
    let [xr, xz, xn] = thirds(input, width, width);
    let [hr, hz, hn] = thirds(hidden, s.padded, width);
    let [br, bz, bn] = thirds(bias, width, width);
    let (kr, rest) = kept.split_at_mut(width);
    let (kz, rest) = rest.split_at_mut(width);
    let (kn, kh) = rest.split_at_mut(width);
    let (kh, h, y) = (&mut kh[..width], &mut h[..width], &mut y[..width]);
    for i in 0..width {
        let r = sigmoid(xr[i] + (hr[i] + br[i]));
        let z = sigmoid(xz[i] + (hz[i] + bz[i]));
        let hidden = hn[i] + bn[i];
        let n = tanh(xn[i] + r * hidden);
        let state = n + z * (h[i] - n);
        (kr[i], kz[i], kn[i], kh[i]) = (r, z, n, hidden);
        (h[i], y[i]) = (state, state);
    }
}

/// One step of one clip backwards: `grad` is the loss's gradient of this state, `dh` that of all later ones, and becomes
/// the part that reaches the state before it past the gates.
#[inline(always)]
fn step_back(
    width: usize,
    kept: &[f32],
    before: &[f32],
    grad: &[f32],
    dh: &mut [f32],
    dx: &mut [f32],
    du: &mut [f32],
) {
    let [kr, kz, kn] = thirds(kept, width, width);
    let (kh, before, grad, dh) =
        (&kept[3 * width..4 * width], &before[..width], &grad[..width], &mut dh[..width]);
    let (xr, rest) = dx.split_at_mut(width);
    let (xz, xn) = rest.split_at_mut(width);
    let (ur, rest) = du.split_at_mut(width);
    let (uz, un) = rest.split_at_mut(width);
    let (xn, un) = (&mut xn[..width], &mut un[..width]);
    for i in 0..width {
        let (r, z, n) = (kr[i], kz[i], kn[i]);
        let g = grad[i] + dh[i];
        let to_n = g * (1.0 - z) * (1.0 - n * n);
        let to_z = g * (before[i] - n) * z * (1.0 - z);
        let to_r = to_n * kh[i] * r * (1.0 - r);
        (xr[i], xz[i], xn[i]) = (to_r, to_z, to_n);
        (ur[i], uz[i], un[i]) = (to_r, to_z, to_n * r);
        dh[i] = g * z;
    }
}

impl Recurrence {
    fn forward(&self, s: GruShape, gates: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
        let down = s.weights_down(w);
        let mut y = vec![0.0; s.batch * s.steps * s.width];
        let mut kept = vec![0.0; y.len() * 4];
        let per_task = s.clips() * s.steps * s.width;
        y.par_chunks_mut(per_task)
            .zip(kept.par_chunks_mut(4 * per_task))
            .zip(gates.par_chunks(3 * per_task))
            .for_each(|((y, kept), gates)| Self::forward_clips(s, gates, &down, bias, y, kept));
        // A second forward pass through the same node would keep the same numbers.
        let _ = self.kept.set(kept);
        y
    }

    fn forward_clips(
        s: GruShape,
        gates: &[f32],
        down: &[f32],
        bias: &[f32],
        y: &mut [f32],
        kept: &mut [f32],
    ) {
        let (clips, width) = (s.clips_in(y.len(), s.width), s.width);
        let mut h = vec![0.0; clips * width];
        let mut hidden = vec![0.0; clips * 3 * s.padded];
        for t in 0..s.steps {
            if t > 0 {
                let out = View::new(clips, 3 * s.padded, 3 * s.padded, 1);
                let weights = View::new(width, 3 * s.padded, 3 * s.padded, 1);
                matmul((&mut hidden, out), (&h, View::new(clips, width, width, 1)), (down, weights), false);
            }
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (clip, (h, hidden)) in
                        h.chunks_exact_mut(width).zip(hidden.chunks_exact(3 * s.padded)).enumerate()
                    {
                        let at = (clip * s.steps + t) * width;
                        let (gates, kept) = (&gates[3 * at..][..3 * width], &mut kept[4 * at..][..4 * width]);
                        step(s, gates, hidden, bias, h, &mut y[at..], kept);
                    }
                },
            );
        }
    }

    /// Gradients of the gates, of `U` and of its bias.
    fn backward(&self, s: GruShape, w: &[f32], y: &[f32], grad: &[f32]) -> Result<[Vec<f32>; 3]> {
        let Some(kept) = self.kept.get() else { bail!("a GRU's backward pass comes after its forward pass") };
        let up = s.weights_up(w);
        let mut dx = vec![0.0; 3 * y.len()];
        let per_task = s.clips() * s.steps * s.width;
        let partial: Vec<_> = dx
            .par_chunks_mut(3 * per_task)
            .zip(kept.par_chunks(4 * per_task))
            .zip(y.par_chunks(per_task).zip(grad.par_chunks(per_task)))
            .map(|((dx, kept), (y, grad))| Self::backward_clips(s, &up, kept, y, grad, dx))
            .collect();
        let mut partial = partial.into_iter();
        let (mut dw, mut db) = partial.next().unwrap_or_default();
        for (part_w, part_b) in partial {
            dw.iter_mut().zip(&part_w).for_each(|(sum, part)| *sum += part);
            db.iter_mut().zip(&part_b).for_each(|(sum, part)| *sum += part);
        }
        Ok([dx, dw, db])
    }

    /// The gradient of these clips' gates into `dx`; returns their part of the gradients of `U` and its bias.
    fn backward_clips(
        s: GruShape,
        up: &[f32],
        kept: &[f32],
        y: &[f32],
        grad: &[f32],
        dx: &mut [f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let (clips, width) = (s.clips_in(y.len(), s.width), s.width);
        let zeros = vec![0.0; width];
        let mut dh = vec![0.0; clips * s.padded];
        let mut du = vec![0.0; dx.len()];
        for t in (0..s.steps).rev() {
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (clip, dh) in dh.chunks_exact_mut(s.padded).enumerate() {
                        let at = (clip * s.steps + t) * width;
                        let before = if t == 0 { &zeros[..] } else { &y[at - width..at] };
                        let (kept, grad) = (&kept[4 * at..][..4 * width], &grad[at..][..width]);
                        let (dx, du) = (&mut dx[3 * at..][..3 * width], &mut du[3 * at..][..3 * width]);
                        step_back(width, kept, before, grad, dh, dx, du);
                    }
                },
            );
            if t > 0 {
                let out = View::new(clips, s.padded, s.padded, 1);
                let steps = View::new(clips, 3 * width, s.steps * 3 * width, 1);
                let weights = View::new(3 * width, s.padded, s.padded, 1);
                matmul((&mut dh, out), (&du[t * 3 * width..], steps), (up, weights), true);
            }
        }
        let db = column_sums(&du, 3 * width);
        // All steps of all clips in one product with the state before each. Rows of `y` are one behind those of `du`;
        // where a clip begins that is another clip's last state, but the state before was zero and so is its share.
        for first in du.chunks_exact_mut(s.steps * 3 * width) {
            first[..3 * width].fill(0.0);
        }
        let rows = clips * s.steps - 1;
        let mut dw = vec![0.0; 3 * width * width];
        if rows > 0 {
            let out = View::new(3 * width, width, width, 1);
            let gates = View::new(rows, 3 * width, 3 * width, 1).transposed();
            matmul((&mut dw, out), (&du[3 * width..], gates), (y, View::new(rows, width, width, 1)), false);
        }
        (dw, db)
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn cpu_fwd(
        &self,
        gates: &CpuStorage,
        lg: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = GruShape::of(lg.shape(), lw.shape(), lb.shape())?;
        let (gates, w) = (contiguous_f32(gates, lg, self.name())?, contiguous_f32(w, lw, self.name())?);
        let y = self.forward(s, gates, w, contiguous_f32(bias, lb, self.name())?);
        Ok((CpuStorage::F32(y), (s.batch, s.steps, s.width).into()))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = GruShape::of(gates.shape(), w.shape(), bias.shape())?;
        let grad = grad.contiguous()?;
        let name = self.name();
        let [dx, dw, db] = with_cpu(w, name, |w| {
            with_cpu(y, name, |y| with_cpu(&grad, name, |grad| self.backward(s, w, y, grad)))
        })?;
        Ok((
            Some(Tensor::from_vec(dx, gates.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(dw, w.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(db, bias.shape(), &Device::Cpu)?),
        ))
    }
}
