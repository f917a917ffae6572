//! The forward pass: one strip of bands after another is convolved, measured and pooled while it is in the cache.

use super::convolve::{Convolve, Packed};
use super::pool::{Activate, Columns, Measure, Spread};
use super::shape::PlaneShape;
use crate::net::ops::Dropout;
use rayon::prelude::*;

/// What the convolution and the pooling leave behind.
pub(super) struct Pooled {
    /// The extreme sum of each window, `[batch, out, out_bands, out_frames]`.
    pub values: Vec<f32>,
    /// And its place in the window.
    pub places: Vec<u16>,
    /// All sums, `[batch, out, sums]`, where they were to be kept, else nothing.
    pub sums: Vec<f32>,
    /// Mean and variance of each channel's sums.
    pub moments: Vec<(f64, f64)>,
}

/// `falling` says of each channel whether the least value of a window is wanted instead of the greatest.
pub(super) fn convolve_and_pool(
    s: &PlaneShape,
    x: &[f32],
    weight: &[f32],
    falling: &[bool],
    keep_sums: bool,
) -> Pooled {
    let taps = s.taps();
    let packed =
        Packed::new([s.out, s.channels, taps], |o, c, tap| weight[(o * s.channels + c) * taps + tap]);
    let mut values = vec![0.0; s.batch * s.out * s.pooled()];
    let mut places = vec![0; values.len()];
    let mut sums = vec![0.0; if keep_sums { s.batch * s.out * s.sums() } else { 0 }];
    // Clips without kept sums have an empty share of them.
    let mut shares: Vec<&mut [f32]> = if keep_sums {
        sums.chunks_mut(s.out * s.sums()).collect()
    } else {
        (0..s.batch).map(|_| Default::default()).collect()
    };
    let clip = Clip { s, packed: &packed, offsets: s.offsets(s.channels), falling };
    let spreads: Vec<Vec<Spread>> = x
        .par_chunks(s.channels * s.bands * s.frames)
        .zip(values.par_chunks_mut(s.out * s.pooled()).zip(places.par_chunks_mut(s.out * s.pooled())))
        .zip(shares.par_iter_mut())
        .map(|((x, (values, places)), sums)| clip.run(x, values, places, sums))
        .collect();
    drop(shares);
    let moments = (0..s.out)
        .map(|o| {
            let all = spreads.iter().fold(Spread::default(), |all, clip| all.and(clip[o]));
            (all.mean, all.squares / all.count)
        })
        .collect();
    Pooled { values, places, sums, moments }
}

struct Clip<'c> {
    s: &'c PlaneShape,
    packed: &'c Packed,
    offsets: Vec<usize>,
    falling: &'c [bool],
}

impl Clip<'_> {
    fn run(&self, x: &[f32], values: &mut [f32], places: &mut [u16], kept: &mut [f32]) -> Vec<Spread> {
        let s = self.s;
        let mut planes = vec![0.0; s.channels * s.padded()];
        s.pad(x, &mut planes);
        let mut columns = Columns::new(s);
        let mut spreads = vec![Spread::default(); s.out];
        let stride =
            if kept.is_empty() { (s.strip_bands() * s.row()).next_multiple_of(64) + 64 } else { s.sums() };
        let mut strip = vec![0.0; if kept.is_empty() { 6 * stride } else { 0 }];
        for band in (0..s.bands).step_by(s.strip_bands()) {
            let bands = s.strip_bands().min(s.bands - band);
            for group in 0..self.packed.groups() {
                let outs = self.packed.group(group);
                let sums = if kept.is_empty() {
                    &mut strip[..outs.len() * stride]
                } else {
                    &mut kept[outs.start * stride..outs.end * stride][band * s.row()..]
                };
                let convolve = Convolve {
                    weights: self.packed,
                    group,
                    planes: &planes,
                    offsets: &self.offsets,
                    first: band * s.row(),
                    count: bands * s.row(),
                    sums: &mut *sums,
                    stride,
                };
                convolve.run();
                for (sums, o) in sums.chunks(stride).zip(outs) {
                    let at = o * s.pooled() + band / s.pool[0] * s.out_frames;
                    let end = (o + 1) * s.pooled();
                    let (values, places) = (&mut values[at.min(end)..end], &mut places[at.min(end)..end]);
                    let spread = Measure {
                        s,
                        columns: &mut columns,
                        sums,
                        bands,
                        falling: self.falling[o],
                        values,
                        places,
                    }
                    .run();
                    spreads[o] = spreads[o].and(spread);
                }
            }
        }
        spreads
    }
}

/// Scale, shift, ELU and dropout of the pooled values.
pub(super) fn activate(
    s: &PlaneShape,
    values: &[f32],
    affine: impl Fn(usize) -> (f32, f32) + Sync,
    dropout: Option<Dropout>,
) -> Vec<f32> {
    let mut y = vec![0.0; values.len()];
    y.par_chunks_mut(s.pooled()).zip(values.par_chunks(s.pooled())).enumerate().for_each(
        |(plane, (y, values))| {
            let (scale, shift) = affine(plane % s.out);
            Activate { values, scale, shift, y: &mut *y }.run();
            if let Some(dropout) = dropout {
                for (i, y) in y.iter_mut().enumerate() {
                    *y *= dropout.factor(plane * s.pooled() + i);
                }
            }
        },
    );
    y
}
