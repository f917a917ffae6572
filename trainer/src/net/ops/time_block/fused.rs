//! The block as one operation on the CPU, forward and backward.
//!
//! Forward: the convolution as a product per group of clips; while its rows are in the cache, their sums and the maximum
//! of each window. ELU rises monotonically, and so does the normalisation (or it falls, where gamma is negative: then
//! the least is looked for), so both come after pooling and cost a fraction.
//!
//! Backward: the gradient of the pooled values, and the sums over it that the gradients of gamma, beta and the batch's
//! moments need; then, per group again, the dense gradient of the convolution in the cache and its products with input
//! and weights.

use super::lanes::{Dense, Normal, Sums, activate, pool, slopes, spread, transpose};
use super::shape::BlockShape;
use crate::net::ops::matmul::{View, matmul};
use crate::net::ops::moments::{BatchMoments, EPSILON, Moments};
use crate::net::ops::scratch::Scratch;
use crate::net::ops::{contiguous_f32, float32, with_cpu};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Which moments normalise, as numbers.
pub(super) enum Norm {
    Batch(BatchMoments),
    Given(Vec<f32>, Vec<f32>),
}

/// The operation on input, weights and `[gamma, beta]`.
pub(super) struct Fused {
    norm: Norm,
    pool: usize,
    input_gradient: bool,
    saved: Mutex<Option<Saved>>,
}

/// What the forward pass leaves for the backward pass.
struct Saved {
    /// Input with time before channels, where the input itself is not so.
    rows: Option<Scratch>,
    /// Weights [out, kernel, channels], where the weights themselves are not so.
    taps: Option<Scratch>,
    /// The convolution.
    y: Scratch,
    /// Its pooled values.
    top: Scratch,
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl Fused {
    pub fn new(norm: Norm, pool: usize, input_gradient: bool) -> Self {
        Self { norm, pool, input_gradient, saved: Mutex::new(None) }
    }

    fn forward(
        &self,
        s: BlockShape,
        x: Input<'_>,
        w: &[f32],
        gamma: &[f32],
        beta: &[f32],
    ) -> Result<(Saved, Vec<f32>)> {
        let (stride, group) = (s.stride(), s.group());
        let (mut rows, x) = match x {
            Input::Rows(x) => (None, x),
            Input::Channels(x) if s.whole => (None, x),
            Input::Channels(x) => (Some(Scratch::take(x.len())), x),
        };
        let taps = s.taps(w);
        let w = taps.as_deref().unwrap_or(w);
        let sign = padded(gamma.iter().map(|g| g.signum()), stride);
        let mut y = Scratch::take(s.batch * s.clip_rows() * stride);
        let mut top = Scratch::take(s.batch * s.pooled * stride);
        let batch = matches!(self.norm, Norm::Batch(_));

        let rows_of_groups: Vec<&mut [f32]> = match &mut rows {
            Some(rows) => rows.chunks_mut(group * s.clip()).collect(),
            None => (0..s.batch.div_ceil(group)).map(|_| <&mut [f32]>::default()).collect(),
        };
        let groups: Vec<Sums> = y
            .par_chunks_mut(group * s.clip_rows() * stride)
            .zip(top.par_chunks_mut(group * s.pooled * stride))
            .zip(x.par_chunks(group * s.clip()).zip(rows_of_groups))
            .map(|((y, top), (x, rows))| {
                let x = if rows.is_empty() {
                    x
                } else {
                    for (x, rows) in x.chunks(s.clip()).zip(rows.chunks_mut(s.clip())) {
                        transpose(x, s.channels, s.frames, rows);
                    }
                    rows
                };
                let n = s.rows(x.len() / s.clip());
                let w_view = View::new(s.out, s.window(), s.window(), 1).transposed();
                matmul((y, View::new(n, s.out, stride, 1)), (x, s.windows(n)), (w, w_view), false);
                let mut sums = Sums::new(stride);
                for (y, top) in y.chunks(s.clip_rows() * stride).zip(top.chunks_mut(s.pooled * stride)) {
                    let keep = batch.then_some(&mut sums);
                    pool(&y[..s.out_frames * stride], stride, s.pool, &sign, top, keep);
                }
                sums
            })
            .collect();

        let (mean, variance) = match &self.norm {
            Norm::Given(mean, variance) => (mean.clone(), variance.clone()),
            Norm::Batch(keep) => {
                let mut all = Sums::new(stride);
                groups.iter().for_each(|sums| all.add(sums));
                let (mean, variance) = all.moments(s.out);
                let kept = Moments::on_cpu(mean.clone(), variance.clone())?;
                *keep.lock().expect("no thread panicked while holding the moments") = Some(kept);
                (mean, variance)
            }
        };
        let inverse: Vec<f32> =
            variance.iter().map(|&v| (1.0 / (f64::from(v) + EPSILON).sqrt()) as f32).collect();
        let scale = padded(gamma.iter().zip(&inverse).map(|(g, i)| g * i), stride);
        let shift = padded(beta.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s), stride);
        let mut out = vec![0.0; s.batch * s.out * s.pooled];
        out.par_chunks_mut(s.out * s.pooled)
            .zip(top.par_chunks(s.pooled * stride))
            .for_each(|(out, top)| activate(top, stride, &scale, &shift, out, s.pooled));
        let (mean, inverse) = (padded(mean, stride), padded(inverse, stride));
        Ok((Saved { rows, taps, y, top, mean, inverse }, out))
    }

