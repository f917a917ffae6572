//! The weights' gradient of a layer over one channel of data, from the pooled gradient alone.
//!
//! Such a layer has the largest planes of all and needs no gradient for its input, so its sums need not be kept: each
//! window's gradient meets the few values under the kernel at its extreme. What batch norm spreads over all sums
//! is linear in them, and they are linear in the input, so two things about the input are enough: the sum of the
//! values under each tap, and of the products of every two taps. The input is standardised, so float32 bears both.

use super::backward::{Backward, PARTIAL_SUMS};
use super::correlate::Correlate;
use super::shape::PlaneShape;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Whether there is a form for this kernel; others take the way of all layers.
pub(super) fn fits(s: &PlaneShape) -> bool {
    s.channels == 1 && matches!(s.kernel, [3, 3] | [1, 8])
}

/// The gradient of the weights, `[out, 1, taps]`.
pub(super) fn weight_gradient(b: &Backward<'_>) -> Vec<f32> {
    let (s, taps) = (b.s, b.s.taps());
    let clip = s.bands * s.frames;
    let clips_each = s.batch.div_ceil(PARTIAL_SUMS).max(1);
    let parts: Vec<(Vec<f64>, Vec<f32>)> = (b.x.par_chunks(clips_each * clip).enumerate())
        .map(|(part, x)| {
            let mut met = vec![0.0; s.out * taps];
            let mut products = vec![0.0; (taps + 1) * taps];
            let mut plane = vec![0.0; s.padded()];
            let mut shifted = vec![0.0; (taps + 1) * s.padded()];
            for (i, x) in x.chunks(clip).enumerate() {
                s.pad(x, &mut plane);
                Meet { b, clip: part * clips_each + i, plane: &plane, met: &mut met }.run();
                if b.batch {
                    add_products(s, &plane, &mut shifted, &mut products);
                }
            }
            (met, products)
        })
        .collect();
    let mut met = vec![0.0; s.out * taps];
    let mut products = vec![0.0; (taps + 1) * taps];
    for (part_met, part_products) in &parts {
        met.iter_mut().zip(part_met).for_each(|(sum, part)| *sum += part);
        products.iter_mut().zip(part_products).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    let (products, sums) = products.split_at(taps * taps);
    let mut dw = Vec::with_capacity(s.out * taps);
    for (o, (met, weight)) in met.chunks(taps).zip(b.weight.chunks(taps)).enumerate() {
        let (scale, mean) = (b.norms[o].scale(), f64::from(b.norms[o].mean));
        let (shift, slope) = b.spread_gradient(o);
        for (k, met) in met.iter().enumerate() {
            let with_sums: f64 =
                weight.iter().enumerate().map(|(j, &w)| f64::from(w) * products[j * taps + k]).sum();
            let spread = shift * sums[k] + slope * (with_sums - mean * sums[k]);
            dw.push((f64::from(scale) * met + if b.batch { spread } else { 0.0 }) as f32);
        }
    }
    dw
}

/// Adds, for every two taps, the sum over all positions of the product of the values under them; and last, for every
/// tap, the sum of the values.
fn add_products(s: &PlaneShape, plane: &[f32], shifted: &mut [f32], products: &mut [f32]) {
    let offsets = s.offsets(1);
    for (tap, shifted) in shifted.chunks_mut(s.padded()).enumerate() {
        for (band, row) in shifted[s.gradient_start()..].chunks_mut(s.row()).take(s.bands).enumerate() {
            let row = &mut row[..s.frames];
            match offsets.get(tap) {
                Some(offset) => row.copy_from_slice(&plane[band * s.row() + offset..][..s.frames]),
                None => row.fill(1.0),
            }
        }
    }
    let correlate = Correlate {
        gradients: shifted,
        planes: plane,
        plane: s.padded(),
        start: s.gradient_start(),
        positions: s.positions(),
        kernel: s.kernel,
        row: s.row(),
        sums: products,
    };
    correlate.run();
}

/// Adds each window's gradient times the values under the kernel at its extreme. Vector code for this processor.
struct Meet<'m> {
    b: &'m Backward<'m>,
    clip: usize,
    plane: &'m [f32],
    /// `[out, taps]`.
    met: &'m mut [f64],
}

impl Meet<'_> {
    fn run(self) {
        pulp::Arch::new().dispatch(self);
    }

    /// `WIDTH` values from the first tap of a band on, of which the kernel's own count.
    #[inline(always)]
    fn kernel<const BANDS: usize, const WIDTH: usize>(self) {
        let Self { b, clip, plane, met } = self;
        let s = b.s;
        let within = s.places();
        for (o, met) in met.chunks_mut(s.taps()).enumerate() {
            let first = (clip * s.out + o) * s.pooled();
            let values = b.gradient.pooled[first..][..s.pooled()].chunks(s.out_frames);
            let places = b.pooled.places[first..][..s.pooled()].chunks(s.out_frames);
            for (row, (values, places)) in values.zip(places).enumerate() {
                let windows = &plane[row * s.pool[0] * s.row()..];
                let mut sums = [[0.0f32; WIDTH]; BANDS];
                for (i, (&value, &place)) in values.iter().zip(places).enumerate() {
                    let x = &windows[i * s.pool[1] + within[usize::from(place)]..];
                    for f in 0..BANDS {
                        let x = &x[f * s.row()..][..WIDTH];
                        for t in 0..WIDTH {
                            sums[f][t] += value * x[t];
                        }
                    }
                }
                for (met, sums) in met.chunks_mut(s.kernel[1]).zip(&sums) {
                    met.iter_mut().zip(sums).for_each(|(met, &sum)| *met += f64::from(sum));
                }
            }
        }
    }
}

impl WithSimd for Meet<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.b.s.kernel {
            [3, 3] => self.kernel::<3, 4>(),
            _ => self.kernel::<1, 8>(),
        }
    }
}
