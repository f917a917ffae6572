//! Curves in a square, one line per tag, and their mean: ROC and precision against recall.
use super::axes::{Panel, Scale};
use super::figure::{Align, DASHED, DOTTED, Dash, Figure, INK, PALETTE, SOFT_INK, Stroke, WHOLE, fitted};

/// So many tags can be told apart by colour and dash.
const LEGEND_TAGS: usize = 20;
const SQUARE: f64 = 520.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 56.0;
const ROW: f64 = 24.0;
/// Points nearer to the last one than this, in points of the figure, are not seen: a curve of ten thousand clips has as many.
const NEAR: f64 = 0.9;

/// One tag's curve.
pub(super) struct Curve {
    pub name: String,
    /// What the legend says of it.
    pub value: f64,
    /// From left to right, both within 0..=1.
    pub points: Vec<(f64, f64)>,
}

/// What the curves are.
pub(super) struct Curves<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    /// Name of the curves' values.
    pub value: &'a str,
    /// The mean of all curves.
    pub mean: Vec<(f64, f64)>,
    /// Chance, as a line from one point to another, where there is one for all tags.
    pub chance: Option<[(f64, f64); 2]>,
    /// Where no curve of use comes, for the legend of many tags: whether that is the lower right corner, else the upper.
    pub corner_below: bool,
}

/// Draws the curves, best value first.
pub(super) fn figure(about: &Curves<'_>, mut curves: Vec<Curve>) -> Result<Figure, &'static str> {
    if curves.is_empty() {
        return Err("no tag has both a positive and a negative clip");
    }
    curves.sort_by(|a, b| b.value.total_cmp(&a.value));
    let mean_value = curves.iter().map(|curve| curve.value).sum::<f64>() / curves.len() as f64;
    let with_legend = curves.len() <= LEGEND_TAGS;
    let right = LEFT + SQUARE;
    let width = right + if with_legend { 300.0 } else { 28.0 };
    let mut figure = Figure::new(width, TOP + SQUARE + 60.0);
    figure.text((24.0, 26.0), fitted(about.title, 17.0, width - 48.0), 17.0, INK, Align::Start);
    let scale = Scale::new(0.0, 1.0, 5);
    let panel = Panel { left: LEFT, top: TOP, right, bottom: TOP + SQUARE, x: scale.clone(), y: scale };
    panel.draw_x(&mut figure, about.x);
    panel.draw_y(&mut figure, about.y);
    panel.draw_foot(&mut figure);
    panel.draw_left(&mut figure);
    if let Some(ends) = about.chance {
        figure.line(ends.map(|end| panel.at(end)), Stroke::new(SOFT_INK, 1.25).dashed(&[4.0, 4.0]));
    }
    let count = curves.len();
    let mut rows = vec![("mean".to_string(), mean_value, Stroke::new(INK, 3.5))];
    for (place, curve) in curves.into_iter().enumerate() {
        let stroke =
            if with_legend { tag_stroke(place) } else { Stroke::new(PALETTE[0], 0.75).opacity(0.45) };
        figure.line(seen(curve.points.into_iter().map(|point| panel.at(point))), stroke);
        rows.push((curve.name, curve.value, stroke));
    }
    figure.line(about.mean.iter().map(|&point| panel.at(point)), Stroke::new(INK, 3.5));

    if with_legend {
        let (from, to) = (right + 24.0, width - 24.0);
        figure.text((to, TOP + 4.0), about.value, 12.0, SOFT_INK, Align::End);
        for (row, (name, value, stroke)) in rows.into_iter().enumerate() {
            let y = TOP + 4.0 + (row + 1) as f64 * ROW;
            figure.line([(from, y), (from + 34.0, y)], Stroke { width: stroke.width.max(2.0), ..stroke });
            let name = fitted(&name, 13.0, to - from - 34.0 - 10.0 - 48.0);
            figure.text((from + 44.0, y), name, 13.0, INK, Align::Start);
            figure.text((to, y), format!("{value:.3}"), 13.0, INK, Align::End);
        }
    } else {
        // On white, lest a curve comes there all the same.
        let x = right - 16.0;
        let y = if about.corner_below { TOP + SQUARE - 44.0 } else { TOP + 26.0 };
        figure.area((x - 236.0, y - 18.0), (x + 4.0, y + 40.0), (255, 255, 255));
        let lines = [
            (format!("mean of {count} tags, {} {mean_value:.3}", about.value), Stroke::new(INK, 3.5)),
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

/// The points that can be told from the one before them, and the last.
fn seen(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for point in points {
        let far = kept.last().is_none_or(|before| (point.0 - before.0).hypot(point.1 - before.1) >= NEAR);
        last = (!far).then_some(point);
        if far {
            kept.push(point);
        }
    }
    kept.extend(last);
    kept
}

#[cfg(test)]
mod tests {
    use super::seen;

    #[test]
    fn a_curve_of_many_points_keeps_its_ends_and_its_shape() {
        let points: Vec<(f64, f64)> =
            (0..=50_000).map(|i| f64::from(i) / 100.0).map(|x| (x, x * x / 500.0)).collect();
        let kept = seen(points.iter().copied());
        assert!(kept.len() < 900 && kept.len() > 400);
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[50_000]));
        let few = [(0.0, 0.0), (0.0, 400.0), (300.0, 500.0)];
        assert_eq!(seen(few.into_iter()), few);
        assert!(seen(std::iter::empty()).is_empty());
    }
}
