//! The passes between the products, sixteen channels at a time.
//!
//! Written as plain loops over arrays of [`LANES`] numbers, which the compiler turns into the vectors of the processor
//! that [`pulp`] finds. Matrices have channels in rows of whole vectors; what is beyond the last channel is never looked
//! at.

/// Numbers in a vector.
pub(super) const LANES: usize = 16;

type Lane = [f32; LANES];

/// Frames that are looked at together: of these the sums are in float32, beyond them in float64.
const BLOCK: usize = 64;

/// Per channel over some frames: how many, their mean, and the sum of squares about it.
#[derive(Clone)]
pub(super) struct Sums {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    pub fn new(stride: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; stride], squares: vec![0.0; stride] }
    }

    /// Adds others (Chan, Golub, LeVeque 1983).
    pub fn add(&mut self, other: &Sums) {
        if other.count == 0.0 {
            return;
        }
        let (weight, both) = (other.count / (self.count + other.count), self.count + other.count);
        let mine = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (m, s)) in mine.zip(other.mean.iter().zip(&other.squares)) {
            let delta = m - *mean;
            *mean += delta * weight;
            *squares += s + delta * delta * self.count * weight;
        }
        self.count = both;
    }

    /// Means and (biased) variances of the first `channels`.
    pub fn moments(&self, channels: usize) -> (Vec<f32>, Vec<f32>) {
        let mean = self.mean[..channels].iter().map(|&m| m as f32).collect();
        let variance = self.squares[..channels].iter().map(|&s| (s / self.count) as f32).collect();
        (mean, variance)
    }
}

/// Pools one clip's frames `y`: of every `pool` the one that is largest after multiplication with `sign`, into `top`. Adds
/// all of them to `sums`, when there are any.
pub(super) fn pool(
    y: &[f32],
    stride: usize,
    pool: usize,
    sign: &[f32],
    top: &mut [f32],
    sums: Option<&mut Sums>,
) {
    pulp::Arch::new().dispatch(|| pool_inline(y, stride, pool, sign, top, sums));
}

#[inline(always)]
fn pool_inline(
    y: &[f32],
    stride: usize,
    pool: usize,
    sign: &[f32],
    top: &mut [f32],
    mut sums: Option<&mut Sums>,
) {
    let (lanes, block) = (stride / LANES, (BLOCK / pool).max(1) * pool);
    let (y, sign) = (y.as_chunks::<LANES>().0, sign.as_chunks::<LANES>().0);
    let top = top.as_chunks_mut::<LANES>().0;
    for (b, y) in y.chunks(block * lanes).enumerate() {
        let frames = y.len() / lanes;
        for lane in 0..lanes {
            if let Some(sums) = sums.as_deref_mut() {
                let (mean, squares) = block_sums(&y[lane..], lanes, frames);
                let at = lane * LANES;
                let n = frames as f64;
                let weight = n / (sums.count + n);
                let kept = sums.mean[at..at + LANES].iter_mut().zip(&mut sums.squares[at..at + LANES]);
                for (i, (m, s)) in kept.enumerate() {
                    let delta = f64::from(mean[i]) - *m;
                    *m += delta * weight;
                    *s += f64::from(squares[i]) + delta * delta * sums.count * weight;
                }
            }
            let sign = &sign[lane];
            for w in 0..frames / pool {
                let mut best = y[w * pool * lanes + lane];
                for k in 1..pool {
                    let v = &y[(w * pool + k) * lanes + lane];
                    for i in 0..LANES {
                        best[i] = if v[i] * sign[i] > best[i] * sign[i] { v[i] } else { best[i] };
                    }
                }
                top[(b * block / pool + w) * lanes + lane] = best;
            }
        }
        if let Some(sums) = sums.as_deref_mut() {
            sums.count += frames as f64;
        }
    }
}