    /// Gradients of the input (where asked for), the weights and `[gamma, beta]`.
    fn backward(
        &self,
        s: BlockShape,
        saved: &Saved,
        (x, w, gamma): (&[f32], &[f32], &[f32]),
        (out, grad): (&[f32], &[f32]),
    ) -> (Option<Vec<f32>>, Vec<f32>, Vec<f32>) {
        let (stride, group) = (s.stride(), s.group());
        let Saved { y, top, mean, inverse, .. } = saved;
        let mut g = Scratch::take(s.batch * s.pooled * stride);
        let pooled = group * s.out * s.pooled;
        let sums: Vec<(Vec<f64>, Vec<f64>)> = g
            .par_chunks_mut(group * s.pooled * stride)
            .zip(top.par_chunks(group * s.pooled * stride))
            .zip(out.par_chunks(pooled).zip(grad.par_chunks(pooled)))
            .map(|((g, top), (out, grad))| {
                let mut sums = (vec![0.0; stride], vec![0.0; stride]);
                let clips = g.chunks_mut(s.pooled * stride).zip(top.chunks(s.pooled * stride));
                let values = out.chunks(s.out * s.pooled).zip(grad.chunks(s.out * s.pooled));
                for ((g, top), (out, grad)) in clips.zip(values) {
                    let normal = Normal { mean, inverse };
                    slopes((grad, out, s.pooled), (top, stride), &normal, g, (&mut sums.0, &mut sums.1));
                }
                sums
            })
            .collect();
        let (mut dbeta, mut dgamma) = (vec![0.0; stride], vec![0.0; stride]);
        for (b, g) in &sums {
            dbeta.iter_mut().zip(b).for_each(|(sum, v)| *sum += v);
            dgamma.iter_mut().zip(g).for_each(|(sum, v)| *sum += v);
        }

        // Ioffe and Szegedy 2015, section 3: the batch's mean and variance depend on every value.
        let scale = padded(gamma.iter().zip(inverse).map(|(g, i)| g * i), stride);
        let (mut slope, mut base) = (vec![0.0; stride], vec![0.0; stride]);
        if matches!(self.norm, Norm::Batch(_)) {
            let count = (s.batch * s.out_frames) as f64;
            for c in 0..s.out {
                let [scale, inverse, mean] = [scale[c], inverse[c], mean[c]].map(f64::from);
                let per_deviation = scale * inverse * dgamma[c] / count;
                slope[c] = -per_deviation as f32;
                base[c] = (per_deviation * mean - scale * dbeta[c] / count) as f32;
            }
        }
        let dense = Dense { scale: &scale, slope: &slope, base: &base };
        let rows = saved.rows.as_deref().unwrap_or(x);
        let (dx, dw) = self.products(s, rows, saved.taps.as_deref().unwrap_or(w), |first, dy| {
            let from = first * s.clip_rows() * stride;
            let clips = dy.chunks_mut(s.clip_rows() * stride).zip(y[from..].chunks(s.clip_rows() * stride));
            let from = first * s.pooled * stride;
            let windows = top[from..].chunks(s.pooled * stride).zip(g[from..].chunks(s.pooled * stride));
            for ((dy, y), (top, g)) in clips.zip(windows) {
                let (dy, beyond) = dy.split_at_mut(s.out_frames * stride);
                spread((&y[..dy.len()], stride, s.pool), (top, g), &dense, dy);
                beyond.fill(0.0);
            }
        });
        let affine = dgamma[..s.out].iter().chain(&dbeta[..s.out]).map(|&v| v as f32).collect();
        (dx, dw, affine)
    }

