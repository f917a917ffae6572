//! Songs on a plane.

use super::figure::{Align, Colour, Figure, INK, PALETTE, SOFT_INK, between, fitted};

/// A song.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapDot {
    /// Its place, in any unit.
    pub at: [f32; 2],
    /// Its colour: the number of a name, or a value from 0 to 1.
    pub value: f32,
}

/// What colours mean.
#[derive(Clone, Debug, PartialEq)]
pub enum MapColours {
    /// Names by number, with how many songs have each; songs beyond the names are grey.
    Names(Vec<(String, usize)>),
    /// Values from 0, pale, to 1.
    Scale(String),
}

const SIDE: f64 = 620.0;
const LEFT: f64 = 24.0;
const TOP: f64 = 76.0;
const LEGEND: f64 = 220.0;
/// Of a song that is in none of the groups.
const GREY: Colour = (200, 200, 200);
const PALE: Colour = (232, 232, 240);

pub(super) fn figure(
    title: &str,
    said: &str,
    dots: &[MapDot],
    colours: &MapColours,
) -> Result<Figure, &'static str> {
    if dots.is_empty() {
        return Err("no song");
    }
    let width = LEFT + SIDE + LEGEND;
    let mut figure = Figure::new(width, TOP + SIDE + 24.0);
    figure.text((LEFT, 26.0), fitted(title, 17.0, width - 2.0 * LEFT), 17.0, INK, Align::Start);
    figure.text((LEFT, 50.0), fitted(said, 12.0, width - 2.0 * LEFT), 12.0, SOFT_INK, Align::Start);
    let range = |axis: usize| {
        let values = dots.iter().map(|dot| f64::from(dot.at[axis]));
        values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    // One scale for both: distances are what a map shows.
    let (x, y) = (range(0), range(1));
    let span = (x.1 - x.0).max(y.1 - y.0).max(1e-9);
    let (x, y) = ((x.0 + x.1 - span) / 2.0, (y.0 + y.1 - span) / 2.0);
    let radius = (60.0 / (dots.len() as f64).sqrt()).clamp(1.2, 5.0);
    let mut order: Vec<&MapDot> = dots.iter().collect();
    // What stands out lies above.
    order.sort_by(|a, b| match colours {
        MapColours::Names(names) => in_names(b, names).is_none().cmp(&in_names(a, names).is_none()),
        MapColours::Scale(_) => a.value.total_cmp(&b.value),
    });
    for dot in order {
        let share = |value: f32, low: f64| (f64::from(value) - low) / span;
        let at = (LEFT + SIDE * share(dot.at[0], x), TOP + SIDE * (1.0 - share(dot.at[1], y)));
        let colour = match colours {
            MapColours::Names(names) => {
                in_names(dot, names).map_or(GREY, |number| PALETTE[number % PALETTE.len()])
            }
            MapColours::Scale(_) => between(PALE, PALETTE[1], f64::from(dot.value).clamp(0.0, 1.0)),
        };
        figure.dot(at, radius, colour);
    }
    let left = LEFT + SIDE + 20.0;
    let rows: Vec<(String, Colour)> = match colours {
        MapColours::Names(names) => {
            let rows = names.iter().take(PALETTE.len()).enumerate();
            rows.map(|(number, (name, count))| (format!("{name} ({count})"), PALETTE[number])).collect()
        }
        MapColours::Scale(name) => {
            let row = |share: f64| (format!("{name} {share:.1}"), between(PALE, PALETTE[1], share));
            [1.0, 0.5, 0.0].map(row).into()
        }
    };
    for (row, (name, colour)) in rows.into_iter().enumerate() {
        let y = TOP + 12.0 + 24.0 * row as f64;
        figure.dot((left, y), 5.0, colour);
        figure.text((left + 14.0, y), fitted(&name, 13.0, LEGEND - 44.0), 13.0, INK, Align::Start);
    }
    Ok(figure)
}

fn in_names(dot: &MapDot, names: &[(String, usize)]) -> Option<usize> {
    let number = dot.value as usize;
    (dot.value >= 0.0 && number < names.len().min(PALETTE.len())).then_some(number)
}
