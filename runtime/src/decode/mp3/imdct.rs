//! From lines to the samples of sub-bands (ISO/IEC 11172-3, 2.4.3.4.10), four sub-bands at a time.

use std::f64::consts::PI;
use std::sync::OnceLock;
use wide::f32x4;

/// 18 samples, or 18 lines, of four sub-bands.
pub(super) type Group = [f32x4; 18];

/// Nothing.
pub(super) const SILENT: Group = [f32x4::ZERO; 18];

/// Windows, with the factors that the transforms leave out.
pub(super) struct Windows {
    /// For long blocks of the usual kind, before short ones, and after short ones.
    long: [[f32x4; 36]; 3],
    short: [f32x4; 12],
}

/// Which of the long windows.
#[derive(Clone, Copy, Debug)]
pub(super) enum LongWindow {
    Usual = 0,
    Start = 1,
    End = 2,
}

impl Windows {
    /// The windows, made the first time.
    pub fn get() -> &'static Self {
        static WINDOWS: OnceLock<Windows> = OnceLock::new();
        WINDOWS.get_or_init(|| {
            let long = [LongWindow::Usual, LongWindow::Start, LongWindow::End];
            Self {
                long: long.map(|kind| std::array::from_fn(|i| long_factor(kind, i))),
                short: std::array::from_fn(|i| factor(sine(i, 12), i, 12)),
            }
        })
    }
}

/// sin(pi / n (i + 1/2)).
fn sine(i: usize, n: usize) -> f64 {
    (PI / n as f64 * (i as f64 + 0.5)).sin()
}

/// A window's value at `i` times that which [`long`] leaves out.
fn long_factor(kind: LongWindow, i: usize) -> f32x4 {
    // 2.4.3.4.10.3, block types 0, 1 and 3; the last is the second in reverse.
    let start = |i: usize| match i {
        0..18 => sine(i, 36),
        18..24 => 1.0,
        24..30 => sine(i - 18, 12),
        _ => 0.0,
    };
    let window = match kind {
        LongWindow::Usual => sine(i, 36),
        LongWindow::Start => start(i),
        LongWindow::End => start(35 - i),
    };
    factor(window, i, 36)
}

/// The transform to n values is one to n / 2 (a DCT of type IV), of which the first quarter comes last: sample i is
/// y(i + n/4), -y(3n/4 - 1 - i) or -y(i - 3n/4). [`long`] and [`short`] give y(j) times 2 cos(pi (2j + 1) / 2n).
fn factor(window: f64, i: usize, n: usize) -> f32x4 {
    let (j, sign) = place(i, n);
    f32x4::splat((window * sign / (2.0 * (PI * (2 * j + 1) as f64 / (2 * n) as f64).cos())) as f32)
}

/// Which y sample `i` is, and its sign.
const fn place(i: usize, n: usize) -> (usize, f64) {
    if i < n / 4 {
        (i + n / 4, 1.0)
    } else if i < 3 * n / 4 {
        (3 * n / 4 - 1 - i, -1.0)
    } else {
        (i - 3 * n / 4, -1.0)
    }
}

/// Turns a long block, and what the granule before left in `next`, into the samples `now`, and leaves in `next` what
/// reaches into the next granule.
#[inline(always)]
pub(super) fn run_long(
    lines: &Group,
    windows: &Windows,
    kind: LongWindow,
    now: &mut Group,
    next: &mut Group,
) {
    let y = long(lines);
    let window = &windows.long[kind as usize];
    for i in 0..9 {
        now[i] = next[i] + y[i + 9] * window[i];
        now[i + 9] = next[i + 9] + y[17 - i] * window[i + 9];
        next[i] = y[8 - i] * window[i + 18];
        next[i + 9] = y[i] * window[i + 27];
    }
}

