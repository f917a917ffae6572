//! The paper's figure 2: AUC against parameters and against training time, a line per network.
use crate::compare::paper;
use crate::compare::report::{Comparison, RowResult};
use crate::net::Model;

use super::axes::{Panel, Scale};
use super::figure::{Align, Colour, DASHED, Figure, INK, PALETTE, SOFT_INK, Stroke, WHOLE, fitted};
use super::font;

const WIDTH: f64 = 1040.0;
const HEAD: f64 = 96.0;
const PANEL: f64 = 300.0;
/// Below a panel: its numbers and the name of its scale.
const FOOT: f64 = 58.0;
/// Above the paper's panels where they are apart.
const GAP: f64 = 64.0;

/// One network's points, and how they are drawn.
struct Line {
    model: Model,
    paper: bool,
    points: Vec<Point>,
}

#[derive(Clone, Copy)]
struct Point {
    parameters: f64,
    seconds: f64,
    auc: f64,
    interval: [f64; 2],
}

fn colour(model: Model) -> Colour {
    PALETTE[model as usize % PALETTE.len()]
}

pub(super) fn figure(comparison: &Comparison) -> Result<Figure, &'static str> {
    let ours = ours(comparison);
    if ours.is_empty() {
        return Err("no run has a result");
    }
    let together = comparison.about.is_papers_corpus;
    let rows = if together { 1.0 } else { 2.0 };
    let mut figure = Figure::new(WIDTH, HEAD + rows * (PANEL + FOOT) + (rows - 1.0) * GAP + 12.0);
    let title = format!("Networks compared on {}", comparison.about.corpus);
    figure.text((24.0, 26.0), fitted(&title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    let seeds = ours_seeds(comparison);
    let summary = format!(
        "{} clips to train, {} to test, {} tags; {seeds}",
        comparison.about.clips[0],
        comparison.about.clips[2],
        comparison.about.tags.len()
    );
    figure.text((24.0, 50.0), fitted(&summary, 13.0, WIDTH - 48.0), 13.0, SOFT_INK, Align::Start);
    let seconds = "seconds of training per 2500 clips";
    if together {
        let mut lines = ours;
        lines.extend(papers());
        draw_row(
            &mut figure,
            HEAD,
            &lines,
            ["parameters", &format!("{seconds} (dashed: on the paper's GPU)")],
        );
    } else {
        draw_row(&mut figure, HEAD, &ours, ["parameters", seconds]);
        let top = HEAD + PANEL + FOOT + GAP;
        let title = "The paper's own results, on the Million Song Dataset and its GPU: not comparable with those above";
        figure.text((24.0, top - 44.0), title, 15.0, INK, Align::Start);
        draw_row(&mut figure, top, &papers(), ["parameters", seconds]);
    }
    Ok(figure)
}

fn ours(comparison: &Comparison) -> Vec<Line> {
    let of = |model: Model| {
        let rows = comparison.rows.iter().filter(|row| row.model == model);
        let point = |parameters: usize, result: &RowResult| Point {
            parameters: parameters as f64,
            seconds: result.seconds_per_2500,
            auc: result.mean_auc,
            interval: result.auc_ci95_over_seeds.unwrap_or([result.mean_auc; 2]),
        };
        rows.filter_map(|row| Some(point(row.parameters, row.result.as_ref()?))).collect::<Vec<_>>()
    };
    let lines = Model::ALL.into_iter().map(|model| Line { model, paper: false, points: of(model) });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn ours_seeds(comparison: &Comparison) -> String {
    let seeds = comparison.rows.iter().filter_map(|row| Some(row.result.as_ref()?.seeds.len()));
    match seeds.max() {
        Some(1) | None => "one seed, so no intervals".into(),
        Some(most) => format!("means of {most} seeds with their 95 % t-intervals"),
    }
}

fn papers() -> Vec<Line> {
    let of = |model: Model| {
        let points = paper::points().into_iter().filter(move |point| point.model == model);
        points.map(|p| Point { parameters: p.weights, seconds: p.seconds, auc: p.auc, interval: [p.auc; 2] })
    };
    let lines = Model::ALL.into_iter().map(|model| Line { model, paper: true, points: of(model).collect() });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn draw_row(figure: &mut Figure, top: f64, lines: &[Line], names: [&str; 2]) {
    let points = || lines.iter().flat_map(|line| &line.points);
    let heights = points().flat_map(|p| [p.auc, p.interval[0].max(0.0), p.interval[1].min(1.0)]);
    let Some(y) = Scale::around(heights.collect::<Vec<_>>(), 6).map(|scale| scale.at_most(1.0)) else {
        return;
    };
    let scales = [
        Scale::log(points().map(|p| p.parameters).collect::<Vec<_>>(), 8),
        Scale::log(points().map(|p| p.seconds).collect::<Vec<_>>(), 8),
    ];
    legend(figure, top - 20.0, lines);
    for (side, (x, name)) in scales.into_iter().zip(names).enumerate() {
        let Some(x) = x else { continue };
        let left = [24.0, 540.0][side] + 32.0 + y.widest();
        let right = [500.0, WIDTH - 24.0][side];
        let panel = Panel { left, top, right, bottom: top + PANEL, x, y: y.clone() };
        panel.draw_x(figure, name);
        panel.draw_y(figure, "mean AUC-ROC");
        panel.draw_foot(figure);
        panel.draw_left(figure);
        for (place, line) in lines.iter().enumerate() {
            // Networks of one size have nearly as many parameters: side by side they can all be seen.
            let aside = if side == 0 { (place as f64 - (lines.len() as f64 - 1.0) / 2.0) * 3.0 } else { 0.0 };
            draw_line(figure, &panel, line, side, aside);
        }
    }
}

fn draw_line(figure: &mut Figure, panel: &Panel, line: &Line, side: usize, aside: f64) {
    let colour = colour(line.model);
    let at = |point: &Point, auc: f64| {
        let (x, y) = panel.at(([point.parameters, point.seconds][side], auc));
        (x + aside, y)
    };
    let dash = if line.paper { DASHED } else { WHOLE };
    let mut points = line.points.clone();
    points.sort_unstable_by(|a, b| a.parameters.total_cmp(&b.parameters));
    figure.line(points.iter().map(|p| at(p, p.auc)), Stroke::new(colour, 1.75).dashed(dash).opacity(0.8));
    for point in &points {
        let [low, high] = point.interval.map(|end| end.clamp(panel.y.low, panel.y.high));
        if high > low {
            let whisker = Stroke::new(colour, 1.5);
            let (lower, upper) = (at(point, low), at(point, high));
            figure.line([lower, upper], whisker);
            for (x, y) in [lower, upper] {
                figure.line([(x - 4.0, y), (x + 4.0, y)], whisker);
            }
        }
        marker(figure, at(point, point.auc), colour, line.paper);
    }
}

/// Ours are full, the paper's hollow.
fn marker(figure: &mut Figure, at: (f64, f64), colour: Colour, hollow: bool) {
    figure.dot(at, 4.5, colour);
    if hollow {
        figure.dot(at, 2.75, (255, 255, 255));
    }
}

fn legend(figure: &mut Figure, y: f64, lines: &[Line]) {
    let mixed = lines.iter().any(|line| line.paper) && lines.iter().any(|line| !line.paper);
    let mut x = 24.0;
    for line in lines.iter().filter(|line| !(mixed && line.paper)) {
        figure.line([(x, y), (x + 28.0, y)], Stroke::new(colour(line.model), 2.0));
        marker(figure, (x + 14.0, y), colour(line.model), line.paper);
        let name = line.model.to_string();
        figure.text((x + 36.0, y), name.as_str(), 13.0, INK, Align::Start);
        x += 36.0 + font::width(&name, 13.0) + 26.0;
    }
    if mixed {
        figure.line([(x, y), (x + 28.0, y)], Stroke::new(SOFT_INK, 2.0).dashed(DASHED));
        marker(figure, (x + 14.0, y), SOFT_INK, true);
        figure.text((x + 36.0, y), "the paper's", 13.0, INK, Align::Start);
    }
}
