//! Batch normalisation, max-pooling over time and ELU in one pass.
//!
//! ELU rises monotonically, so it commutes with max-pooling and is computed on the pooled values only. The
//! gradient of a window goes to its first maximum (candle's own `max_pool2d` divides it by the window's size).

use super::moments::{EPSILON, Moments, NormBy, normalise_plain};
use super::pool::max_pool_plain;
use super::{contiguous_f32, with_cpu};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Normalises `x` [batch, channels, frames] per channel, scales by `gamma` and shifts by `beta` (both `[channels]`), pools
/// the maximum of every `pool` frames (a remainder is dropped), and applies ELU when `elu`.
/// Gives [batch, channels, frames / pool].
///
/// # Errors
/// When shapes do not fit or there are fewer frames than `pool`.
pub fn norm_pool_elu(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    pool: usize,
    elu: bool,
) -> Result<Tensor> {
    if !matches!(x.device(), Device::Cpu) {
        return norm_pool_elu_plain(x, gamma, beta, norm, pool, elu);
    }
    let x = x.contiguous()?;
    let (moments, batch) = match norm {
        NormBy::Batch(keep) => {
            let s = PoolShape::of(x.shape(), pool)?;
            let moments = with_cpu(&x, "norm-pool-elu", |x| Ok(moments_of(s, x)))?;
            let kept = Moments::on_cpu(moments.mean.clone(), moments.variance.clone())?;
            *keep.lock().expect("no thread panicked while holding the moments") = Some(kept);
            (moments, true)
        }
        NormBy::Given(m) => (Channels { mean: m.mean.to_vec1()?, variance: m.variance.to_vec1()? }, false),
    };
    x.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, NormPoolElu { moments, batch, pool, elu })
}

/// The same from candle's elementary operations.
///
/// # Errors
/// As [`norm_pool_elu`].
pub fn norm_pool_elu_plain(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    pool: usize,
    elu: bool,
) -> Result<Tensor> {
    let y = max_pool_plain(&normalise_plain(x, gamma, beta, norm)?, 2, pool)?;
    if elu { y.elu(1.0) } else { Ok(y) }
}

#[derive(Clone, Copy)]
struct PoolShape {
    batch: usize,
    channels: usize,
    frames: usize,
    out_frames: usize,
}

impl PoolShape {
    fn of(x: &Shape, pool: usize) -> Result<Self> {
        let (batch, channels, frames) = x.dims3()?;
        if pool == 0 || frames < pool {
            bail!("{frames} frames cannot be pooled by {pool}");
        }
        Ok(Self { batch, channels, frames, out_frames: frames / pool })
    }

    /// Rows of channel `c`, one per clip.
    fn rows<'a>(&self, x: &'a [f32], c: usize) -> impl Iterator<Item = &'a [f32]> {
        x.chunks(self.frames).skip(c).step_by(self.channels)
    }
}

/// [`Moments`] as numbers.
struct Channels {
    mean: Vec<f32>,
    variance: Vec<f32>,
}

fn moments_of(s: PoolShape, x: &[f32]) -> Channels {
    let count = (s.batch * s.frames) as f64;
    // Sums in float32 lanes would lose digits over some 20,000 values; per-row sums in f64 do not.
    let (mean, variance) = (0..s.channels)
        .into_par_iter()
        .map(|c| {
            let mean =
                s.rows(x, c).map(|row| row.iter().map(|&v| f64::from(v)).sum::<f64>()).sum::<f64>() / count;
            let sum_of_squares = s
                .rows(x, c)
                .map(|row| row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>())
                .sum::<f64>();
            (mean as f32, (sum_of_squares / count) as f32)
        })
        .unzip();
    Channels { mean, variance }
}

struct NormPoolElu {
    moments: Channels,
    /// The moments are the batch's own, so the gradient flows through them.
    batch: bool,
    pool: usize,
    elu: bool,
}

impl NormPoolElu {
    /// Scale and shift of a channel's affine map.
    fn affine(&self, c: usize, gamma: &[f32], beta: &[f32]) -> (f32, f32) {
        let scale = gamma[c] * self.inverse_deviation(c);
        (scale, beta[c] - self.moments.mean[c] * scale)
    }

    fn inverse_deviation(&self, c: usize) -> f32 {
        (1.0 / (f64::from(self.moments.variance[c]) + EPSILON).sqrt()) as f32
    }

