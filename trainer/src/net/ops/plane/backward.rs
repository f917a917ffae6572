//! The backward pass: the pooled gradient goes to each window's extreme, the moments' share of it to every sum.

use super::convolve::{Convolve, Packed};
use super::correlate::Correlate;
use super::first_layer;
use super::forward::Pooled;
use super::shape::PlaneShape;
use crate::net::ops::Dropout;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Clips are summed into this many partial weight gradients, whatever the number of threads, so that the result to
/// the last bit does not depend on the machine's cores.
pub(super) const PARTIAL_SUMS: usize = 8;

/// Partial sums that are added up side by side.
const LANES: usize = 16;

/// How a channel was normalised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    pub mean: f32,
    /// One over the deviation.
    pub inverse: f32,
    pub gamma: f32,
}

impl Norm {
    pub fn scale(&self) -> f32 {
        self.gamma * self.inverse
    }
}

/// Gradients before the activation, and what a channel's sum to.
pub(super) struct Gradient {
    /// Of each pooled value behind batch norm.
    pub pooled: Vec<f32>,
    /// Sums over each channel: of the gradient, and of it times the normalised value.
    pub sums: Vec<[f64; 2]>,
}

/// Undoes dropout and ELU: `y` is what the block gave, `grad` the gradient of it.
pub(super) fn before_activation(
    s: &PlaneShape,
    pooled: &Pooled,
    norms: &[Norm],
    y: &[f32],
    grad: &[f32],
    dropout: Option<Dropout>,
) -> Gradient {
    let mut gradient = vec![0.0; grad.len()];
    let planes: Vec<[f64; 2]> = gradient
        .par_chunks_mut(s.pooled())
        .zip(y.par_chunks(s.pooled()).zip(grad.par_chunks(s.pooled())))
        .zip(pooled.values.par_chunks(s.pooled()))
        .enumerate()
        .map(|(plane, ((gradient, (y, grad)), values))| {
            let Norm { mean, inverse, .. } = norms[plane % s.out];
            let kept = dropout.map_or(1.0, |d| d.kept());
            let slope = |y: f32| if y < 0.0 { y / kept + 1.0 } else { 1.0 };
            for ((gradient, &grad), &y) in gradient.iter_mut().zip(grad).zip(y) {
                *gradient = grad * slope(y);
            }
            if let Some(dropout) = dropout {
                dropout.apply(plane * s.pooled(), gradient);
            }
            let rows = gradient.chunks(s.out_frames).zip(values.chunks(s.out_frames));
            rows.fold([0.0, 0.0], |[sum, sum_with_x], (gradient, values)| {
                let (mut lanes, mut lanes_with_x) = ([0.0f32; LANES], [0.0f32; LANES]);
                let mut add = |gradient: &[f32], values: &[f32]| {
                    for (i, (&g, &v)) in gradient.iter().zip(values).enumerate() {
                        lanes[i] += g;
                        lanes_with_x[i] += g * ((v - mean) * inverse);
                    }
                };
                let (gradient, gradient_end) = gradient.as_chunks::<LANES>();
                let (values, values_end) = values.as_chunks::<LANES>();
                gradient.iter().zip(values).for_each(|(gradient, values)| add(gradient, values));
                add(gradient_end, values_end);
                let total = |lanes: [f32; LANES]| lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
                [sum + total(lanes), sum_with_x + total(lanes_with_x)]
            })
        })
        .collect();
    let mut sums = vec![[0.0; 2]; s.out];
    for (plane, [sum, sum_with_x]) in planes.into_iter().enumerate() {
        sums[plane % s.out][0] += sum;
        sums[plane % s.out][1] += sum_with_x;
    }
    Gradient { pooled: gradient, sums }
}

/// Everything that the gradients of a block's input and weights depend on.
pub(super) struct Backward<'b> {
    pub s: &'b PlaneShape,
    pub x: &'b [f32],
    pub weight: &'b [f32],
    pub pooled: &'b Pooled,
    pub norms: &'b [Norm],
    pub gradient: &'b Gradient,
    /// The moments were the batch's own, so the gradient flows through them.
    pub batch: bool,
}

