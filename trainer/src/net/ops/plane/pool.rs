//! What is asked of the sums while they are in the cache: their moments, and each pooling window's extreme.
//!
//! Batch norm, ELU and multiplication rise or fall monotonically, so a window's maximum behind them is where the sums
//! are greatest, or least where `gamma` is negative. It is known before the moments are, and the sums need not be
//! read again.

use super::shape::PlaneShape;
use pulp::{Simd, WithSimd};

/// Partial sums that are added up side by side.
const LANES: usize = 16;

/// Count, mean and sum of squared deviations.
#[derive(Clone, Copy, Default)]
pub(super) struct Spread {
    pub count: f64,
    pub mean: f64,
    pub squares: f64,
}

impl Spread {
    /// Of both (Chan, Golub, LeVeque 1979).
    pub fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * other.count / count,
            squares: self.squares + other.squares + apart * apart * self.count * other.count / count,
        }
    }
}

/// Pools a strip of one channel and takes its spread. Vector code for this processor.
pub(super) struct Measure<'m> {
    pub s: &'m PlaneShape,
    pub columns: &'m mut Columns,
    /// The strip, from its first band on.
    pub sums: &'m [f32],
    pub bands: usize,
    /// Whether the least value of a window is wanted instead of the greatest.
    pub falling: bool,
    /// The strip's first row of windows and all behind it.
    pub values: &'m mut [f32],
    pub places: &'m mut [u16],
}

impl Measure<'_> {
    pub fn run(self) -> Spread {
        pulp::Arch::new().dispatch(self)
    }
}

impl WithSimd for Measure<'_> {
    type Output = Spread;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Spread {
        let Self { s, columns, sums, bands, falling, values, places } = self;
        let rows = values.chunks_exact_mut(s.out_frames).zip(places.chunks_exact_mut(s.out_frames));
        for (i, (values, places)) in rows.take(bands / s.pool[0]).enumerate() {
            extremes(s, columns, &sums[i * s.pool[0] * s.row()..], falling, values, places);
        }
        spread(s, sums, bands)
    }
}

/// `y = ELU(scale * values + shift)`. Vector code for this processor.
pub(super) struct Activate<'a> {
    pub values: &'a [f32],
    pub scale: f32,
    pub shift: f32,
    pub y: &'a mut [f32],
}

impl Activate<'_> {
    pub fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, &value) in self.y.iter_mut().zip(self.values) {
            *y = elu(self.scale * value + self.shift);
        }
    }
}

/// Sum over `f` of all values.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = [0.0f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f(value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += f(value);
    }
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

/// Spread of a strip of bands: `rows` holds `bands` bands, `row` apart, of which `frames` values count. Deviations are
/// taken from the strip's own mean, so that float32 loses nothing on channels far from zero.
#[inline(always)]
fn spread(s: &PlaneShape, rows: &[f32], bands: usize) -> Spread {
    let row = |band: usize| &rows[band * s.row()..][..s.frames];
    let count = (bands * s.frames) as f64;
    let mean = (0..bands).map(|band| sum(row(band), |v| v)).sum::<f64>() / count;
    let centre = mean as f32;
    // What rounding the centre to float32 leaves over.
    let rest = mean - f64::from(centre);
    let squares = (0..bands).map(|band| sum(row(band), |v| (v - centre) * (v - centre))).sum::<f64>();
    Spread { count, mean, squares: (squares - count * rest * rest).max(0.0) }
}

/// Room for one row of windows.
pub(super) struct Columns {
    top: Vec<f32>,
    at: Vec<u32>,
}

impl Columns {
    pub fn new(s: &PlaneShape) -> Self {
        Self { top: vec![0.0; s.frames], at: vec![0; s.frames] }
    }
}

/// The extremes of one row of windows, `rows` beginning at its first band: their values, and their places within the
/// window, counted frame by frame and in each band by band; of equals the first.
#[inline(always)]
fn extremes(
    s: &PlaneShape,
    columns: &mut Columns,
    rows: &[f32],
    falling: bool,
    values: &mut [f32],
    places: &mut [u16],
) {
    let [pool_bands, pool_frames] = s.pool;
    let width = s.out_frames * pool_frames;
    let sign = if falling { -1.0 } else { 1.0 };
    let (top, at) = (&mut columns.top[..width], &mut columns.at[..width]);
    for (top, &value) in top.iter_mut().zip(rows) {
        *top = sign * value;
    }
    at.fill(0);
    for band in 1..pool_bands {
        let place = band as u32;
        for ((top, at), &value) in top.iter_mut().zip(at.iter_mut()).zip(&rows[band * s.row()..]) {
            let value = sign * value;
            let higher = value > *top;
            *top = if higher { value } else { *top };
            *at = if higher { place } else { *at };
        }
    }
    match pool_frames {
        1 => across::<1>(s, top, at, sign, values, places),
        2 => across::<2>(s, top, at, sign, values, places),
        3 => across::<3>(s, top, at, sign, values, places),
        4 => across::<4>(s, top, at, sign, values, places),
        5 => across::<5>(s, top, at, sign, values, places),
        8 => across::<8>(s, top, at, sign, values, places),
        _ => {
            let windows = top.chunks_exact(pool_frames).zip(at.chunks_exact(pool_frames));
            for ((top, at), (value, place)) in windows.zip(values.iter_mut().zip(places)) {
                (*value, *place) = window(s, top, at, sign);
            }
        }
    }
}

