//! Tags against tags, by colour.
use super::figure::{Align, Colour, Figure, INK, PALETTE, SOFT_INK, between, fitted};
use super::font;

/// Names of rows and columns, and a value from 0 to 1 for each pair; what is not a number is grey.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Of rows and columns alike.
    pub names: Vec<String>,
    /// `[names, names]`, row by row.
    pub values: Vec<f64>,
}

/// More tags than this are not legible on a page.
const MOST: usize = 60;
const TOP: f64 = 76.0;
const WHITE: Colour = (255, 255, 255);
/// Where there is no number.
const UNKNOWN: Colour = (236, 236, 236);

pub(super) fn figure(title: &str, said: &str, matrix: &Matrix) -> Result<Figure, &'static str> {
    let count = matrix.names.len();
    if count < 2 || matrix.values.len() != count * count {
        return Err("two tags are the least");
    }
    let shown = count.min(MOST);
    let cell = (640.0 / shown as f64).clamp(11.0, 36.0);
    let size = (cell - 2.0).min(13.0);
    let names: Vec<String> = matrix.names[..shown].iter().map(|name| fitted(name, size, 150.0)).collect();
    let widest = names.iter().map(|name| font::width(name, size)).fold(40.0, f64::max);
    let (left, top) = (24.0 + widest + 8.0, TOP + widest + 8.0);
    let side = cell * shown as f64;
    let width = (left + side + 24.0).max(48.0 + font::width(said, 12.0).min(620.0)).max(460.0);
    let mut figure = Figure::new(width, top + side + 56.0);
    figure.text((24.0, 26.0), fitted(title, 17.0, width - 48.0), 17.0, INK, Align::Start);
    let cut =
        if shown < count { format!("the first {shown} of {count} tags: {said}") } else { said.to_owned() };
    figure.text((24.0, 50.0), fitted(&cut, 12.0, width - 48.0), 12.0, SOFT_INK, Align::Start);
    for (row, name) in names.iter().enumerate() {
        let middle = cell * (row as f64 + 0.5);
        figure.text((left - 8.0, top + middle), name, size, INK, Align::End);
        // Upwards text is centred; its foot stands on the matrix.
        let half = font::width(name, size) / 2.0;
        figure.text_upwards((left + middle, top - 8.0 - half), name, size, INK);
        for column in 0..shown {
            let value = matrix.values[row * count + column];
            if row != column {
                let from = (left + cell * column as f64, top + cell * row as f64);
                let colour = if value.is_finite() { ramp(value) } else { UNKNOWN };
                if colour != WHITE {
                    figure.area(
                        (from.0 + 0.5, from.1 + 0.5),
                        (from.0 + cell - 0.5, from.1 + cell - 0.5),
                        colour,
                    );
                }
            }
        }
    }
    // What the colours mean.
    let y = top + side + 26.0;
    for step in 0..=4 {
        let (share, x) = (f64::from(step) / 4.0, 24.0 + 74.0 * f64::from(step));
        figure.area((x, y - 7.0), (x + 22.0, y + 7.0), ramp(share));
        figure.text((x + 28.0, y), format!("{share:.2}"), 11.0, SOFT_INK, Align::Start);
    }
    let mut pairs = (0..shown).flat_map(|row| (0..shown).map(move |column| (row, column)));
    if pairs.any(|(row, column)| row != column && !matrix.values[row * count + column].is_finite()) {
        let x = 24.0 + 74.0 * 5.0;
        figure.area((x, y - 7.0), (x + 22.0, y + 7.0), UNKNOWN);
        figure.text((x + 28.0, y), "too few", 11.0, SOFT_INK, Align::Start);
    }
    Ok(figure)
}

/// From white by blue to dark blue, in steps so that neighbours may be told apart.
fn ramp(value: f64) -> Colour {
    let value = (value.clamp(0.0, 1.0) * 40.0).round() / 40.0;
    if value < 0.5 {
        between(WHITE, PALETTE[0], 2.0 * value)
    } else {
        between(PALETTE[0], (8, 20, 60), 2.0 * value - 1.0)
    }
}
