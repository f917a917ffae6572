//! One panel: a frame with a scale on each side, from data to places in the figure.
use super::figure::{AXIS, Align, Figure, GRID, INK, SOFT_INK, Stroke};
use super::font;

pub(super) const TICK_SIZE: f64 = 12.0;
pub(super) const NAME_SIZE: f64 = 13.0;

/// A range of data with its ticks.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    decimals: usize,
    logarithmic: bool,
}

impl Scale {
    /// Ticks at round steps within `low..=high`, about `count` of them.
    pub fn new(low: f64, high: f64, count: usize) -> Self {
        Self::stepped(low, high, round_step((high - low) / count.max(1) as f64))
    }

    /// Ticks at whole numbers only.
    pub fn whole(low: f64, high: f64, count: usize) -> Self {
        Self::stepped(low, high, round_step((high - low) / count.max(1) as f64).max(1.0).round())
    }

    /// A range that holds all values with some air, its ends on ticks; `None` without finite values.
    pub fn around(values: impl IntoIterator<Item = f64>, count: usize) -> Option<Self> {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        let air = if high > low { (high - low) * 0.04 } else { (high.abs() * 0.1).max(1e-3) };
        let step = round_step((high - low + 2.0 * air) / count as f64);
        Some(Self::stepped(((low - air) / step).floor() * step, ((high + air) / step).ceil() * step, step))
    }

    /// A logarithmic range that holds all positive values with some air, ticks at 1, 2, 5 times powers of ten, as many as
    /// about `count` allow; `None` without positive values.
    pub fn log(values: impl IntoIterator<Item = f64>, count: usize) -> Option<Self> {
        let positive = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) = positive.fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        let air = (high / low).powf(0.06).max(1.06);
        let (low, high) = (low / air, high * air);
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let ticks = |steps: &[f64]| -> Vec<f64> {
            let all = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
            all.filter(|tick| (low..=high).contains(tick)).collect()
        };
        let choices = [ticks(&[1.0, 2.0, 5.0]), ticks(&[1.0, 3.0]), ticks(&[1.0])];
        let mut ticks = choices.into_iter().find(|ticks| ticks.len() <= count.max(3)).unwrap_or_default();
        if ticks.len() > count.max(3) || ticks.is_empty() {
            ticks = vec![low * air, high / air];
        } else if ticks.len() == 1 {
            // One number says nothing of a scale: add the end that is farther from it.
            let (down, up) = (ticks[0] / (low * air), (high / air) / ticks[0]);
            let end = if down > up { low * air } else { high / air };
            if down.max(up) > 1.02 {
                ticks.push(end);
            }
        }
        ticks.sort_unstable_by(f64::total_cmp);
        ticks.dedup();
        Some(Self { low, high, ticks, decimals: 0, logarithmic: true })
    }

    /// Where a value lies, 0 at the low end, 1 at the high.
    pub fn share(&self, value: f64) -> f64 {
        if self.logarithmic {
            return (value / self.low).ln() / (self.high / self.low).ln();
        }
        (value - self.low) / (self.high - self.low)
    }

    /// The same range, not beyond `most`.
    pub fn at_most(mut self, most: f64) -> Self {
        self.high = self.high.min(most);
        self.ticks.retain(|&tick| tick <= most + 1e-9);
        self
    }

    fn stepped(low: f64, high: f64, step: f64) -> Self {
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
        let ticks = (first..=last).map(|tick| tick as f64 * step).collect();
        Self { low, high, ticks, decimals, logarithmic: false }
    }

    /// Width of the widest tick's number.
    pub fn widest(&self) -> f64 {
        self.ticks.iter().map(|&tick| font::width(&self.label(tick), TICK_SIZE)).fold(0.0, f64::max)
    }

    pub fn label(&self, tick: f64) -> String {
        if self.logarithmic {
            return short(tick);
        }
        format!("{tick:.*}", self.decimals)
    }
}

