//! From what was coded to the lines of the mono mix (ISO/IEC 11172-3, 2.4.3.4.7 and 2.4.3.4.8).

use super::bands::Bands;
use super::huffman::Lines;
use super::scale_factors::Factors;
use super::side_info::Part;
use std::sync::OnceLock;

/// One factor a band.
pub(super) type Gains = [f32; 39];

/// What the scale factors of long bands are raised by with [`Part::high_boost`] (table B.6).
const HIGH_BOOST: [u8; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];

/// Quarters of a power of two below which every factor lies, and how many of them there are.
const LOWEST: i32 = -512;
const COUNT: usize = 576;

/// Powers of two in quarters, from [`LOWEST`] on.
fn powers() -> &'static [f32; COUNT] {
    static POWERS: OnceLock<[f32; COUNT]> = OnceLock::new();
    POWERS.get_or_init(|| std::array::from_fn(|at| (f64::from(at as i32 + LOWEST) / 4.0).exp2() as f32))
}

/// The step of each band that begins below line `limit`, times its weight in the mix.
pub(super) fn gains(part: &Part, factors: &Factors, bands: &Bands, weights: &Gains, limit: usize) -> Gains {
    let powers = powers();
    let shift = if part.coarse { 2 } else { 1 };
    // 2.4.3.4.7: 210 is no gain, and a window's gain is worth eight quarters.
    let long = i32::from(part.global_gain) - 210;
    let windows = part.window_gain.map(|gain| long - 8 * i32::from(gain));
    let mut gains = [0.0; 39];
    for band in 0..bands.count {
        if bands.lines(band).start >= limit {
            break;
        }
        let (base, factor) = if band < bands.first_short {
            let boost = if part.high_boost { HIGH_BOOST[band] } else { 0 };
            (long, factors[band] + boost)
        } else {
            (windows[(band - bands.first_short) % 3], factors[band])
        };
        let quarters = base - (i32::from(factor) << shift);
        gains[band] = powers[(quarters - LOWEST).clamp(0, COUNT as i32 - 1) as usize] * weights[band];
    }
    gains
}

/// Adds the lines of a channel, up to line `end`, to `mix`, in which the windows of short blocks take turns. Gives the
/// line after the last one that may not be zero.
pub(super) fn add(mix: &mut Lines, lines: &Lines, gains: &Gains, bands: &Bands, end: usize) -> usize {
    let mut added = 0;
    for (band, gain) in gains.iter().enumerate().take(bands.first_short) {
        let range = bands.lines(band);
        if range.start >= end {
            return added;
        }
        added = range.end.min(end);
        let range = range.start..added;
        for (mix, line) in mix[range.clone()].iter_mut().zip(&lines[range]) {
            *mix += *line * gain;
        }
    }
    for band in (bands.first_short..bands.count).step_by(3) {
        let (start, width) = (bands.lines(band).start, bands.lines(band).len());
        if start >= end {
            break;
        }
        added = start + 3 * width;
        let (first, rest) = lines[start..added].split_at(width);
        let (second, third) = rest.split_at(width);
        let gains = [gains[band], gains[band + 1], gains[band + 2]];
        let mix = mix[start..added].as_chunks_mut::<3>().0;
        for (((mix, first), second), third) in mix.iter_mut().zip(first).zip(second).zip(third) {
            mix[0] += *first * gains[0];
            mix[1] += *second * gains[1];
            mix[2] += *third * gains[2];
        }
    }
    added
}
