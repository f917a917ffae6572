//! [`plane_block`](super::plane_block()) on the CPU: one operation, so that what lies between convolution and pooling
//! is passed over as few times as it can be.

mod backward;
mod convolve;
mod correlate;
mod first_layer;
mod forward;
mod pool;
mod shape;

use super::moments::EPSILON;
use super::plane_block::PlaneSpec;
use super::{BatchMoments, Moments, NormBy, contiguous_f32, with_cpu};
use backward::{Backward, Norm, before_activation};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use forward::{Pooled, activate, convolve_and_pool};
use shape::PlaneShape;
use std::sync::Mutex;

/// As [`plane_block`](super::plane_block()), for tensors in the CPU's memory.
pub(super) fn plane_block_cpu(
    x: &Tensor,
    weight: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    norm: NormBy<'_>,
    spec: &PlaneSpec,
) -> Result<Tensor> {
    let norm = match norm {
        NormBy::Batch(keep) => By::Batch(keep.clone()),
        NormBy::Given(m) => By::Given { mean: m.mean.to_vec1()?, variance: m.variance.to_vec1()? },
    };
    if gamma.dims() != beta.dims() {
        bail!("{:?} scales and {:?} shifts", gamma.shape(), beta.shape());
    }
    // An operation takes three tensors: scales and shifts travel as one.
    let affine = Tensor::cat(&[gamma, beta], 0)?;
    x.contiguous()?.apply_op3(
        &weight.contiguous()?,
        &affine,
        Plane { norm, spec: *spec, kept: Mutex::default() },
    )
}

enum By {
    Batch(BatchMoments),
    Given { mean: Vec<f32>, variance: Vec<f32> },
}

struct Plane {
    norm: By,
    spec: PlaneSpec,
    /// From the forward pass for the backward one.
    kept: Mutex<Option<(Pooled, Vec<Norm>)>>,
}

impl Plane {
    fn norms(&self, pooled: &Pooled, gamma: &[f32]) -> Result<Vec<Norm>> {
        let moments: Vec<(f64, f64)> = match &self.norm {
            By::Batch(keep) => {
                let (mean, variance) = pooled.moments.iter().map(|&(m, v)| (m as f32, v as f32)).unzip();
                let moments = Moments::on_cpu(mean, variance)?;
                *keep.lock().expect("no thread panicked while holding the moments") = Some(moments);
                pooled.moments.clone()
            }
            By::Given { mean, variance } => {
                let pairs = mean.iter().zip(variance);
                pairs.map(|(&m, &v)| (f64::from(m), f64::from(v))).collect()
            }
        };
        if moments.len() != gamma.len() {
            bail!("{} has {} channels but {} moments", self.name(), gamma.len(), moments.len());
        }
        let norm = |(&(mean, variance), &gamma): (&(f64, f64), &f32)| Norm {
            mean: mean as f32,
            inverse: (1.0 / (variance + EPSILON).sqrt()) as f32,
            gamma,
        };
        Ok(moments.iter().zip(gamma).map(norm).collect())
    }
}

impl CustomOp3 for Plane {
    fn name(&self) -> &'static str {
        "plane-block"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        weight: &CpuStorage,
        lw: &Layout,
        affine: &CpuStorage,
        la: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let name = self.name();
        let s = PlaneShape::of(lx.shape(), lw.shape(), &self.spec)?;
        let (x, weight) = (contiguous_f32(x, lx, name)?, contiguous_f32(weight, lw, name)?);
        let affine = contiguous_f32(affine, la, name)?;
        if affine.len() != 2 * s.out {
            bail!("{name} has {} channels but {} scales and shifts", s.out, affine.len());
        }
        let (gamma, beta) = affine.split_at(s.out);
        let falling: Vec<bool> = gamma.iter().map(|&gamma| gamma < 0.0).collect();
        // Only batch norm asks for the sums again, and a first layer does without them even then.
        let first = !self.spec.input_gradient && first_layer::fits(&s);
        let keep_sums = matches!(self.norm, By::Batch(_)) && !first;
        let pooled = convolve_and_pool(&s, x, weight, &falling, keep_sums);
        let norms = self.norms(&pooled, gamma)?;
        let of_channel = |o: usize| {
            let scale = norms[o].scale();
            (scale, beta[o] - norms[o].mean * scale)
        };
        let y = activate(&s, &pooled.values, of_channel, self.spec.dropout);
        *self.kept.lock().expect("no thread panicked in the forward pass") = Some((pooled, norms));
        Ok((CpuStorage::F32(y), (s.batch, s.out, s.out_bands, s.out_frames).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        affine: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let name = self.name();
        let s = PlaneShape::of(x.shape(), weight.shape(), &self.spec)?;
        let kept = self.kept.lock().expect("no thread panicked in the forward pass");
        let Some((pooled, norms)) = &*kept else { bail!("{name} went backward before it went forward") };
        let grad = grad.contiguous()?;
        let gradient = with_cpu(y, name, |y| {
            with_cpu(&grad, name, |grad| Ok(before_activation(&s, pooled, norms, y, grad, self.spec.dropout)))
        })?;
        let [dx, dw] = with_cpu(x, name, |x| {
            with_cpu(weight, name, |weight| {
                let batch = matches!(self.norm, By::Batch(_));
                let backward = Backward { s: &s, x, weight, pooled, norms, gradient: &gradient, batch };
                Ok(backward.run(self.spec.input_gradient))
            })
        })?;
        let dx =
            self.spec.input_gradient.then(|| Tensor::from_vec(dx, x.shape(), &Device::Cpu)).transpose()?;
        let dw = Tensor::from_vec(dw, weight.shape(), &Device::Cpu)?;
        let (dgamma, dbeta) = (
            gradient.sums.iter().map(|sums| sums[1] as f32),
            gradient.sums.iter().map(|sums| sums[0] as f32),
        );
        let daffine = Tensor::from_iter(dgamma.chain(dbeta), &Device::Cpu)?.reshape(affine.shape())?;
        Ok((dx, Some(dw), Some(daffine)))
    }
}