/// Mean and sum of squares about it of every `lanes`-th of `y`.
#[inline(always)]
fn block_sums(y: &[Lane], lanes: usize, frames: usize) -> (Lane, Lane) {
    let mut mean = total(y, lanes, frames, |v, _| v);
    mean.iter_mut().for_each(|m| *m /= frames as f32);
    (mean, total(y, lanes, frames, |v, i| (v - mean[i]) * (v - mean[i])))
}

/// Sum of `f` over every `lanes`-th of `y`, as four sums that do not wait for one another.
#[inline(always)]
fn total(y: &[Lane], lanes: usize, frames: usize, f: impl Fn(f32, usize) -> f32) -> Lane {
    let mut sums = [[0.0f32; LANES]; 4];
    for t in 0..frames / 4 {
        for (k, sum) in sums.iter_mut().enumerate() {
            let v = &y[(4 * t + k) * lanes];
            for i in 0..LANES {
                sum[i] += f(v[i], i);
            }
        }
    }
    for t in frames / 4 * 4..frames {
        let v = &y[t * lanes];
        for i in 0..LANES {
            sums[0][i] += f(v[i], i);
        }
    }
    let [a, b, c, d] = sums;
    std::array::from_fn(|i| (a[i] + b[i]) + (c[i] + d[i]))
}

/// ELU of the normalised maxima `top` [frames, channels] of one clip, as `out` [channels, frames].
pub(super) fn activate(
    top: &[f32],
    stride: usize,
    scale: &[f32],
    shift: &[f32],
    out: &mut [f32],
    frames: usize,
) {
    pulp::Arch::new().dispatch(|| activate_inline(top, stride, scale, shift, out, frames));
}

#[inline(always)]
fn activate_inline(top: &[f32], stride: usize, scale: &[f32], shift: &[f32], out: &mut [f32], frames: usize) {
    let lanes = stride / LANES;
    let top = top.as_chunks::<LANES>().0;
    let (scale, shift) = (scale.as_chunks::<LANES>().0, shift.as_chunks::<LANES>().0);
    for (lane, out) in out.chunks_mut(LANES * frames).enumerate() {
        let (scale, shift) = (&scale[lane], &shift[lane]);
        for from in (0..frames).step_by(LANES) {
            let count = LANES.min(frames - from);
            let mut tile = [[0.0; LANES]; LANES];
            for (t, row) in tile[..count].iter_mut().enumerate() {
                let v = &top[(from + t) * lanes + lane];
                for i in 0..LANES {
                    row[i] = elu(v[i] * scale[i] + shift[i]);
                }
            }
            for (i, out) in out.chunks_mut(frames).enumerate() {
                for (out, row) in out[from..from + count].iter_mut().zip(&tile) {
                    *out = row[i];
                }
            }
        }
    }
}

/// ELU without a branch, so that it runs in vectors; within 2 units in the last place of `exp_m1`.
#[inline(always)]
fn elu(z: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 x 2^23: adding it leaves no digits after the point
    let x = z.clamp(-87.0, 0.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let tail = 1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0))));
    let less = r + r * r * (0.5 + r * tail);
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    let below = power * less + (power - 1.0);
    if z <= 0.0 { below } else { z } // a NaN stays one
}

/// What a clip's gradient of the output needs to go back through ELU and the normalisation.
pub(super) struct Normal<'a> {
    pub mean: &'a [f32],
    pub inverse: &'a [f32],
}

/// Gradients `grad` [channels, frames] of one clip's output `out`, taken back through ELU, as `g` [frames, channels]. Adds
/// to the gradients of shift and scale: `dbeta`, `dgamma`.
pub(super) fn slopes(
    (grad, out, frames): (&[f32], &[f32], usize),
    (top, stride): (&[f32], usize),
    normal: &Normal<'_>,
    g: &mut [f32],
    (dbeta, dgamma): (&mut [f64], &mut [f64]),
) {
    pulp::Arch::new()
        .dispatch(|| slopes_inline((grad, out, frames), (top, stride), normal, g, (dbeta, dgamma)));
}

