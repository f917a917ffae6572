//! A song's tags over time as a picture: a row for each tag, a cell for each window, the darker the likelier.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use runtime::tagger::{SongTags, Tagger};
use serde::Serialize;
use std::fmt::Write as _;

/// Tags of a song over time; as JSON an object with its keys in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Taggram {
    /// The song, as it was named.
    pub path: String,
    /// Its length.
    pub seconds: f64,
    /// Seconds that one window hears. Window `w` begins at second `w * hop_seconds`.
    pub window_seconds: f64,
    /// Seconds from one window to the next.
    pub hop_seconds: f64,
    /// Names of the tags, the likeliest over the song first.
    pub tags: Vec<String>,
    /// Probabilities, `[windows][tags]`, in the order of `tags`.
    pub probabilities: Vec<Vec<f32>>,
}

impl Taggram {
    /// The `top` likeliest tags of a song over time.
    pub fn new(path: String, tagger: &Tagger, song: &SongTags, top: usize) -> Self {
        let chosen: Vec<usize> = song.ranked().iter().take(top).map(|score| score.index).collect();
        let all = song.tags();
        let rows = song.probabilities.chunks_exact(all.len().max(1));
        Self {
            path,
            seconds: (song.seconds * 1e3).round() / 1e3,
            window_seconds: tagger.window_seconds(),
            hop_seconds: tagger.hop_seconds(),
            tags: chosen.iter().map(|&tag| all[tag].clone()).collect(),
            probabilities: rows.map(|row| chosen.iter().map(|&tag| row[tag]).collect()).collect(),
        }
    }

    /// As SVG.
    pub fn svg(&self) -> String {
        let drawing = self.draw();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" width=\"{WIDTH}\" height=\"{}\" \
             font-family=\"DejaVu Sans, Verdana, sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
            drawing.height, drawing.height
        );
        for Cell { x, y, width, height, colour: [r, g, b] } in &drawing.cells {
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>"
            );
        }
        for Text { x, y, size, anchor, text } in &drawing.texts {
            let anchor = ["start", "middle", "end"][*anchor as usize];
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"#222\">{text}</text>"
            );
        }
        svg + "</svg>\n"
    }

    /// As PNG, two pixels to the point.
    ///
    /// # Errors
    /// Those of the encoder, which has no reason for any.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let drawing = self.draw();
        let mut raster = Raster::new((WIDTH * SCALE) as usize, (drawing.height * SCALE) as usize);
        drawing.cells.iter().for_each(|cell| raster.cell(cell));
        drawing.texts.iter().for_each(|text| raster.text(text));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, raster.width as u32, raster.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&raster.pixels)?;
        Ok(bytes)
    }

    fn draw(&self) -> Drawing {
        let names = self.tags.iter().map(|tag| width(tag, 12.0)).fold(40.0, f64::max);
        let (left, right, top) = (names + 24.0, WIDTH - 70.0, 48.0);
        let bottom = top + ROW * self.tags.len() as f64;
        let mut drawing = Drawing { height: bottom + 56.0, ..Default::default() };
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        drawing.text(12.0, 26.0, 15.0, Anchor::Start, fitted(name, 15.0, WIDTH - 24.0));

        let windows = self.probabilities.len();
        let end = (windows.saturating_sub(1) as f64 * self.hop_seconds + self.window_seconds).max(1e-3);
        let x = |second: f64| left + (right - left) * second / end;
        // A cell stands in the middle of what its window hears, and is as wide as a step.
        let half = if windows > 1 { self.hop_seconds / 2.0 } else { end / 2.0 };
        let most = self.probabilities.iter().flatten().fold(0.0, |most: f32, &p| most.max(p));
        let full = (most * 10.0).ceil().max(1.0) / 10.0;
        for (window, row) in self.probabilities.iter().enumerate() {
            let middle = window as f64 * self.hop_seconds + self.window_seconds / 2.0;
            let from = if window == 0 { 0.0 } else { middle - half };
            let to = if window + 1 == windows { end } else { middle + half };
            for (tag, &p) in row.iter().enumerate() {
                // A little wider, so that no line shows between cells.
                let (x, width) = (x(from), x(to) - x(from) + 0.3);
                let y = top + tag as f64 * ROW;
                let width = width.min(right - x);
                drawing.cells.push(Cell { x, y, width, height: ROW - 2.0, colour: colour(p / full) });
            }
        }
        for (tag, name) in self.tags.iter().enumerate() {
            drawing.text(left - 10.0, top + tag as f64 * ROW + ROW * 0.62, 12.0, Anchor::End, name.clone());
        }
        let step = STEPS.into_iter().find(|step| end / step <= 10.0).unwrap_or((end / 10.0).ceil());
        for tick in 0..=(end / step) as usize {
            let second = tick as f64 * step;
            let line = Cell { x: x(second) - 0.5, y: bottom, width: 1.0, height: 5.0, colour: [120; 3] };
            drawing.cells.push(line);
            drawing.text(x(second), bottom + 19.0, 11.0, Anchor::Middle, clock(second));
        }
        drawing.text((left + right) / 2.0, bottom + 40.0, 11.0, Anchor::Middle, "time (m:ss)".into());
        // What the colours mean.
        let rows = bottom - top - 2.0;
        for step in 0..50 {
            let share = f64::from(step) / 50.0;
            let (y, height) = (top + rows * (1.0 - share - 0.02), rows * 0.02 + 0.3);
            drawing.cells.push(Cell {
                x: WIDTH - 56.0,
                y,
                width: 10.0,
                height,
                colour: colour(share as f32),
            });
        }
        drawing.text(WIDTH - 42.0, top + 9.0, 11.0, Anchor::Start, format!("{full:.1}"));
        drawing.text(WIDTH - 42.0, top + rows, 11.0, Anchor::Start, "0".into());
        drawing
    }
}

