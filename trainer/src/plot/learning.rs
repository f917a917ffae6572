//! Loss and validation AUC, or agreement with a teacher, by epoch.
use super::axes::{Panel, Scale};
use super::figure::{Align, Colour, Figure, INK, PALETTE, SOFT_INK, Stroke, fitted};
use super::font;

/// What one epoch of training came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// Counted from 1, rising.
    pub epoch: usize,
    pub train_loss: f64,
    pub validation_loss: Option<f64>,
    pub validation_auc: Option<f64>,
    /// Mean rank correlation with a teacher, which is drawn in the AUC's place where it was measured.
    pub validation_agreement: Option<f64>,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 400.0;

type Series<'a> = (&'a str, Colour, Vec<(f64, f64)>);

pub(super) fn figure(title: &str, epochs: &[EpochPoint]) -> Result<Figure, &'static str> {
    let series = |of: fn(&EpochPoint) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs.iter().map(|point| (point.epoch as f64, of(point).unwrap_or(f64::NAN))).collect()
    };
    let loss = [
        ("training", PALETTE[0], series(|point| Some(point.train_loss))),
        ("validation", PALETTE[1], series(|point| point.validation_loss)),
    ];
    let taught = epochs.iter().any(|point| point.validation_agreement.is_some());
    let (merit, name): (fn(&EpochPoint) -> Option<f64>, _) = if taught {
        (|point| point.validation_agreement, "mean rank correlation")
    } else {
        (|point| point.validation_auc, "mean AUC-ROC")
    };
    let auc = [("validation", PALETTE[2], series(merit))];
    let first = epochs.iter().map(|point| point.epoch).min().unwrap_or(1) as f64;
    let last = epochs.iter().map(|point| point.epoch).max().unwrap_or(1) as f64;
    let x =
        if last > first { Scale::whole(first, last, 8) } else { Scale::whole(first - 1.0, first + 1.0, 2) };
    let heights = |series: &[Series<'_>]| {
        Scale::around(series.iter().flat_map(|one| one.2.iter().map(|point| point.1)).collect::<Vec<_>>(), 6)
    };
    let (loss_scale, auc_scale) = (heights(&loss), heights(&auc).map(|scale| scale.at_most(1.0)));
    if loss_scale.is_none() && auc_scale.is_none() {
        return Err("no epoch has a finite value");
    }
    let mut figure = Figure::new(WIDTH, HEIGHT);
    figure.text((24.0, 26.0), fitted(title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    let sides = [(24.0, 460.0, loss_scale, "loss"), (508.0, 928.0, auc_scale, name)];
    for ((left, right, y, name), series) in sides.into_iter().zip([&loss[..], &auc[..]]) {
        let (top, bottom) = (76.0, HEIGHT - 56.0);
        let Some(y) = y else {
            let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
            figure.text(middle, format!("no {name} was measured"), 13.0, SOFT_INK, Align::Middle);
            continue;
        };
        // Room for the scale's name and its widest number.
        let left = left + 32.0 + y.widest();
        let panel = Panel { left, top, right, bottom, x: x.clone(), y };
        panel.draw_x(&mut figure, "epoch");
        panel.draw_y(&mut figure, name);
        panel.draw_foot(&mut figure);
        panel.draw_left(&mut figure);
        draw_series(&mut figure, &panel, series);
    }
    Ok(figure)
}

fn draw_series(figure: &mut Figure, panel: &Panel, series: &[Series<'_>]) {
    let mut at = panel.left;
    for (name, colour, points) in series {
        let runs = points.split(|point| !point.1.is_finite());
        let mut seen = 0;
        for run in runs.filter(|run| !run.is_empty()) {
            figure.line(run.iter().map(|&point| panel.at(point)), Stroke::new(*colour, 2.0));
            seen += run.len();
            if points.len() <= 40 || run.len() == 1 {
                run.iter().for_each(|&point| figure.dot(panel.at(point), 3.0, *colour));
            }
        }
        if seen == 0 {
            continue;
        }
        // The legend stands above the panel, where no curve comes.
        let y = panel.top - 20.0;
        figure.line([(at, y), (at + 24.0, y)], Stroke::new(*colour, 2.5));
        let mut text = name.to_string();
        let best = points.iter().filter(|point| point.1.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1));
        if let (true, Some(best)) = (series.len() == 1, best) {
            text = format!("{name}, best {:.3} at epoch {}", best.1, best.0);
        }
        figure.text((at + 32.0, y), text.as_str(), 13.0, INK, Align::Start);
        at += 32.0 + font::width(&text, 13.0) + 28.0;
    }
}