/// Adds a long block to the samples `now`, and what reaches into the next granule to `next`.
pub(super) fn add_long(
    lines: &Group,
    windows: &Windows,
    kind: LongWindow,
    now: &mut Group,
    next: &mut Group,
) {
    let (mut own, mut left) = (SILENT, SILENT);
    run_long(lines, windows, kind, &mut own, &mut left);
    for i in 0..18 {
        now[i] += own[i];
        next[i] += left[i];
    }
}

/// Adds three short blocks to the samples `now`, and what reaches into the next granule to `next`.
pub(super) fn add_short(lines: &Group, windows: &Windows, now: &mut Group, next: &mut Group) {
    for window in 0..3 {
        // The windows take turns.
        let y = short(std::array::from_fn(|k| lines[3 * k + window]));
        for i in 0..12 {
            let sample = y[place(i, 12).0] * windows.short[i];
            // 2.4.3.4.10.3: the first window begins at sample 6, the others 6 and 12 later.
            let at = 6 + 6 * window + i;
            if at < 18 {
                now[at] += sample;
            } else {
                next[at - 18] += sample;
            }
        }
    }
}

/// y(j) = sum over k of x(k) cos(pi (2j + 1) (2k + 1) / 72), times 2 cos(pi (2j + 1) / 72).
// 2 cos a cos (2k + 1) a = cos 2k a + cos (2k + 2) a makes it a DCT of type III over the sums of neighbours; its even
// part is one of half the size, and its odd part is of type IV again.
#[inline(always)]
fn long(x: &Group) -> Group {
    /// 1 / (2 cos(pi (2j + 1) / 36)).
    #[rustfmt::skip]
    const HALF_SECANTS: [f32; 9] = [
        0.501_909_9, 0.517_638_1, 0.551_688_96, 0.610_387_3, 0.707_106_77, 0.871_723_4, 1.183_100_8, 1.931_851_7,
        5.736_856_5,
    ];
    let mut sums = *x;
    for k in (1..18).rev() {
        sums[k] += sums[k - 1];
    }
    let even = std::array::from_fn(|m| sums[2 * m]);
    let odd = std::array::from_fn(|m| if m == 0 { sums[1] } else { sums[2 * m + 1] + sums[2 * m - 1] });
    let (even, odd) = (nine(even), nine(odd));
    let mut y = SILENT;
    for j in 0..9 {
        let odd = odd[j] * HALF_SECANTS[j];
        y[j] = even[j] + odd;
        y[17 - j] = even[j] - odd;
    }
    y
}

/// Sums over m of a(m) cos(pi (2j + 1) m / 18).
#[inline(always)]
fn nine(a: [f32x4; 9]) -> [f32x4; 9] {
    /// Cosines of 10 to 80 degrees.
    const COS: [f32; 9] = [
        1.0,
        0.984_807_7,
        0.939_692_6,
        0.866_025_4,
        0.766_044_44,
        0.642_787_6,
        0.5,
        0.342_020_15,
        0.173_648_18,
    ];
    let base = a[0] + a[6] * 0.5;
    let others = a[2] - a[4] - a[8];
    let third = a[3] * COS[3];
    let rest = a[0] - a[6];
    let even = [
        base + a[2] * COS[2] + a[4] * COS[4] + a[8] * COS[8],
        rest + others * 0.5,
        base - a[2] * COS[8] - a[4] * COS[2] + a[8] * COS[4],
        base - a[2] * COS[4] + a[4] * COS[8] - a[8] * COS[2],
    ];
    let odd = [
        a[1] * COS[1] + third + a[5] * COS[5] + a[7] * COS[7],
        (a[1] - a[5] - a[7]) * COS[3],
        a[1] * COS[5] - third - a[5] * COS[7] + a[7] * COS[1],
        a[1] * COS[7] - third + a[5] * COS[1] - a[7] * COS[5],
    ];
    let mut sums = [rest - others; 9];
    for j in 0..4 {
        sums[j] = even[j] + odd[j];
        sums[8 - j] = even[j] - odd[j];
    }
    sums
}

