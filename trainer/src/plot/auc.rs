//! AUC by tag with intervals, best first.
use crate::eval::{Evaluation, TagReport};

use super::axes::{Panel, Scale};
use super::figure::{Align, Figure, INK, PALETTE, SOFT_INK, Stroke, fitted};
use super::font;

const WIDTH: f64 = 860.0;
const TOP: f64 = 92.0;
const RIGHT_COLUMN: f64 = 112.0;
const TAG_SIZE: f64 = 13.0;
/// Beyond twice as many tags only so many of the best and of the worst are shown.
const SHOWN_EACH: usize = 100;

pub(super) fn figure(evaluation: &Evaluation) -> Result<Figure, &'static str> {
    let mut tags: Vec<&TagReport> = evaluation.tags.iter().collect();
    if tags.is_empty() {
        return Err("the evaluation has no tag");
    }
    tags.sort_by(|a, b| b.auc.total_cmp(&a.auc).then_with(|| a.tag.cmp(&b.tag)));
    let all = tags.len();
    if all > 2 * SHOWN_EACH {
        tags.drain(SHOWN_EACH..all - SHOWN_EACH);
    }
    let row = if tags.len() <= 60 { 22.0 } else { 18.0 };
    let names: Vec<String> = tags.iter().map(|tag| fitted(&tag.tag, TAG_SIZE, 240.0)).collect();
    let widest = names.iter().map(|name| font::width(name, TAG_SIZE)).fold(60.0, f64::max);
    let bottom = TOP + row * tags.len() as f64 + 8.0;
    let mut figure = Figure::new(WIDTH, bottom + 60.0);

    let title = format!("AUC by tag: {} on {}", evaluation.model, evaluation.corpus);
    figure.text((24.0, 26.0), fitted(&title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    let [low, high] = evaluation.mean_auc_ci95;
    let tags_said = if tags.len() < all {
        format!("best and worst {SHOWN_EACH} of {all} tags")
    } else {
        format!("{all} tags")
    };
    let split = if evaluation.split.is_empty() { "" } else { " split" };
    let summary = format!(
        "{}{split}, {} clips, {tags_said}; mean {:.3} ({low:.3} – {high:.3})",
        evaluation.split, evaluation.clips, evaluation.mean_auc
    );
    figure.text((24.0, 50.0), fitted(&summary, 13.0, WIDTH - 48.0), 13.0, SOFT_INK, Align::Start);

    let least = tags.iter().map(|tag| tag.ci95[0]).fold(0.45, f64::min);
    let x = Scale::new((least * 10.0).floor() / 10.0, 1.0, 6);
    let y = Scale::new(0.0, 1.0, 1);
    let panel =
        Panel { left: 24.0 + widest + 12.0, top: TOP, right: WIDTH - 24.0 - RIGHT_COLUMN, bottom, x, y };
    panel.draw_x(&mut figure, "AUC-ROC with its 95 % interval, orange where it reaches chance");
    // The mean over tags with its interval as a band behind the dots, chance as a dashed line.
    figure.area((panel.x(low), TOP), (panel.x(high), bottom), (222, 234, 243));
    panel.draw_foot(&mut figure);
    let upright = |x: f64| [(panel.x(x), TOP), (panel.x(x), bottom)];
    figure.line(upright(evaluation.mean_auc), Stroke::new(PALETTE[0], 1.25));
    figure.line(upright(0.5), Stroke::new(SOFT_INK, 1.5).dashed(&[5.0, 4.0]));
    let mean_at = panel.x(evaluation.mean_auc).min(panel.right - 16.0);
    figure.text((mean_at, TOP - 12.0), "mean", 12.0, PALETTE[0], Align::Middle);
    if mean_at - panel.x(0.5) > 60.0 || mean_at < panel.x(0.5) - 60.0 {
        figure.text((panel.x(0.5), TOP - 12.0), "chance", 12.0, SOFT_INK, Align::Middle);
    }
    figure.text((WIDTH - 24.0, TOP - 12.0), "positives", 12.0, SOFT_INK, Align::End);
    figure.text((panel.right + 16.0, TOP - 12.0), "AUC", 12.0, SOFT_INK, Align::Start);

    for (place, (tag, name)) in tags.iter().zip(names).enumerate() {
        let y = TOP + 4.0 + row * (place as f64 + 0.5);
        let colour = if tag.ci95[0] > 0.5 { PALETTE[0] } else { PALETTE[1] };
        figure.text((panel.left - 12.0, y), name, TAG_SIZE, INK, Align::End);
        let whisker = Stroke::new(colour, 1.75);
        figure.line([(panel.x(tag.ci95[0]), y), (panel.x(tag.ci95[1]), y)], whisker);
        for end in tag.ci95 {
            figure.line([(panel.x(end), y - 4.0), (panel.x(end), y + 4.0)], whisker);
        }
        figure.dot((panel.x(tag.auc), y), 4.0, colour);
        figure.text((panel.right + 16.0, y), format!("{:.3}", tag.auc), 12.0, INK, Align::Start);
        figure.text((WIDTH - 24.0, y), tag.positives.to_string(), 12.0, SOFT_INK, Align::End);
    }
    Ok(figure)
}
