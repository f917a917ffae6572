//! The cosine transform of the synthesis filter bank, over four slots at a time.

use wide::f32x4;

/// C(m) = sum over k < `BANDS` of x(k) cos(m (2k + 1) pi / 64), for all m below 32.
///
/// Byeong Gi Lee, "A new algorithm to compute the discrete cosine transform", 1984: the sums x(k) + x(31 - k) give the
/// even C, and their differences divided by 2 cos((2k + 1) pi / 64) give sums of two odd neighbours. Of the sub-bands
/// that are not there, nothing is computed.
#[inline(always)]
pub(super) fn dct32<const BANDS: usize>(x: &[f32x4; BANDS]) -> [f32x4; 32] {
    #[rustfmt::skip]
    const HALF_SECANTS: [f32; 16] = [
        0.500_603, 0.505_470_96, 0.515_447_3, 0.531_042_6, 0.553_103_9, 0.582_935, 0.622_504_1, 0.674_808_3,
        0.744_536_3, 0.839_349_6, 0.972_568_2, 1.169_439_9, 1.484_164_6, 2.057_781, 3.407_608_5, 10.190_008,
    ];
    let get = |k: usize| if k < BANDS { x[k] } else { f32x4::ZERO };
    let mut sums = [f32x4::ZERO; 16];
    let mut differences = [f32x4::ZERO; 16];
    for k in 0..16 {
        if 31 - k < BANDS {
            sums[k] = get(k) + get(31 - k);
            differences[k] = (get(k) - get(31 - k)) * HALF_SECANTS[k];
        } else if k < BANDS {
            sums[k] = get(k);
            differences[k] = get(k) * HALF_SECANTS[k];
        }
    }
    interleave(dct16::<BANDS>(sums), dct16::<BANDS>(differences))
}

/// The same of half the size, of which the first `BANDS` may not be zero.
#[inline(always)]
fn dct16<const BANDS: usize>(x: [f32x4; 16]) -> [f32x4; 16] {
    const HALF_SECANTS: [f32; 8] = [
        0.502_419_3,
        0.522_498_6,
        0.566_944_06,
        0.646_821_8,
        0.788_154_6,
        1.060_677_7,
        1.722_447_1,
        5.101_148_6,
    ];
    let mut sums = [f32x4::ZERO; 8];
    let mut differences = [f32x4::ZERO; 8];
    for k in 0..8 {
        if 15 - k < BANDS {
            sums[k] = x[k] + x[15 - k];
            differences[k] = (x[k] - x[15 - k]) * HALF_SECANTS[k];
        } else {
            sums[k] = x[k];
            differences[k] = x[k] * HALF_SECANTS[k];
        }
    }
    interleave(dct8(sums), dct8(differences))
}

#[inline(always)]
fn dct8(x: [f32x4; 8]) -> [f32x4; 8] {
    const HALF_SECANTS: [f32; 4] = [0.509_795_6, 0.601_344_9, 0.899_976_2, 2.562_915_3];
    let sums = std::array::from_fn(|k| x[k] + x[7 - k]);
    let differences = std::array::from_fn(|k| (x[k] - x[7 - k]) * HALF_SECANTS[k]);
    interleave(dct4(sums), dct4(differences))
}

#[inline(always)]
fn dct4(x: [f32x4; 4]) -> [f32x4; 4] {
    const HALF_SECANTS: [f32; 2] = [0.541_196_1, 1.306_563];
    let sums = std::array::from_fn(|k| x[k] + x[3 - k]);
    let differences = std::array::from_fn(|k| (x[k] - x[3 - k]) * HALF_SECANTS[k]);
    interleave(dct2(sums), dct2(differences))
}

#[inline(always)]
fn dct2(x: [f32x4; 2]) -> [f32x4; 2] {
    [x[0] + x[1], (x[0] - x[1]) * std::f32::consts::FRAC_1_SQRT_2]
}

/// The even values, and the odd ones out of half sums: each is the sum of two of them, and the last one is alone.
#[inline(always)]
fn interleave<const HALF: usize, const ALL: usize>(even: [f32x4; HALF], odd: [f32x4; HALF]) -> [f32x4; ALL] {
    let mut all = [f32x4::ZERO; ALL];
    for m in 0..HALF {
        all[2 * m] = even[m];
        all[2 * m + 1] = if m + 1 < HALF { odd[m] + odd[m + 1] } else { odd[m] };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const BANDS: usize>() {
        let x: [f32x4; BANDS] =
            std::array::from_fn(|k| f32x4::new([1.0, 2.0, 3.0, 4.0]) * (((k * 5 + 2) % 7) as f32 - 3.0));
        for (m, value) in dct32(&x).iter().enumerate() {
            let angle = |k: usize| (m * (2 * k + 1)) as f64 * std::f64::consts::PI / 64.0;
            let terms = x.iter().enumerate().map(|(k, x)| f64::from(x.to_array()[1]) * angle(k).cos());
            assert!(
                (f64::from(value.to_array()[1]) - terms.sum::<f64>()).abs() < 3e-5,
                "{BANDS} bands, C({m})"
            );
        }
    }

    #[test]
    fn it_is_the_sum_written_out() {
        check::<12>();
        check::<16>();
        check::<32>();
    }
}
