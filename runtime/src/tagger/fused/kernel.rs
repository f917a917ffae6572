//! The innermost loops: a few frames times sixteen output channels, kept in registers.
//!
//! Without padding, convolution over time needs no rearranged input. With frames outermost, the taps of neighbouring
//! frames are one contiguous row of the input; with channels outermost, each channel's row is one too.

use pulp::Simd;

/// Output channels that are computed together.
pub(super) const LANES: usize = 16;
/// One value for each of them.
pub(super) type Lanes = [f32; LANES];

/// The input of one clip and how it lies in memory.
#[derive(Clone, Copy)]
pub(super) enum Input<'x> {
    /// `[frames, channels]`.
    FramesFirst { x: &'x [f32], channels: usize },
    /// `[channels, frames]`.
    ChannelsFirst { x: &'x [f32], frames: usize },
}

/// `ROWS` frames of the convolution from `first` on; `VECTORS` vectors of `S` hold `LANES` values. `weights` has one
/// row per tap and channel, in the order in which they are met here: taps outermost where frames are, channels
/// outermost where channels are.
#[inline(always)]
pub(super) fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    input: Input<'_>,
    first: usize,
    taps: usize,
    weights: &[Lanes],
    bias: &Lanes,
    out: &mut [Lanes; ROWS],
) {
    let (bias, _) = S::as_simd_f32s(bias);
    let Some(bias) = bias.first_chunk::<VECTORS>() else { return };
    let mut sums = [*bias; ROWS];
    let (weights, _) = S::as_simd_f32s(weights.as_flattened());
    let (weights, _) = weights.as_chunks::<VECTORS>();
    match input {
        Input::FramesFirst { x, channels } => {
            let depth = taps * channels;
            let rows: [&[f32]; ROWS] = std::array::from_fn(|i| &x[(first + i) * channels..][..depth]);
            for (k, w) in weights[..depth].iter().enumerate() {
                for i in 0..ROWS {
                    let x = simd.splat_f32s(rows[i][k]);
                    for v in 0..VECTORS {
                        sums[i][v] = simd.mul_add_e_f32s(x, w[v], sums[i][v]);
                    }
                }
            }
        }
        Input::ChannelsFirst { x, frames } => {
            for (x, weights) in x.chunks_exact(frames).zip(weights.chunks_exact(taps)) {
                let x = &x[first..][..ROWS + taps - 1];
                for (x, w) in x.windows(ROWS).zip(weights) {
                    for i in 0..ROWS {
                        let x = simd.splat_f32s(x[i]);
                        for v in 0..VECTORS {
                            sums[i][v] = simd.mul_add_e_f32s(x, w[v], sums[i][v]);
                        }
                    }
                }
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        let (out, _) = S::as_mut_simd_f32s(out);
        out.copy_from_slice(sums);
    }
}
