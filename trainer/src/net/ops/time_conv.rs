//! Valid convolution over time: `y[b, o, t] = sum over c, k of w[o, c, k] x[b, c, t + k]`.
//!
//! Without padding each tap is a matrix product of a shifted view of the input, so nothing is copied: `kernel`
//! products that add up in place, one clip after another, clips in parallel.

use super::matmul::{View, matmul};
use super::product::product;
use super::{contiguous_f32, with_cpu};
use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Clips are summed into this many partial weight gradients, whatever the number of threads: the order of the
/// additions, and so the result to the last bit, does not depend on the machine's cores.
const PARTIAL_SUMS: usize = 8;

/// Valid convolution over time of `x` [batch, channels, frames] with `weight` [out, channels, kernel], giving
/// [batch, out, frames - kernel + 1].
///
/// `input_gradient` is false for the first layer, whose input is data: half of its backward pass is not done.
///
/// # Errors
/// When shapes do not fit or there are fewer frames than the kernel has taps.
pub fn time_conv(x: &Tensor, weight: &Tensor, input_gradient: bool) -> Result<Tensor> {
    match x.device() {
        Device::Cpu => x.contiguous()?.apply_op2(&weight.contiguous()?, TimeConv { input_gradient }),
        _ => time_conv_plain(x, weight),
    }
}

/// The same convolution from candle's elementary operations: shifted views side by side, one matrix product.
///
/// # Errors
/// As [`time_conv`].
pub fn time_conv_plain(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let shape = ConvShape::of(x.shape(), weight.shape())?;
    let taps = (0..shape.kernel).map(|k| x.narrow(2, k, shape.out_frames)).collect::<Result<Vec<_>>>()?;
    let columns = Tensor::cat(&taps, 1)?; // [batch, kernel * channels, out_frames]
    let rows = weight
        .permute((0, 2, 1))?
        .contiguous()?
        .reshape((1, shape.out, shape.kernel * shape.channels))?
        .broadcast_as((shape.batch, shape.out, shape.kernel * shape.channels))?
        .contiguous()?;
    product(&rows, &columns.contiguous()?)
}

#[derive(Clone, Copy)]
struct ConvShape {
    batch: usize,
    channels: usize,
    frames: usize,
    out: usize,
    kernel: usize,
    out_frames: usize,
}

impl ConvShape {
    fn of(x: &Shape, weight: &Shape) -> Result<Self> {
        let (batch, channels, frames) = x.dims3()?;
        let (out, weight_channels, kernel) = weight.dims3()?;
        if channels != weight_channels || kernel == 0 || frames < kernel {
            bail!("a convolution of {weight:?} cannot run on {x:?}");
        }
        Ok(Self { batch, channels, frames, out, kernel, out_frames: frames - kernel + 1 })
    }

    /// Tap `k` of the weights as [out, channels].
    fn tap(&self) -> View {
        View::new(self.out, self.channels, self.channels * self.kernel, self.kernel)
    }

    /// A shifted window of one clip's input as [channels, out_frames].
    fn window(&self) -> View {
        View::new(self.channels, self.out_frames, self.frames, 1)
    }

    /// One clip's output as [out, out_frames].
    fn output(&self) -> View {
        View::new(self.out, self.out_frames, self.out_frames, 1)
    }
}

struct TimeConv {
    input_gradient: bool,
}

impl TimeConv {
    fn input_gradient(s: ConvShape, w: &[f32], grad: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; s.batch * s.channels * s.frames];
        dx.par_chunks_mut(s.channels * s.frames).zip(grad.par_chunks(s.out * s.out_frames)).for_each(
            |(dx, grad)| {
                for k in 0..s.kernel {
                    let view = s.window();
                    matmul((&mut dx[k..], view), (&w[k..], s.tap().transposed()), (grad, s.output()), true);
                }
            },
        );
        dx
    }

    fn weight_gradient(s: ConvShape, x: &[f32], grad: &[f32]) -> Vec<f32> {
        let clips_each = s.batch.div_ceil(PARTIAL_SUMS).max(1);
        let clip = s.channels * s.frames;
        let out = s.out * s.out_frames;
        let partial: Vec<Vec<f32>> = x
            .par_chunks(clips_each * clip)
            .zip(grad.par_chunks(clips_each * out))
            .map(|(x, grad)| {
                // Taps apart, [kernel, out, channels]: products then write contiguous rows.
                let mut dw = vec![0.0; s.kernel * s.out * s.channels];
                for (x, grad) in x.chunks(clip).zip(grad.chunks(out)) {
                    for (k, dw) in dw.chunks_mut(s.out * s.channels).enumerate() {
                        let view = View::new(s.out, s.channels, s.channels, 1);
                        matmul((dw, view), (grad, s.output()), (&x[k..], s.window().transposed()), true);
                    }
                }
                dw
            })
            .collect();
        let mut dw = vec![0.0; s.out * s.channels * s.kernel];
        for part in &partial {
            for (k, tap) in part.chunks(s.out * s.channels).enumerate() {
                for (i, &g) in tap.iter().enumerate() {
                    dw[i * s.kernel + k] += g;
                }
            }
        }
        dw
    }
}

impl CustomOp2 for TimeConv {
    fn name(&self) -> &'static str {
        "time-conv"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = ConvShape::of(lx.shape(), lw.shape())?;
        let (x, w) = (contiguous_f32(x, lx, "time-conv")?, contiguous_f32(w, lw, "time-conv")?);
        let mut y = vec![0.0; s.batch * s.out * s.out_frames];
        y.par_chunks_mut(s.out * s.out_frames).zip(x.par_chunks(s.channels * s.frames)).for_each(|(y, x)| {
            for k in 0..s.kernel {
                matmul((y, s.output()), (&w[k..], s.tap()), (&x[k..], s.window()), k > 0);
            }
        });
        Ok((CpuStorage::F32(y), (s.batch, s.out, s.out_frames).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let s = ConvShape::of(x.shape(), w.shape())?;
        let grad = grad.contiguous()?;
        let dw = with_cpu(x, "time-conv", |x| {
            with_cpu(&grad, "time-conv", |g| Ok(Self::weight_gradient(s, x, g)))
        })?;
        let dw = Tensor::from_vec(dw, w.shape(), &Device::Cpu)?;
        let dx = if self.input_gradient {
            let dx = with_cpu(w, "time-conv", |w| {
                with_cpu(&grad, "time-conv", |g| Ok(Self::input_gradient(s, w, g)))
            })?;
            Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?)
        } else {
            None
        };
        Ok((dx, Some(dw)))
    }
}