/// Windows of a width known beforehand, `LANES` side by side.
#[inline(always)]
fn across<const WIDTH: usize>(
    s: &PlaneShape,
    top: &[f32],
    at: &[u32],
    sign: f32,
    values: &mut [f32],
    places: &mut [u16],
) {
    let (top, top_end) = top.as_chunks::<WIDTH>().0.as_chunks::<LANES>();
    let (at, at_end) = at.as_chunks::<WIDTH>().0.as_chunks::<LANES>();
    let (values, values_end) = values.as_chunks_mut::<LANES>();
    let (places, places_end) = places.as_chunks_mut::<LANES>();
    for ((top, at), (values, places)) in top.iter().zip(at).zip(values.iter_mut().zip(places)) {
        let (mut highest, mut place) = ([0.0; LANES], [0; LANES]);
        for i in 0..LANES {
            (highest[i], place[i]) = (top[i][0], at[i][0]);
        }
        for j in 1..WIDTH {
            for i in 0..LANES {
                let (top, at) = (top[i][j], at[i][j] + (j * s.pool[0]) as u32);
                let higher = top > highest[i];
                highest[i] = if higher { top } else { highest[i] };
                place[i] = if higher { at } else { place[i] };
            }
        }
        for i in 0..LANES {
            values[i] = sign * highest[i];
            places[i] = place[i] as u16;
        }
    }
    for ((top, at), (value, place)) in top_end.iter().zip(at_end).zip(values_end.iter_mut().zip(places_end)) {
        (*value, *place) = window(s, top, at, sign);
    }
}

#[inline(always)]
fn window(s: &PlaneShape, top: &[f32], at: &[u32], sign: f32) -> (f32, u16) {
    let (mut highest, mut place) = (top[0], at[0]);
    for (j, (&top, &at)) in top.iter().zip(at).enumerate().skip(1) {
        let higher = top > highest;
        highest = if higher { top } else { highest };
        place = if higher { at + (j * s.pool[0]) as u32 } else { place };
    }
    (sign * highest, place as u16)
}

/// ELU: `x` above 0, `exp(x) - 1` below. Polynomial of degree 7 on half an octave, right to 2e-7 of the larger of the
/// value and its argument; the loops around it become vector instructions, which the library's `exp_m1` does not.
#[inline(always)]
fn elu(x: f32) -> f32 {
    /// Adding it rounds to whole numbers, which then stand in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let below = if x > 0.0 { 0.0 } else { x };
    let below = if below < -87.0 { -87.0 } else { below };
    let rounded = below * std::f32::consts::LOG2_E + ROUND;
    let octaves = rounded - ROUND;
    let r = below - octaves * LN_2_HIGH - octaves * LN_2_LOW;
    let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0)));
    let less_one = r + r * r * (0.5 + r * (1.0 / 6.0 + r * tail));
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    let power = f32::from_bits(power);
    let curve = power * less_one + (power - 1.0);
    if x > 0.0 { x } else { curve }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elu_equals_the_library() {
        for i in -2_000_000..200_000 {
            let x = i as f32 * 5e-5;
            let want = if x > 0.0 { x } else { x.exp_m1() };
            assert!(
                (elu(x) - want).abs() <= 2e-7 * want.abs().max(x.abs().min(1.0)),
                "{x}: {} {want}",
                elu(x)
            );
        }
        assert_eq!(elu(f32::NEG_INFINITY), -1.0);
        assert!(elu(f32::NAN).is_nan());
    }

    #[test]
    fn spreads_add_up() {
        let values: Vec<f32> = (0..40).map(|i| 1000.0 + (i * 7 % 11) as f32).collect();
        let of = |values: &[f32]| {
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
            Spread { count: values.len() as f64, mean, squares }
        };
        let (both, whole) = (of(&values[..13]).and(of(&values[13..])), of(&values));
        assert!((both.mean - whole.mean).abs() < 1e-9 && (both.squares - whole.squares).abs() < 1e-6);
    }
}