const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;
/// Pixels to the point.
const SCALE: f64 = 2.0;
/// Seconds between marks on the axis.
const STEPS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0];

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// From near white over orange to a deep blue: also in grey it only gets darker.
fn colour(share: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 5] =
        [[248., 248., 246.], [253., 212., 146.], [238., 118., 84.], [148., 42., 106.], [36., 14., 70.]];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let stop = (place as usize).min(STOPS.len() - 2);
    let rest = place - stop as f32;
    std::array::from_fn(|i| (STOPS[stop][i] * (1.0 - rest) + STOPS[stop + 1][i] * rest).round() as u8)
}

#[derive(Default)]
struct Drawing {
    height: f64,
    cells: Vec<Cell>,
    texts: Vec<Text>,
}

impl Drawing {
    fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, text: String) {
        self.texts.push(Text { x, y, size, anchor, text });
    }
}

struct Cell {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    colour: [u8; 3],
}

#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

struct Text {
    x: f64,
    /// Of its base line.
    y: f64,
    size: f64,
    anchor: Anchor,
    text: String,
}

/// The trainer draws its plots in the same font.
static FONT: &[u8] = include_bytes!("../../trainer/assets/DejaVuSans-subset.ttf");

fn scaled(size: f64) -> Option<(FontRef<'static>, PxScale)> {
    let font = FontRef::try_from_slice(FONT).ok()?;
    let em = font.units_per_em().unwrap_or(2048.0);
    let scale = PxScale::from(size as f32 * font.height_unscaled() / em);
    Some((font, scale))
}

/// Width of a line of text, in points where `size` is.
fn width(text: &str, size: f64) -> f64 {
    let Some((font, scale)) = scaled(size) else { return 0.0 };
    let font = font.as_scaled(scale);
    text.chars().map(|letter| f64::from(font.h_advance(font.glyph_id(letter)))).sum()
}

/// As much of the text as fits.
fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.into();
    }
    let mut short: String = text.into();
    while !short.is_empty() && width(&short, size) + width("…", size) > room {
        short.pop();
    }
    short + "…"
}

struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Raster {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![255; width * height * 3] }
    }

    fn blend(&mut self, x: usize, y: usize, colour: [u8; 3], ink: f32) {
        if x < self.width && y < self.height {
            let pixel = &mut self.pixels[(y * self.width + x) * 3..][..3];
            for (channel, colour) in pixel.iter_mut().zip(colour) {
                *channel = (f32::from(*channel) * (1.0 - ink) + f32::from(colour) * ink).round() as u8;
            }
        }
    }

    /// Edges that cut a pixel share it.
    fn cell(&mut self, cell: &Cell) {
        let (left, right) = (cell.x * SCALE, (cell.x + cell.width) * SCALE);
        let (top, bottom) = (cell.y * SCALE, (cell.y + cell.height) * SCALE);
        let share =
            |pixel: usize, from: f64, to: f64| (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0);
        for y in top.max(0.0) as usize..bottom.ceil() as usize {
            for x in left.max(0.0) as usize..right.ceil() as usize {
                self.blend(x, y, cell.colour, (share(x, left, right) * share(y, top, bottom)) as f32);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        let Some((font, scale)) = scaled(text.size * SCALE) else { return };
        let long = width(&text.text, text.size) * SCALE;
        let shift = [0.0, 0.5, 1.0][text.anchor as usize] * long;
        let (mut x, y) = ((text.x * SCALE - shift) as f32, (text.y * SCALE) as f32);
        let metric = font.as_scaled(scale);
        for letter in text.text.chars() {
            let id = metric.glyph_id(letter);
            if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(x, y))) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, ink| {
                    let (x, y) = (corner.x + dx as f32, corner.y + dy as f32);
                    if x >= 0.0 && y >= 0.0 {
                        self.blend(x as usize, y as usize, [34; 3], ink.clamp(0.0, 1.0));
                    }
                });
            }
            x += metric.h_advance(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taggram(windows: usize) -> Taggram {
        Taggram {
            path: "music/a & b.mp3".into(),
            seconds: 30.0,
            window_seconds: 6.0,
            hop_seconds: 0.7,
            tags: vec!["rock".into(), "<jazz>".into()],
            probabilities: (0..windows).map(|w| vec![w as f32 / windows as f32, 0.2]).collect(),
        }
    }

    #[test]
    fn the_picture_has_a_cell_for_each_window_and_tag() {
        for windows in [1, 2, 40] {
            let taggram = taggram(windows);
            let svg = taggram.svg();
            // And the ground, the marks of the axis, and what the colours mean.
            let marks = svg.matches("text-anchor=\"middle\"").count() - 1;
            assert_eq!(svg.matches("<rect").count(), 2 * windows + 1 + marks + 50, "{windows}");
            assert!(svg.contains("a &amp; b.mp3") && svg.contains("&lt;jazz>"));
            let png = taggram.png().unwrap();
            assert!(png.starts_with(b"\x89PNG") && png.len() > 1000);
        }
    }

    #[test]
    fn likelier_is_darker() {
        let light = |share| colour(share).iter().map(|&c| u32::from(c)).sum::<u32>();
        let shares: Vec<u32> = (0..=20).map(|step| light(step as f32 / 20.0)).collect();
        assert!(shares.is_sorted_by(|a, b| a > b), "{shares:?}");
    }
}
