//! The window of the synthesis filter bank (ISO/IEC 11172-3, table B.3).

use std::sync::OnceLock;

/// The first 257 coefficients in units of 2^-16, in which all of them are whole. The others are these in reverse, with
/// the other sign unless the index is a multiple of 64.
#[rustfmt::skip]
const HALF: [i32; 257] = [
    0, -1, -1, -1, -1, -1, -1, -2, -2, -2, -2, -3, -3, -4, -4, -5, -5, -6, -7, -7, -8, -9, -10, -11, -13,
    -14, -16, -17, -19, -21, -24, -26, -29, -31, -35, -38, -41, -45, -49, -53, -58, -63, -68, -73, -79,
    -85, -91, -97, -104, -111, -117, -125, -132, -139, -147, -154, -161, -169, -176, -183, -190, -196,
    -202, -208, 213, 218, 222, 225, 227, 228, 228, 227, 224, 221, 215, 208, 200, 189, 177, 163, 146, 127,
    106, 83, 57, 29, -2, -36, -72, -111, -153, -197, -244, -294, -347, -401, -459, -519, -581, -645, -711,
    -779, -848, -919, -991, -1064, -1137, -1210, -1283, -1356, -1428, -1498, -1567, -1634, -1698, -1759,
    -1817, -1870, -1919, -1962, -2001, -2032, -2057, -2075, -2085, -2087, -2080, -2063, 2037, 2000, 1952,
    1893, 1822, 1739, 1644, 1535, 1414, 1280, 1131, 970, 794, 605, 402, 185, -45, -288, -545, -814, -1095,
    -1388, -1692, -2006, -2330, -2663, -3004, -3351, -3705, -4063, -4425, -4788, -5153, -5517, -5879,
    -6237, -6589, -6935, -7271, -7597, -7910, -8209, -8491, -8755, -8998, -9219, -9416, -9585, -9727,
    -9838, -9916, -9959, -9966, -9935, -9863, -9750, -9592, -9389, -9139, -8840, -8492, -8092, -7640,
    -7134, 6574, 5959, 5288, 4561, 3776, 2935, 2037, 1082, 70, -998, -2122, -3300, -4533, -5818, -7154,
    -8540, -9975, -11455, -12980, -14548, -16155, -17799, -19478, -21189, -22929, -24694, -26482, -28289,
    -30112, -31947, -33791, -35640, -37489, -39336, -41176, -43006, -44821, -46617, -48390, -50137, -51853,
    -53534, -55178, -56778, -58333, -59838, -61289, -62684, -64019, -65290, -66494, -67629, -68692, -69679,
    -70590, -71420, -72169, -72835, -73415, -73908, -74313, -74630, -74856, -74992, 75038,
];

/// Coefficient `index` of 512.
fn coefficient(index: usize) -> f32 {
    let units = match index {
        0..=256 => HALF[index],
        _ if index.is_multiple_of(64) => HALF[512 - index],
        _ => -HALF[512 - index],
    };
    units as f32 / 65536.0
}

/// What the sixteen slots up to the present one contribute to one of the 32 samples of a slot.
///
/// 2.4.3.2.2 makes 64 values V of each slot, V(i) being C(16 + i) with C(m) the sum over the sub-bands k of
/// s(k) cos(m (2k + 1) pi / 64), and takes V(n) of the slots that lie an even number back and V(32 + n) of the others.
/// As C(64 - m) = -C(m) and C(64 + m) = -C(m), the 32 values C(0) to C(31) say it all.
#[derive(Clone, Copy)]
pub(super) struct Taps {
    /// Which C the slots an even number back give, and which the others.
    pub rows: [usize; 2],
    /// What they count, the present slot first.
    pub weights: [f32; 16],
}

/// The taps of all 32 samples of a slot.
pub(super) fn taps() -> &'static [Taps; 32] {
    static TAPS: OnceLock<[Taps; 32]> = OnceLock::new();
    TAPS.get_or_init(|| {
        std::array::from_fn(|n| {
            let (even, sign) = match n {
                0..16 => (16 + n, 1.0),
                // C(32) is zero.
                16 => (0, 0.0),
                _ => (48 - n, -1.0),
            };
            let odd = n.abs_diff(16);
            let weights = std::array::from_fn(|back| {
                coefficient(32 * back + n) * if back % 2 == 0 { sign } else { -1.0 }
            });
            Taps { rows: [even, odd], weights }
        })
    })
}