/// A positive number in a few letters: 97k, 1.5M, 0.004, 1e-5.
pub(super) fn short(value: f64) -> String {
    let digits = |value: f64| {
        let decimals = (1.0 - value.log10().floor()).max(0.0) as usize;
        let text = format!("{value:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
    };
    match value {
        v if !v.is_finite() || v <= 0.0 => format!("{v}"),
        v if v >= 999_500.0 => digits(v / 1e6) + "M",
        v if v >= 999.5 => digits(v / 1e3) + "k",
        v if v >= 9.5e-4 => digits(v),
        v => {
            let power = v.log10().floor() as i32;
            format!("{}e{power}", digits(v / 10f64.powi(power)))
        }
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|step| step * power)
        .find(|&step| step >= least * 0.999)
        .unwrap_or(10.0 * power)
}

/// Where a panel lies in its figure, and its scales.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub x: Scale,
    pub y: Scale,
}

impl Panel {
    pub fn x(&self, value: f64) -> f64 {
        self.left + self.x.share(value) * (self.right - self.left)
    }

    pub fn y(&self, value: f64) -> f64 {
        self.bottom - self.y.share(value) * (self.bottom - self.top)
    }

    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x(x), self.y(y))
    }

    /// Grid, numbers and name of the horizontal scale.
    pub fn draw_x(&self, figure: &mut Figure, name: &str) {
        for &tick in &self.x.ticks {
            let x = self.x(tick);
            figure.line([(x, self.top), (x, self.bottom)], Stroke::new(GRID, 1.0));
            figure.text((x, self.bottom + 14.0), self.x.label(tick), TICK_SIZE, SOFT_INK, Align::Middle);
        }
        let middle = (self.left + self.right) / 2.0;
        figure.text((middle, self.bottom + 36.0), name, NAME_SIZE, INK, Align::Middle);
    }

    /// Grid, numbers and name of the vertical scale.
    pub fn draw_y(&self, figure: &mut Figure, name: &str) {
        for &tick in &self.y.ticks {
            let (y, label) = (self.y(tick), self.y.label(tick));
            figure.line([(self.left, y), (self.right, y)], Stroke::new(GRID, 1.0));
            figure.text((self.left - 8.0, y), label, TICK_SIZE, SOFT_INK, Align::End);
        }
        let at = (self.left - 8.0 - self.y.widest() - 16.0, (self.top + self.bottom) / 2.0);
        figure.text_upwards(at, name, NAME_SIZE, INK);
    }

    /// The line at the foot, to be drawn over the grid.
    pub fn draw_foot(&self, figure: &mut Figure) {
        figure.line([(self.left, self.bottom), (self.right, self.bottom)], Stroke::new(AXIS, 1.25));
    }

    /// The line on the left, to be drawn over the grid.
    pub fn draw_left(&self, figure: &mut Figure) {
        figure.line([(self.left, self.top), (self.left, self.bottom)], Stroke::new(AXIS, 1.25));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (97_036.0, "97k"),
            (1e6, "1M"),
            (999_999.0, "1M"),
            (2.98e6, "3M"),
            (1.5e6, "1.5M"),
            (0.004, "0.004"),
            (0.0125, "0.013"),
            (2e-5, "2e-5"),
            (1e-4, "1e-4"),
            (42.0, "42"),
            (200.0, "200"),
            (5.0, "5"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn logarithmic_scales_hold_their_values_and_have_ticks() {
        for values in [vec![97e3, 3e6], vec![97e3, 102e3], vec![5.0], vec![1e-5, 1.0], vec![1e-30, 1e30]] {
            let scale = Scale::log(values.iter().copied(), 8).unwrap();
            assert!(values.iter().all(|&v| (0.0..=1.0).contains(&scale.share(v))), "{scale:?}");
            assert!((1..=8).contains(&scale.ticks.len()), "{scale:?}");
            assert!(
                scale.ticks.is_sorted() && scale.ticks.iter().all(|&t| (0.0..=1.0).contains(&scale.share(t)))
            );
        }
        let scale = Scale::log([10.0, 1000.0], 8).unwrap();
        assert!((scale.share(100.0) - 0.5).abs() < 1e-9);
        assert!(Scale::log([0.0, -1.0, f64::NAN], 8).is_none());
    }
}