#[inline(always)]
fn slopes_inline(
    (grad, out, frames): (&[f32], &[f32], usize),
    (top, stride): (&[f32], usize),
    normal: &Normal<'_>,
    g: &mut [f32],
    (dbeta, dgamma): (&mut [f64], &mut [f64]),
) {
    let lanes = stride / LANES;
    let (top, g) = (top.as_chunks::<LANES>().0, g.as_chunks_mut::<LANES>().0);
    let mean = normal.mean.as_chunks::<LANES>().0;
    let inverse = normal.inverse.as_chunks::<LANES>().0;
    let channels = grad.chunks(LANES * frames).zip(out.chunks(LANES * frames));
    for (lane, (grad, out)) in channels.enumerate() {
        let (mut sum, mut sum_with_x) = ([0.0f32; LANES], [0.0f32; LANES]);
        for from in (0..frames).step_by(LANES) {
            let count = LANES.min(frames - from);
            let mut tile = [[0.0; LANES]; LANES];
            for (i, (grad, out)) in grad.chunks(frames).zip(out.chunks(frames)).enumerate() {
                let values = grad[from..from + count].iter().zip(&out[from..from + count]);
                for (row, (&grad, &out)) in tile.iter_mut().zip(values) {
                    row[i] = grad * (out.min(0.0) + 1.0);
                }
            }
            for (t, row) in tile[..count].iter().enumerate() {
                let at = (from + t) * lanes + lane;
                let x = &top[at];
                for i in 0..LANES {
                    sum[i] += row[i];
                    sum_with_x[i] += row[i] * ((x[i] - mean[lane][i]) * inverse[lane][i]);
                }
                g[at] = *row;
            }
        }
        for (i, (b, g)) in dbeta.iter_mut().zip(dgamma.iter_mut()).skip(lane * LANES).take(LANES).enumerate()
        {
            *b += f64::from(sum[i]);
            *g += f64::from(sum_with_x[i]);
        }
    }
}

/// The dense gradient of a convolution's output: `base + slope y` everywhere, and `scale g` more at each window's maximum.
pub(super) struct Dense<'a> {
    pub scale: &'a [f32],
    pub slope: &'a [f32],
    pub base: &'a [f32],
}

/// Gradient `dy` of one clip's convolution `y`, both [frames, channels], of its maxima `top` and their gradient `g`.
pub(super) fn spread(
    (y, stride, pool): (&[f32], usize, usize),
    (top, g): (&[f32], &[f32]),
    dense: &Dense<'_>,
    dy: &mut [f32],
) {
    pulp::Arch::new().dispatch(|| spread_inline((y, stride, pool), (top, g), dense, dy));
}

#[inline(always)]
fn spread_inline(
    (y, stride, pool): (&[f32], usize, usize),
    (top, g): (&[f32], &[f32]),
    dense: &Dense<'_>,
    dy: &mut [f32],
) {
    let lanes = stride / LANES;
    let (y, dy) = (y.as_chunks::<LANES>().0, dy.as_chunks_mut::<LANES>().0);
    let (top, g) = (top.as_chunks::<LANES>().0, g.as_chunks::<LANES>().0);
    let scale = dense.scale.as_chunks::<LANES>().0;
    let slope = dense.slope.as_chunks::<LANES>().0;
    let base = dense.base.as_chunks::<LANES>().0;
    let windows = top.len() / lanes;
    for w in 0..windows {
        for lane in 0..lanes {
            // Copies: the compiler could not tell that what is written is not what is read.
            let (scale, slope, base) = (scale[lane], slope[lane], base[lane]);
            let (top, g) = (top[w * lanes + lane], g[w * lanes + lane]);
            let mut left: Lane = std::array::from_fn(|i| g[i] * scale[i]);
            for k in 0..pool {
                let at = (w * pool + k) * lanes + lane;
                let y = y[at];
                // The first maximum takes it all.
                let here: Lane = std::array::from_fn(|i| if y[i] == top[i] { left[i] } else { 0.0 });
                left = std::array::from_fn(|i| left[i] - here[i]);
                dy[at] = std::array::from_fn(|i| base[i] + slope[i] * y[i] + here[i]);
            }
        }
    }
    let rest = windows * pool * lanes;
    for (at, (y, dy)) in y[rest..].iter().zip(&mut dy[rest..]).enumerate() {
        let lane = at % lanes;
        for i in 0..LANES {
            dy[i] = base[lane][i] + slope[lane][i] * y[i];
        }
    }
}

