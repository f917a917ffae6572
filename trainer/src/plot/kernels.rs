//! What the kernels of a first layer look like.
use super::figure::{Align, Colour, Figure, INK, PALETTE, SOFT_INK, between, fitted};

/// Kernels over mel bands and frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// How many.
    pub count: usize,
    /// Mel bands of each.
    pub bands: usize,
    /// Frames of each.
    pub frames: usize,
    /// `[count, bands, frames]`; band 0 is the lowest.
    pub values: Vec<f32>,
}

/// The strongest of many are shown.
const MOST: usize = 72;
const COLUMNS: usize = 18;
const LEFT: f64 = 84.0;
const TOP: f64 = 76.0;
const WIDTH: f64 = 900.0;
/// Colours on either side of nothing.
const STEPS: f64 = 12.0;

pub(super) fn figure(title: &str, kernels: &Kernels) -> Result<Figure, &'static str> {
    let Kernels { count, bands, frames, values } = kernels;
    let size = bands * frames;
    if *count == 0 || size == 0 || values.len() != count * size {
        return Err("no kernel");
    }
    let of = |kernel: usize| &values[kernel * size..][..size];
    let strength = |kernel: usize| of(kernel).iter().map(|v| v * v).sum::<f32>();
    let mut order: Vec<usize> = (0..*count).collect();
    order.sort_by(|&a, &b| strength(b).total_cmp(&strength(a)).then(a.cmp(&b)));
    order.truncate(MOST);
    // By the height of what they listen to, so that likes stand together.
    let height = |kernel: usize| {
        let weight = |band: usize| {
            of(kernel)[band * frames..][..*frames].iter().map(|v| f64::from(v * v)).sum::<f64>()
        };
        let (sum, moment) =
            (0..*bands).fold((1e-30, 0.0), |(s, m), b| (s + weight(b), m + b as f64 * weight(b)));
        moment / sum
    };
    order.sort_by(|&a, &b| height(a).total_cmp(&height(b)));
    let slot = (WIDTH - LEFT - 24.0) / COLUMNS as f64;
    let tall = (1.6 * *bands as f64).clamp(24.0, 156.0);
    let cell = ((slot - 8.0) / *frames as f64, tall / *bands as f64);
    let rows = order.len().div_ceil(COLUMNS);
    let mut figure = Figure::new(WIDTH, TOP + rows as f64 * (tall + 14.0) + 42.0);
    figure.text((24.0, 26.0), fitted(title, 17.0, WIDTH - 48.0), 17.0, INK, Align::Start);
    let shown = if order.len() < *count {
        format!("the strongest {} of {count}", order.len())
    } else {
        format!("all {count}")
    };
    let said = format!(
        "{shown} kernels of {bands} mel bands by {frames} frames, each scaled to its largest weight; by the height of what they listen to"
    );
    figure.text((24.0, 50.0), fitted(&said, 12.0, WIDTH - 48.0), 12.0, SOFT_INK, Align::Start);
    for (place, &kernel) in order.iter().enumerate() {
        let left = LEFT + slot * (place % COLUMNS) as f64;
        let top = TOP + (tall + 14.0) * (place / COLUMNS) as f64;
        if place % COLUMNS == 0 {
            figure.text((LEFT - 8.0, top + 6.0), "high", 11.0, SOFT_INK, Align::End);
            figure.text((LEFT - 8.0, top + tall - 6.0), "low", 11.0, SOFT_INK, Align::End);
        }
        let most = of(kernel).iter().fold(1e-20_f32, |most, v| most.max(v.abs()));
        figure.area((left, top), (left + cell.0 * *frames as f64, top + tall), (255, 255, 255));
        for frame in 0..*frames {
            let colour = |band: usize| signed(of(kernel)[band * frames + frame] / most);
            // Bands of one colour are one mark.
            let mut from = 0;
            for band in 1..=*bands {
                if band == *bands || colour(band) != colour(from) {
                    let x = left + cell.0 * frame as f64;
                    let (high, low) = (top + tall - cell.1 * band as f64, top + tall - cell.1 * from as f64);
                    if colour(from) != (255, 255, 255) {
                        figure.area((x, high), (x + cell.0, low), colour(from));
                    }
                    from = band;
                }
            }
        }
    }
    let y = TOP + rows as f64 * (tall + 14.0) + 16.0;
    for (place, (value, text)) in
        [(-1.0, "inhibits"), (0.0, "nothing"), (1.0, "excites")].into_iter().enumerate()
    {
        let x = LEFT + 150.0 * place as f64;
        figure.area((x - 1.0, y - 8.0), (x + 21.0, y + 8.0), (226, 226, 226));
        figure.area((x, y - 7.0), (x + 20.0, y + 7.0), signed(value));
        figure.text((x + 28.0, y), text, 12.0, SOFT_INK, Align::Start);
    }
    Ok(figure)
}

/// Orange for what excites, blue for what inhibits, white for nothing.
fn signed(value: f32) -> Colour {
    let value = (f64::from(value).clamp(-1.0, 1.0) * STEPS).round() / STEPS;
    let end = if value < 0.0 { PALETTE[0] } else { PALETTE[1] };
    between((255, 255, 255), end, value.abs())
}
