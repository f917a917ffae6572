//! What was true of the answers of each probability, and how many there were.
use crate::eval::{Reliability, wilson};

use super::axes::{Panel, Scale, short};
use super::figure::{Align, Figure, INK, PALETTE, SOFT_INK, Stroke, fitted};

const WIDTH: f64 = 860.0;
const TOP: f64 = 84.0;
const SIDE: f64 = 400.0;

pub(super) fn figure(title: &str, reliability: &Reliability) -> Result<Figure, &'static str> {
    if reliability.bins.is_empty() {
        return Err("no answer is there to be counted");
    }
    let mut figure = Figure::new(WIDTH, TOP + SIDE + 60.0);
    figure.text((24.0, 26.0), fitted(title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    let said = format!(
        "{} answers; off by {:.3} in the mean, a tag's mean by {:.3}; cross-entropy {:.3}",
        reliability.answers, reliability.expected_error, reliability.tag_error, reliability.cross_entropy
    );
    figure.text((24.0, 50.0), fitted(&said, 13.0, WIDTH - 48.0), 13.0, SOFT_INK, Align::Start);
    let scale = Scale::new(0.0, 1.0, 5);
    let left = 76.0;
    let panel =
        Panel { left, top: TOP, right: left + SIDE, bottom: TOP + SIDE, x: scale.clone(), y: scale.clone() };
    panel.draw_x(&mut figure, "probability, the mean of a bin");
    panel.draw_y(&mut figure, "share that has the tag");
    panel.draw_foot(&mut figure);
    panel.draw_left(&mut figure);
    let right_on = Stroke::new(SOFT_INK, 1.25).dashed(&[4.0, 4.0]);
    figure.line([panel.at((0.0, 0.0)), panel.at((1.0, 1.0))], right_on);
    let line = reliability.bins.iter().map(|bin| panel.at((bin.probability, bin.truth)));
    figure.line(line, Stroke::new(PALETTE[0], 1.75));
    for bin in &reliability.bins {
        let (low, high) =
            wilson((bin.truth * bin.answers as f64).round() as u64, bin.answers as u64).unwrap_or((0.0, 1.0));
        let ends = [low, high].map(|end| panel.at((bin.probability, end)));
        figure.line(ends, Stroke::new(PALETTE[0], 1.5));
        figure.dot(panel.at((bin.probability, bin.truth)), 4.0, PALETTE[0]);
    }

    // How many answers a bin has, each bar as high as its logarithm.
    let most = reliability.bins.iter().map(|bin| bin.answers).max().unwrap_or(1) as f64;
    let left = panel.right + 96.0;
    let right = WIDTH - 24.0;
    let count = |answers: f64| TOP + SIDE - (SIDE - 24.0) * (answers.ln_1p() / most.ln_1p());
    let width = (right - left) / reliability.bins.len() as f64;
    for (place, bin) in reliability.bins.iter().enumerate() {
        let (from, y) = (left + width * place as f64, count(bin.answers as f64));
        figure.area((from + 1.5, y), (from + width - 1.5, TOP + SIDE), PALETTE[5]);
        figure.text((from + width / 2.0, y - 9.0), short(bin.answers as f64), 10.0, INK, Align::Middle);
        // Every second one where they are many: their numbers would touch.
        if place % 2 == 0 || width > 40.0 {
            let text = format!("{}", bin.from);
            figure.text((from + width / 2.0, TOP + SIDE + 14.0), text, 11.0, SOFT_INK, Align::Middle);
        }
    }
    figure.line([(left, TOP + SIDE), (right, TOP + SIDE)], Stroke::new(SOFT_INK, 1.25));
    let name = "answers from this probability on, log scale";
    figure.text(
        ((left + right) / 2.0, TOP + SIDE + 36.0),
        fitted(name, 13.0, right - left),
        13.0,
        INK,
        Align::Middle,
    );
    Ok(figure)
}
