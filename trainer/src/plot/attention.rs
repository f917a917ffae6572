//! Attention along a song: a bar for each step of each window.
use super::axes::{Panel, Scale};
use super::figure::{Align, Colour, Figure, GRID, INK, PALETTE, SOFT_INK, Stroke, fitted};

/// How much a step of a window counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionStep {
    /// The row that the window is drawn in, counted from 0: windows that overlap are in different ones.
    pub row: usize,
    /// Seconds from the start of the song.
    pub from: f64,
    pub to: f64,
    /// The weight; those of a window add up to 1.
    pub weight: f64,
    /// What it would be if all steps of the window counted alike.
    pub even: f64,
    /// Whether a window begins here.
    pub first: bool,
}

const WIDTH: f64 = 1080.0;
const TOP: f64 = 78.0;
const ROW: f64 = 170.0;
const GAP: f64 = 26.0;
const BARS: [Colour; 2] = [PALETTE[0], PALETTE[2]];

pub(super) fn figure(title: &str, said: &str, steps: &[AttentionStep]) -> Result<Figure, &'static str> {
    let finite = |step: &&AttentionStep| step.weight.is_finite() && step.to > step.from;
    let end = steps.iter().filter(finite).map(|step| step.to).fold(0.0, f64::max);
    if end <= 0.0 {
        return Err("no step has a finite weight and a length");
    }
    let rows = steps.iter().map(|step| step.row + 1).max().unwrap_or(1);
    let most = steps.iter().filter(finite).map(|step| step.weight.max(step.even)).fold(0.0, f64::max);
    let (x, y) = (Scale::new(0.0, end, 12), Scale::new(0.0, most * 1.05, 4));
    let left = 56.0 + y.widest();
    let height = TOP + rows as f64 * (ROW + GAP) - GAP + 60.0;
    let mut figure = Figure::new(WIDTH, height);
    figure.text((24.0, 26.0), fitted(title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    figure.text((24.0, 50.0), fitted(said, 13.0, WIDTH - 48.0), 13.0, SOFT_INK, Align::Start);
    for row in 0..rows {
        let top = TOP + row as f64 * (ROW + GAP);
        let panel = Panel { left, top, right: WIDTH - 24.0, bottom: top + ROW, x: x.clone(), y: y.clone() };
        if row + 1 == rows {
            panel.draw_x(&mut figure, "seconds; the line is where all steps of a window would count alike");
        } else {
            for &tick in &panel.x.ticks {
                let x = panel.x(tick);
                figure.line([(x, top), (x, top + ROW)], Stroke::new(GRID, 1.0));
            }
        }
        panel.draw_y(&mut figure, "weight");
        let of_row = || steps.iter().filter(finite).filter(|step| step.row == row);
        let mut windows = 0;
        for step in of_row() {
            windows += usize::from(step.first);
            // A hair of white between bars, where there is room for it.
            let (from, to) = (panel.x(step.from), panel.x(step.to));
            let to = if to - from > 4.0 { to - 1.0 } else { to };
            figure.area((from, panel.y(step.weight)), (to, panel.bottom), BARS[windows % 2]);
        }
        for step in of_row() {
            let even = [(step.from, step.even), (step.to, step.even)].map(|at| panel.at(at));
            figure.line(even, Stroke::new(INK, 1.0).opacity(0.6));
        }
        panel.draw_foot(&mut figure);
        panel.draw_left(&mut figure);
    }
    Ok(figure)
}
