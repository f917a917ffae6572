//! ROC curves, one line per tag, and their mean.
use crate::eval::{RocCurve, Scores, mean_roc};

use super::axes::{Panel, Scale};
use super::figure::{Align, DASHED, DOTTED, Dash, Figure, INK, PALETTE, SOFT_INK, Stroke, WHOLE, fitted};

/// So many tags can be told apart by colour and dash.
const LEGEND_TAGS: usize = 20;
const SQUARE: f64 = 520.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 56.0;
const ROW: f64 = 24.0;

pub(super) fn figure(title: &str, scores: &Scores) -> Result<Figure, &'static str> {
    let mut tags: Vec<(&str, f64, RocCurve)> = Vec::new();
    for (place, tag) in scores.tags().iter().enumerate() {
        if let Ok(ranking) = scores.ranking(place) {
            tags.push((tag, ranking.auc(), ranking.roc_curve()));
        }
    }
    if tags.is_empty() {
        return Err("no tag has both a positive and a negative clip");
    }
    tags.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mean_auc = tags.iter().map(|tag| tag.1).sum::<f64>() / tags.len() as f64;
    let with_legend = tags.len() <= LEGEND_TAGS;
    let right = LEFT + SQUARE;
    let width = right + if with_legend { 300.0 } else { 28.0 };
    let mut figure = Figure::new(width, TOP + SQUARE + 60.0);
    figure.text((24.0, 26.0), fitted(title, 17.0, width - 48.0), 17.0, INK, Align::Start);
    let scale = Scale::new(0.0, 1.0, 5);
    let panel = Panel { left: LEFT, top: TOP, right, bottom: TOP + SQUARE, x: scale.clone(), y: scale };
    panel.draw_x(&mut figure, "false positive rate");
    panel.draw_y(&mut figure, "true positive rate");
    panel.draw_foot(&mut figure);
    panel.draw_left(&mut figure);
    let chance = Stroke::new(SOFT_INK, 1.25).dashed(&[4.0, 4.0]);
    figure.line([panel.at((0.0, 0.0)), panel.at((1.0, 1.0))], chance);

    let mut curves = Vec::new();
    let mut rows = vec![("mean".to_string(), mean_auc, Stroke::new(INK, 3.5))];
    for (place, (tag, auc, curve)) in tags.into_iter().enumerate() {
        let stroke =
            if with_legend { tag_stroke(place) } else { Stroke::new(PALETTE[0], 0.75).opacity(0.45) };
        let points = curve.false_positive_rate.iter().zip(&curve.true_positive_rate);
        figure.line(points.map(|(&x, &y)| panel.at((x, y))), stroke);
        rows.push((tag.to_string(), auc, stroke));
        curves.push(curve);
    }
    figure.line(mean_roc(&curves, 201).into_iter().map(|point| panel.at(point)), Stroke::new(INK, 3.5));

    if with_legend {
        let (from, to) = (right + 24.0, width - 24.0);
        figure.text((to, TOP + 4.0), "AUC", 12.0, SOFT_INK, Align::End);
        for (row, (name, auc, stroke)) in rows.into_iter().enumerate() {
            let y = TOP + 4.0 + (row + 1) as f64 * ROW;
            figure.line([(from, y), (from + 34.0, y)], Stroke { width: stroke.width.max(2.0), ..stroke });
            let name = fitted(&name, 13.0, to - from - 34.0 - 10.0 - 48.0);
            figure.text((from + 44.0, y), name, 13.0, INK, Align::Start);
            figure.text((to, y), format!("{auc:.3}"), 13.0, INK, Align::End);
        }
    } else {
        // The corner under the diagonal, where no useful curve comes, on white lest one does.
        let (x, y) = (right - 16.0, TOP + SQUARE - 44.0);
        figure.area((x - 236.0, y - 18.0), (x + 4.0, y + 40.0), (255, 255, 255));
        let lines = [
            (format!("mean of {} tags, AUC {mean_auc:.3}", curves.len()), Stroke::new(INK, 3.5)),
            ("one tag".to_string(), Stroke::new(PALETTE[0], 1.0)),
        ];
        for (row, (text, stroke)) in lines.into_iter().enumerate() {
            let y = y + row as f64 * ROW;
            figure.line([(x - 230.0, y), (x - 204.0, y)], stroke);
            figure.text((x - 196.0, y), text, 13.0, INK, Align::Start);
        }
    }
    Ok(figure)
}

/// Colours in turn, then again dashed, then dotted.
fn tag_stroke(place: usize) -> Stroke {
    let dashes: [Dash; 3] = [WHOLE, DASHED, DOTTED];
    Stroke::new(PALETTE[place % PALETTE.len()], 1.5).dashed(dashes[place / PALETTE.len() % dashes.len()])
}