    /// Gradients of input and weights; `dense(clip, dy)` writes the convolution's gradient of the clips from `clip` on.
    fn products(
        &self,
        s: BlockShape,
        rows: &[f32],
        taps: &[f32],
        dense: impl Fn(usize, &mut [f32]) + Sync,
    ) -> (Option<Vec<f32>>, Vec<f32>) {
        let (stride, group) = (s.stride(), s.group());
        let mut dx = if self.input_gradient { vec![0.0; s.batch * s.clip()] } else { Vec::new() };
        let weights = s.out * s.window();
        let mut parts = Scratch::take(s.batch.div_ceil(group) * weights);
        let dx_of_groups: Vec<Option<&mut [f32]>> = if self.input_gradient {
            dx.chunks_mut(group * s.clip()).map(Some).collect()
        } else {
            (0..s.batch.div_ceil(group)).map(|_| None).collect()
        };
        rows.par_chunks(group * s.clip())
            .zip(parts.par_chunks_mut(weights))
            .zip(dx_of_groups)
            .enumerate()
            .for_each(|(i, ((rows, part), dx))| {
                let clips = rows.len() / s.clip();
                let mut dy = Scratch::take(clips * s.clip_rows() * stride);
                dense(i * group, &mut dy);
                let n = s.rows(clips);
                let dy_view = View::new(n, s.out, stride, 1);
                let weight_gradient = || {
                    let part = (part, View::new(s.out, s.window(), s.window(), 1));
                    matmul(part, (&dy, dy_view.transposed()), (rows, s.windows(n)), false);
                };
                match dx {
                    None => weight_gradient(),
                    Some(dx) => {
                        rayon::join(weight_gradient, || input_gradient(s, (&dy, dy_view), taps, dx));
                    }
                }
            });
        (self.input_gradient.then_some(dx), s.sum_of_taps(&parts))
    }
}

/// Gradient of some clips' input, of that of their convolution.
fn input_gradient(s: BlockShape, (dy, dy_view): (&[f32], View), taps: &[f32], dx: &mut [f32]) {
    if s.whole {
        let view = View::new(dy_view.rows, s.window(), s.window(), 1);
        return matmul((dx, view), (dy, dy_view), (taps, View::new(s.out, s.window(), s.window(), 1)), false);
    }
    let mut rows = Scratch::take(dx.len());
    rows[dy_view.rows * s.channels..].fill(0.0);
    for k in 0..s.kernel {
        let out = View::new(dy_view.rows, s.channels, s.channels, 1);
        let tap = View::new(s.out, s.channels, s.window(), 1);
        let (rows, taps) = (&mut rows[k * s.channels..], &taps[k * s.channels..]);
        matmul((rows, out), (dy, dy_view), (taps, tap), k > 0);
    }
    for (rows, dx) in rows.chunks(s.clip()).zip(dx.chunks_mut(s.clip())) {
        transpose(rows, s.frames, s.channels, dx);
    }
}

impl BlockShape {
    /// `n` windows of the input in a row.
    fn windows(&self, n: usize) -> View {
        View::new(n, self.window(), self.window_stride(), 1)
    }

    /// Weights with the taps before the channels, where they are wanted so.
    fn taps(&self, w: &[f32]) -> Option<Scratch> {
        (!self.whole).then(|| {
            let mut taps = Scratch::take(w.len());
            let each = self.window();
            taps.par_chunks_mut(each)
                .zip(w.par_chunks(each))
                .for_each(|(taps, w)| transpose(w, self.channels, self.kernel, taps));
            taps
        })
    }

