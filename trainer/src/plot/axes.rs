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
        Self { low, high, ticks, decimals }
    }

    /// Width of the widest tick's number.
    pub fn widest(&self) -> f64 {
        self.ticks.iter().map(|&tick| font::width(&self.label(tick), TICK_SIZE)).fold(0.0, f64::max)
    }

    fn label(&self, tick: f64) -> String {
        format!("{tick:.*}", self.decimals)
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
        self.left + (value - self.x.low) / (self.x.high - self.x.low) * (self.right - self.left)
    }

    pub fn y(&self, value: f64) -> f64 {
        self.bottom - (value - self.y.low) / (self.y.high - self.y.low) * (self.bottom - self.top)
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