/// y(j) = sum over k of x(k) cos(pi (2j + 1) (2k + 1) / 24), times 2 cos(pi (2j + 1) / 24), as in [`long`].
#[inline(always)]
fn short(x: [f32x4; 6]) -> [f32x4; 6] {
    /// 1 / (2 cos(pi (2j + 1) / 12)).
    const HALF_SECANTS: [f32; 3] = [0.517_638_1, 0.707_106_77, 1.931_851_7];
    let mut sums = x;
    for k in (1..6).rev() {
        sums[k] += sums[k - 1];
    }
    let even = three([sums[0], sums[2], sums[4]]);
    let odd = three([sums[1], sums[3] + sums[1], sums[5] + sums[3]]);
    let mut y = [f32x4::ZERO; 6];
    for j in 0..3 {
        let odd = odd[j] * HALF_SECANTS[j];
        y[j] = even[j] + odd;
        y[5 - j] = even[j] - odd;
    }
    y
}

/// Sums over m of a(m) cos(pi (2j + 1) m / 6).
#[inline(always)]
fn three(a: [f32x4; 3]) -> [f32x4; 3] {
    let (base, side) = (a[0] + a[2] * 0.5, a[1] * 0.866_025_4);
    [base + side, a[0] - a[2], base - side]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of 2.4.3.4.10.2, written out.
    fn slow(x: &[f64], i: usize) -> f64 {
        let n = 2 * x.len();
        let angle = |k: usize| PI / (2 * n) as f64 * ((2 * i + 1 + n / 2) * (2 * k + 1)) as f64;
        x.iter().enumerate().map(|(k, x)| x * angle(k).cos()).sum()
    }

    fn lines() -> [f64; 18] {
        std::array::from_fn(|k| ((k * 7 + 3) % 11) as f64 - 5.0)
    }

    fn close(values: &Group, expected: impl Fn(usize) -> f64) {
        for (i, value) in values.iter().enumerate() {
            assert!((f64::from(value.to_array()[2]) - expected(i)).abs() < 2e-5, "sample {i}");
        }
    }

    #[test]
    fn long_blocks_are_the_sums_of_the_standard() {
        let x = lines();
        let group = x.map(|x| f32x4::splat(x as f32));
        for (kind, window) in [
            (LongWindow::Usual, (|i| sine(i, 36)) as fn(usize) -> f64),
            (LongWindow::Start, |i| [sine(i, 36), 1.0, sine(i.max(18) - 18, 12), 0.0][i.max(12) / 6 - 2]),
            (LongWindow::End, |i| [0.0, sine(i.max(6) - 6, 12), 1.0, sine(i, 36)][(i / 6).min(3)]),
        ] {
            let window =
                |i| if i < 18 && matches!(kind, LongWindow::Start) { sine(i, 36) } else { window(i) };
            let (mut now, mut next) = (SILENT, SILENT);
            add_long(&group, Windows::get(), kind, &mut now, &mut next);
            close(&now, |i| slow(&x, i) * window(i));
            close(&next, |i| slow(&x, i + 18) * window(i + 18));
        }
    }

    #[test]
    fn short_blocks_are_the_sums_of_the_standard() {
        let x = lines();
        let group = x.map(|x| f32x4::splat(x as f32));
        let (mut now, mut next) = (SILENT, SILENT);
        add_short(&group, Windows::get(), &mut now, &mut next);
        let sample = |at: usize| {
            (0..3).filter(|w| (6 + 6 * w..18 + 6 * w).contains(&at)).fold(0.0, |sum, w| {
                let (window, i) = (std::array::from_fn::<f64, 6, _>(|k| x[3 * k + w]), at - 6 - 6 * w);
                sum + slow(&window, i) * sine(i, 12)
            })
        };
        close(&now, sample);
        close(&next, |i| sample(i + 18));
    }
}