    fn forward(&self, s: PoolShape, x: &[f32], gamma: &[f32], beta: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; s.batch * s.channels * s.out_frames];
        y.par_chunks_mut(s.out_frames).zip(x.par_chunks(s.frames)).enumerate().for_each(|(row, (y, x))| {
            let (scale, shift) = self.affine(row % s.channels, gamma, beta);
            for (y, window) in y.iter_mut().zip(x.chunks_exact(self.pool)) {
                let top = window.iter().fold(f32::NEG_INFINITY, |top, &v| top.max(scale * v + shift));
                *y = if self.elu && top < 0.0 { top.exp_m1() } else { top };
            }
        });
        y
    }

    /// Gradients of x, gamma and beta.
    fn backward(&self, s: PoolShape, x: &[f32], gamma: &[f32], y: &[f32], grad: &[f32]) -> [Vec<f32>; 3] {
        // First where each window's gradient goes and the sums over the channel, then the dense gradient.
        let mut dx = vec![0.0; x.len()];
        let slope = |y: f32| if self.elu && y < 0.0 { y + 1.0 } else { 1.0 };
        let row_sums: Vec<(f64, f64)> = dx
            .par_chunks_mut(s.frames)
            .zip(x.par_chunks(s.frames))
            .zip(y.par_chunks(s.out_frames).zip(grad.par_chunks(s.out_frames)))
            .enumerate()
            .map(|(row, ((dx, x), (y, grad)))| {
                let c = row % s.channels;
                let (mean, inverse) = (self.moments.mean[c], self.inverse_deviation(c));
                let falling = gamma[c] < 0.0;
                let (mut sum, mut sum_with_x) = (0.0, 0.0);
                let windows = dx.chunks_exact_mut(self.pool).zip(x.chunks_exact(self.pool));
                for ((dx, window), (&y, &grad)) in windows.zip(y.iter().zip(grad)) {
                    let mut at = 0;
                    for (i, &v) in window.iter().enumerate().skip(1) {
                        if if falling { v < window[at] } else { v > window[at] } {
                            at = i;
                        }
                    }
                    let g = grad * slope(y);
                    dx[at] = g;
                    sum += f64::from(g);
                    sum_with_x += f64::from(g) * f64::from((window[at] - mean) * inverse);
                }
                (sum, sum_with_x)
            })
            .collect();
        let (mut dgamma, mut dbeta) = (vec![0.0; s.channels], vec![0.0; s.channels]);
        for (row, (sum, sum_with_x)) in row_sums.into_iter().enumerate() {
            dbeta[row % s.channels] += sum;
            dgamma[row % s.channels] += sum_with_x;
        }
        let count = (s.batch * s.frames) as f64;
        dx.par_chunks_mut(s.frames).zip(x.par_chunks(s.frames)).enumerate().for_each(|(row, (dx, x))| {
            let c = row % s.channels;
            let (mean, inverse) = (self.moments.mean[c], self.inverse_deviation(c));
            let scale = gamma[c] * inverse;
            if self.batch {
                // Ioffe and Szegedy 2015, section 3: the batch's mean and variance depend on every value.
                let (mean_grad, mean_grad_x) = ((dbeta[c] / count) as f32, (dgamma[c] / count) as f32);
                for (dx, &x) in dx.iter_mut().zip(x) {
                    *dx = scale * (*dx - mean_grad - (x - mean) * inverse * mean_grad_x);
                }
            } else {
                dx.iter_mut().for_each(|dx| *dx *= scale);
            }
        });
        let to_f32 = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
        [dx, to_f32(dgamma), to_f32(dbeta)]
    }
}

impl CustomOp3 for NormPoolElu {
    fn name(&self) -> &'static str {
        "norm-pool-elu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        gamma: &CpuStorage,
        lg: &Layout,
        beta: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = PoolShape::of(lx.shape(), self.pool)?;
        let gamma = contiguous_f32(gamma, lg, self.name())?;
        let beta = contiguous_f32(beta, lb, self.name())?;
        if gamma.len() != s.channels || beta.len() != s.channels || self.moments.mean.len() != s.channels {
            bail!("{} has {} channels but {} scales", self.name(), s.channels, gamma.len());
        }
        let y = self.forward(s, contiguous_f32(x, lx, self.name())?, gamma, beta);
        Ok((CpuStorage::F32(y), (s.batch, s.channels, s.out_frames).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = PoolShape::of(x.shape(), self.pool)?;
        let grad = grad.contiguous()?;
        let name = self.name();
        let [dx, dgamma, dbeta] = with_cpu(x, name, |x| {
            with_cpu(gamma, name, |gamma| {
                with_cpu(y, name, |y| with_cpu(&grad, name, |grad| Ok(self.backward(s, x, gamma, y, grad))))
            })
        })?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(dgamma, gamma.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(dbeta, beta.shape(), &Device::Cpu)?),
        ))
    }
}