    /// Sum of the groups' gradients of the weights, in order, as the weights are.
    fn sum_of_taps(&self, parts: &[f32]) -> Vec<f32> {
        let each = self.window();
        let mut dw = vec![0.0; self.out * each];
        dw.par_chunks_mut(each).enumerate().for_each(|(o, dw)| {
            let mut sum = vec![0.0; each];
            for part in parts.chunks(self.out * each) {
                sum.iter_mut().zip(&part[o * each..]).for_each(|(sum, v)| *sum += v);
            }
            if self.whole {
                dw.copy_from_slice(&sum);
            } else {
                transpose(&sum, self.kernel, self.channels, dw);
            }
        });
        dw
    }
}

fn padded(values: impl IntoIterator<Item = f32>, stride: usize) -> Vec<f32> {
    let mut all = Vec::with_capacity(stride);
    all.extend(values);
    all.resize(stride, 0.0);
    all
}

/// A clip's input as it lies in memory.
#[derive(Clone, Copy)]
enum Input<'a> {
    /// [batch, channels, frames]
    Channels(&'a [f32]),
    /// [batch, frames, channels]
    Rows(&'a [f32]),
}

impl<'a> Input<'a> {
    fn of(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        if layout.contiguous_offsets().is_some() {
            return Ok(Self::Channels(contiguous_f32(storage, layout, NAME)?));
        }
        if !time_first(layout) {
            bail!("{NAME} needs a tensor that is contiguous, or so with time before channels");
        }
        let start = layout.start_offset();
        Ok(Self::Rows(&float32(storage, NAME)?[start..start + layout.shape().elem_count()]))
    }

    fn numbers(self) -> &'a [f32] {
        match self {
            Self::Channels(x) | Self::Rows(x) => x,
        }
    }
}

/// True for `[batch, channels, frames]` that is the transposed view of a contiguous `[batch, frames, channels]`.
pub(super) fn time_first(layout: &Layout) -> bool {
    let (dims, stride) = (layout.dims(), layout.stride());
    dims.len() == 3 && stride == [dims[1] * dims[2], 1, dims[1]]
}

const NAME: &str = "time-block";

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        affine: &CpuStorage,
        la: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = BlockShape::of(lx.shape(), lw.shape(), self.pool)?;
        let (x, w) = (Input::of(x, lx)?, contiguous_f32(w, lw, NAME)?);
        let affine = contiguous_f32(affine, la, NAME)?;
        let given = match &self.norm {
            Norm::Given(mean, variance) => [mean.len(), variance.len()],
            Norm::Batch(_) => [s.out; 2],
        };
        if affine.len() != 2 * s.out || given != [s.out; 2] {
            bail!("{NAME} has {} channels but {} scales", s.out, affine.len() / 2);
        }
        let (gamma, beta) = affine.split_at(s.out);
        let (saved, out) = self.forward(s, x, w, gamma, beta)?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
        Ok((CpuStorage::F32(out), (s.batch, s.out, s.pooled).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        affine: &Tensor,
        out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = BlockShape::of(x.shape(), w.shape(), self.pool)?;
        let grad = grad.contiguous()?;
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(saved) = saved.as_ref() else { bail!("{NAME} has not run forward") };
        let (storage, layout) = x.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { bail!("{NAME} runs on the CPU only") };
        let rows = Input::of(storage, layout)?.numbers();
        let (dx, dw, daffine) = with_cpu(w, NAME, |w| {
            with_cpu(affine, NAME, |affine| {
                with_cpu(out, NAME, |out| {
                    with_cpu(&grad, NAME, |grad| {
                        Ok(self.backward(s, saved, (rows, w, &affine[..s.out]), (out, grad)))
                    })
                })
            })
        })?;
        let tensor = |values, shape: &Shape| Tensor::from_vec(values, shape, &Device::Cpu);
        Ok((
            dx.map(|dx| tensor(dx, x.shape())).transpose()?,
            Some(tensor(dw, w.shape())?),
            Some(tensor(daffine, affine.shape())?),
        ))
    }
}