/// `to` [cols, rows] becomes `from` [rows, cols] with rows and columns exchanged.
pub(super) fn transpose(from: &[f32], rows: usize, cols: usize, to: &mut [f32]) {
    pulp::Arch::new().dispatch(|| transpose_inline(from, rows, cols, to));
}

#[inline(always)]
fn transpose_inline(from: &[f32], rows: usize, cols: usize, to: &mut [f32]) {
    let (from, to) = (&from[..rows * cols], &mut to[..rows * cols]);
    for r in (0..rows).step_by(LANES) {
        for c in (0..cols).step_by(LANES) {
            if r + LANES <= rows && c + LANES <= cols {
                let mut tile = [[0.0; LANES]; LANES];
                for (k, row) in tile.iter_mut().enumerate() {
                    row.copy_from_slice(&from[(r + k) * cols + c..][..LANES]);
                }
                for i in 0..LANES {
                    let column: Lane = std::array::from_fn(|k| tile[k][i]);
                    to[(c + i) * rows + r..][..LANES].copy_from_slice(&column);
                }
            } else {
                for i in c..cols.min(c + LANES) {
                    for k in r..rows.min(r + LANES) {
                        to[i * rows + k] = from[k * cols + i];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elu_equals_the_definition() {
        for i in -20_000..200 {
            let z = i as f32 * 0.005;
            let want = if z > 0.0 { z } else { z.exp_m1() };
            assert!((elu(z) - want).abs() <= 2.5e-7 * want.abs(), "{z}: {} {want}", elu(z));
        }
        assert_eq!(elu(f32::NEG_INFINITY), -1.0);
        assert!(elu(f32::NAN).is_nan());
    }

    #[test]
    fn transposing_exchanges_rows_and_columns() {
        for (rows, cols) in [(1, 1), (16, 16), (33, 50), (5, 40), (96, 17)] {
            let from: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let mut to = vec![0.0; rows * cols];
            transpose(&from, rows, cols, &mut to);
            for r in 0..rows {
                for c in 0..cols {
                    assert_eq!(to[c * rows + r], from[r * cols + c]);
                }
            }
        }
    }

    #[test]
    fn sums_do_not_depend_on_where_they_are_cut() {
        let y: Vec<f32> = (0..200 * 16).map(|i| 100.0 + ((i * 7919) % 1000) as f32 * 1e-3).collect();
        let mut top = vec![0.0; 200 * 16];
        let mut whole = Sums::new(16);
        pool(&y, 16, 1, &[1.0; 16], &mut top, Some(&mut whole));
        let mut parts = Sums::new(16);
        for y in y.chunks(37 * 16) {
            let mut part = Sums::new(16);
            pool(y, 16, 1, &[1.0; 16], &mut top, Some(&mut part));
            parts.add(&part);
        }
        for c in 0..16 {
            let column = || y.iter().skip(c).step_by(16).map(|&v| f64::from(v));
            let mean = column().sum::<f64>() / 200.0;
            let variance = column().map(|v| (v - mean).powi(2)).sum::<f64>() / 200.0;
            for sums in [&whole, &parts] {
                let (m, v) = sums.moments(16);
                assert!(
                    (f64::from(m[c]) - mean).abs() < 2e-5 && (f64::from(v[c]) / variance - 1.0).abs() < 1e-3
                );
            }
        }
    }
}
