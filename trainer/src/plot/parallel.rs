//! Parallel coordinates: an axis per setting, a line per trial, what came of it on the last axis.
use super::axes::{Scale, TICK_SIZE};
use super::figure::{AXIS, Align, Figure, GRID, INK, PALETTE, SOFT_INK, Stroke, fitted};
use super::font;

/// A setting, with where each trial lies on it.
#[derive(Clone, Debug)]
pub struct ParallelAxis {
    pub name: String,
    pub places: Places,
}

/// Where the trials lie on an axis, in the order of the trials.
#[derive(Clone, Debug)]
pub enum Places {
    /// On a scale.
    Numbers { logarithmic: bool, values: Vec<f64> },
    /// At one of the names.
    Choices { names: Vec<String>, places: Vec<usize> },
}

/// A trial.
#[derive(Clone, Copy, Debug)]
pub struct ParallelLine {
    /// What came of it; not a number where nothing did, and then it is not drawn.
    pub auc: f64,
    /// It got to the last rung.
    pub last: bool,
    /// It is the one that was chosen.
    pub best: bool,
}

const TOP: f64 = 118.0;
const HEIGHT: f64 = 340.0;
const APART: f64 = 164.0;
const LEFT: f64 = 48.0;
const NUMBERS: f64 = 104.0;

/// An axis ready to be drawn: its ticks as (share of the height, text), and the share of each trial.
struct Drawn {
    name: String,
    ticks: Vec<(f64, String)>,
    shares: Vec<f64>,
}

pub(super) fn figure(
    title: &str,
    axes: &[ParallelAxis],
    lines: &[ParallelLine],
) -> Result<Figure, &'static str> {
    let aucs: Vec<f64> = lines.iter().map(|line| line.auc).collect();
    let Some(scale) = Scale::around(aucs.iter().copied(), 6) else {
        return Err("no trial has a result");
    };
    let mut drawn: Vec<Drawn> = axes.iter().map(axis_of).collect();
    drawn.push(on_scale("validation AUC".into(), &scale.at_most(1.0), &aucs));
    let width = (LEFT + APART * (drawn.len() - 1) as f64 + NUMBERS).max(560.0);
    let mut figure = Figure::new(width, TOP + HEIGHT + 30.0);
    figure.text((24.0, 26.0), fitted(title, 17.0, width - 48.0), 17.0, INK, Align::Start);
    legend(&mut figure);

    let x = |axis: usize| LEFT + APART * axis as f64;
    let y = |share: f64| TOP + HEIGHT * (1.0 - share);
    for axis in 0..drawn.len() {
        figure.line([(x(axis), TOP), (x(axis), TOP + HEIGHT)], Stroke::new(GRID, 1.0));
    }
    // The ones that went far lie over those that did not.
    let mut order: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].auc.is_finite()).collect();
    order.sort_by_key(|&i| (lines[i].best, lines[i].last));
    for i in order {
        let points = drawn.iter().enumerate().map(|(axis, one)| (x(axis), y(one.shares[i])));
        figure.line(points, stroke(lines[i].last, lines[i].best));
    }
    for (axis, one) in drawn.iter().enumerate() {
        figure.line([(x(axis), TOP), (x(axis), TOP + HEIGHT)], Stroke::new(AXIS, 1.25));
        // Names are centred but for the first and the last, which would leave the figure.
        let name = fitted(&one.name, 13.0, APART - 24.0);
        let half = font::width(&name, 13.0) / 2.0;
        let middle = x(axis).max(24.0 + half).min(width - 24.0 - half);
        figure.text((middle, TOP - 20.0), name, 13.0, INK, Align::Middle);
        for (share, text) in &one.ticks {
            let at = y(*share);
            figure.line([(x(axis) - 3.0, at), (x(axis) + 3.0, at)], Stroke::new(AXIS, 1.25));
            let text = fitted(text, TICK_SIZE, NUMBERS - 16.0);
            // The lines pass behind the text.
            let wide = font::width(&text, TICK_SIZE);
            figure.area((x(axis) + 6.0, at - 7.0), (x(axis) + 10.0 + wide, at + 7.0), (255, 255, 255));
            figure.text((x(axis) + 8.0, at), text, TICK_SIZE, SOFT_INK, Align::Start);
        }
    }
    Ok(figure)
}

fn stroke(last: bool, best: bool) -> Stroke {
    match (best, last) {
        (true, _) => Stroke::new(PALETTE[1], 3.0),
        (false, true) => Stroke::new(PALETTE[0], 2.0).opacity(0.85),
        (false, false) => Stroke::new(PALETTE[6], 1.25).opacity(0.5),
    }
}

fn legend(figure: &mut Figure) {
    let mut x = 24.0;
    for (name, last, best) in
        [("chosen", true, true), ("trained to the end", true, false), ("stopped before", false, false)]
    {
        figure.line([(x, 56.0), (x + 28.0, 56.0)], stroke(last, best));
        figure.text((x + 36.0, 56.0), name, 13.0, INK, Align::Start);
        x += 36.0 + font::width(name, 13.0) + 26.0;
    }
}

fn axis_of(axis: &ParallelAxis) -> Drawn {
    let name = axis.name.rsplit('.').next().unwrap_or_default().to_string();
    match &axis.places {
        Places::Numbers { logarithmic, values } => {
            let positive = values.iter().all(|&value| value > 0.0);
            let around = || Scale::around(values.iter().copied(), 6);
            let scale =
                if *logarithmic && positive { Scale::log(values.iter().copied(), 8) } else { around() };
            let mut scale = scale.unwrap_or_else(|| Scale::new(0.0, 1.0, 2));
            if values.iter().all(|&value| value >= 0.0) && scale.low < 0.0 {
                // The air below must not suggest settings that cannot be.
                scale.low = 0.0;
                scale.ticks.retain(|&tick| tick >= 0.0);
            }
            on_scale(name, &scale, values)
        }
        Places::Choices { names, places } => {
            // Half a step of air at both ends.
            let share = |place: usize| (place as f64 + 0.5) / names.len().max(1) as f64;
            let step = (names.len() as f64 * 16.0 / HEIGHT).ceil().max(1.0) as usize;
            let ticks = names.iter().enumerate().step_by(step).map(|(i, name)| (share(i), name.clone()));
            Drawn { name, ticks: ticks.collect(), shares: places.iter().map(|&place| share(place)).collect() }
        }
    }
}

fn on_scale(name: String, scale: &Scale, values: &[f64]) -> Drawn {
    let ticks = scale.ticks.iter().map(|&tick| (scale.share(tick), scale.label(tick)));
    Drawn { name, ticks: ticks.collect(), shares: values.iter().map(|&value| scale.share(value)).collect() }
}
