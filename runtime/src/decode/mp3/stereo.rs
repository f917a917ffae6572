//! How much of each channel's bands the mono mix takes (ISO/IEC 11172-3, 2.4.3.4.9; 13818-3, 2.4.3.2).
//!
//! The mix is half the sum of left and right. With middle and side, left is (m + s) / sqrt(2) and right (m - s) / sqrt(2):
//! the mix is m / sqrt(2). With intensity stereo, both are shares of the first channel, and so is the mix.

use super::bands::Bands;
use super::header::Header;
use super::huffman::Lines;
use super::requantise::Gains;
use super::scale_factors::Factors;
use super::side_info::Part;
use std::f32::consts::FRAC_1_SQRT_2;

/// Weights of the two channels, by band.
pub(super) type Weights = [Gains; 2];

/// The weights where no band has intensity stereo.
pub(super) fn plain(header: &Header) -> &'static Weights {
    match (header.channels, header.mid_side) {
        (1, _) => &[[1.0; 39], [0.0; 39]],
        (_, true) => &[[FRAC_1_SQRT_2; 39], [0.0; 39]],
        (_, false) => &[[0.5; 39], [0.5; 39]],
    }
}

/// The weights with intensity stereo: it is used in all bands above the last one in which the second channel has a line
/// that is not zero, in each window of short blocks for itself. What would be its scale factors say where the sound is.
pub(super) fn with_intensity(header: &Header, bands: &Bands, side: (&Part, &Factors, &Lines)) -> Weights {
    let (part, factors, lines) = side;
    let mut weights = *plain(header);
    let mut places = *factors;
    // The last band has no scale factors: it goes where the one before it goes.
    let last = if bands.first_short == bands.count { 1 } else { 3 };
    places.copy_within(bands.count - 2 * last..bands.count - last, bands.count - last);
    let mut silent = [true; 3];
    for band in (0..bands.count).rev() {
        let is_zero = lines[bands.lines(band)].iter().all(|line| *line == 0.0);
        let goes_on = if band < bands.first_short {
            silent = [is_zero && silent == [true; 3]; 3];
            silent[0]
        } else {
            let window = &mut silent[(band - bands.first_short) % 3];
            *window &= is_zero;
            *window
        };
        if silent == [false; 3] {
            break;
        }
        if let Some(share) = share(header, part, places[band]).filter(|_| goes_on) {
            (weights[0][band], weights[1][band]) = (share, 0.0);
        }
    }
    weights
}

/// The share of the first channel that the mix takes; nothing for the place that says that the band has no intensity
/// stereo.
fn share(header: &Header, part: &Part, place: u8) -> Option<f32> {
    if header.is_mpeg1() {
        // Left and right are r / (1 + r) and 1 / (1 + r).
        return (place < 7).then_some(0.5);
    }
    // 13818-3: one of the channels is as loud as the first, the other softer by some steps.
    let step = if part.scale_compress & 1 == 1 { FRAC_1_SQRT_2 } else { FRAC_1_SQRT_2.sqrt() };
    let steps = i32::from(place).div_euclid(2) + i32::from(place & 1);
    (place < 31).then(|| (1.0 + step.powi(steps)) / 2.0)
}