impl Backward<'_> {
    /// Gradients of the input (empty when not wanted) and of the weights.
    pub fn run(&self, input_gradient: bool) -> [Vec<f32>; 2] {
        let s = self.s;
        if !input_gradient && first_layer::fits(s) {
            return [Vec::new(), first_layer::weight_gradient(self)];
        }
        let [kernel_bands, kernel_frames] = s.kernel;
        let taps = s.taps();
        // The kernel turned round, inputs and outputs exchanged.
        let turned = Packed::new([s.channels, s.out, taps], |c, o, tap| {
            let (f, t) = (tap / kernel_frames, tap % kernel_frames);
            let tap = (kernel_bands - 1 - f) * kernel_frames + (kernel_frames - 1 - t);
            self.weight[(o * s.channels + c) * taps + tap]
        });
        let offsets = s.offsets(s.out);
        let clip = s.channels * s.bands * s.frames;
        let mut dx = vec![0.0; if input_gradient { s.batch * clip } else { 0 }];
        let mut shares: Vec<&mut [f32]> = if input_gradient {
            dx.chunks_mut(clip).collect()
        } else {
            (0..s.batch).map(|_| Default::default()).collect()
        };
        let clips_each = s.batch.div_ceil(PARTIAL_SUMS).max(1);
        let partial: Vec<Vec<f32>> = self
            .x
            .par_chunks(clips_each * clip)
            .zip(shares.par_chunks_mut(clips_each))
            .enumerate()
            .map(|(part, (x, dx))| {
                let mut dw = vec![0.0; s.out * s.channels * taps];
                let mut planes = vec![0.0; s.channels * s.padded()];
                let mut gradients = vec![0.0; s.out * s.padded()];
                for (i, (x, dx)) in x.chunks(clip).zip(dx).enumerate() {
                    s.pad(x, &mut planes);
                    self.sums_gradient(part * clips_each + i, &mut gradients);
                    let correlate = Correlate {
                        gradients: &gradients,
                        planes: &planes,
                        plane: s.padded(),
                        start: s.gradient_start(),
                        positions: s.positions(),
                        kernel: s.kernel,
                        row: s.row(),
                        sums: &mut dw,
                    };
                    correlate.run();
                    if input_gradient {
                        self.input_gradient(&turned, &offsets, &gradients, dx);
                    }
                }
                dw
            })
            .collect();
        drop(shares);
        let mut dw = vec![0.0; s.out * s.channels * taps];
        for part in &partial {
            for (dw, part) in dw.iter_mut().zip(part) {
                *dw += part;
            }
        }
        [dx, dw]
    }

    /// What batch norm adds to the gradient of every sum of a channel: a shift, and a slope times the sum's distance
    /// from the mean (Ioffe and Szegedy 2015, section 3).
    pub fn spread_gradient(&self, o: usize) -> (f64, f64) {
        let count = (self.s.batch * self.s.bands * self.s.frames) as f64;
        let norm = &self.norms[o];
        let scale = f64::from(norm.scale());
        let [sum, sum_with_x] = self.gradient.sums[o];
        (-scale * sum / count, -scale * f64::from(norm.inverse) * sum_with_x / count)
    }

    /// Fills the padded planes of one clip with the gradient of every sum.
    fn sums_gradient(&self, clip: usize, gradients: &mut [f32]) {
        let s = self.s;
        let within = s.places();
        for (o, gradients) in gradients.chunks_mut(s.padded()).enumerate() {
            let (mean, scale) = (self.norms[o].mean, self.norms[o].scale());
            let gradients = &mut gradients[s.gradient_start()..];
            let plane = clip * s.out + o;
            if self.batch {
                let (shift, slope) = self.spread_gradient(o);
                let (shift, slope) = (shift as f32, slope as f32);
                let sums = &self.pooled.sums[plane * s.sums()..];
                Dense { s, sums, mean, slope, shift, gradients: &mut *gradients }.run();
            } else {
                gradients.chunks_mut(s.row()).take(s.bands).for_each(|row| row[..s.frames].fill(0.0));
            }
            let pooled = plane * s.pooled()..(plane + 1) * s.pooled();
            let rows = self.gradient.pooled[pooled.clone()]
                .chunks(s.out_frames)
                .zip(self.pooled.places[pooled].chunks(s.out_frames));
            for (row, (values, places)) in rows.enumerate() {
                let windows = &mut gradients[row * s.pool[0] * s.row()..];
                for (i, (&value, &place)) in values.iter().zip(places).enumerate() {
                    windows[i * s.pool[1] + within[usize::from(place)]] += scale * value;
                }
            }
        }
    }

    fn input_gradient(&self, turned: &Packed, offsets: &[usize], gradients: &[f32], dx: &mut [f32]) {
        let s = self.s;
        let stride = (s.strip_bands() * s.row()).next_multiple_of(64) + 64;
        let mut strip = vec![0.0; 6 * stride];
        for band in (0..s.bands).step_by(s.strip_bands()) {
            let bands = s.strip_bands().min(s.bands - band);
            for group in 0..turned.groups() {
                let convolve = Convolve {
                    weights: turned,
                    group,
                    planes: gradients,
                    offsets,
                    first: band * s.row(),
                    count: bands * s.row(),
                    sums: &mut strip,
                    stride,
                };
                convolve.run();
                for (sums, c) in strip.chunks(stride).zip(turned.group(group)) {
                    let rows = dx[(c * s.bands + band) * s.frames..].chunks_mut(s.frames).take(bands);
                    for (dx, sums) in rows.zip(sums.chunks(s.row())) {
                        dx.copy_from_slice(&sums[..s.frames]);
                    }
                }
            }
        }
    }
}

/// The moments' share of every sum's gradient. Vector code for this processor.
struct Dense<'d> {
    s: &'d PlaneShape,
    sums: &'d [f32],
    mean: f32,
    slope: f32,
    shift: f32,
    gradients: &'d mut [f32],
}

impl Dense<'_> {
    fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { s, sums, mean, slope, shift, gradients } = self;
        for (gradients, sums) in gradients.chunks_mut(s.row()).zip(sums.chunks(s.row())).take(s.bands) {
            for (gradient, &z) in gradients[..s.frames].iter_mut().zip(&sums[..s.frames]) {
                *gradient = (z - mean) * slope + shift;
            }
        }
    }
}
