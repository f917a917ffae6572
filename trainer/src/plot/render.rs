//! Draws a [`Figure`] on any plotters backend; writes it as SVG and PNG.
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use plotters::prelude::{BitMapBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters_backend::{DrawingBackend, DrawingErrorKind};

use super::figure::{Align, Colour, Figure, Label, Mark, Stroke};
use super::{PlotError, PlotFiles, font};

/// Backends count in whole units; this many to the point keep curves smooth. The PNG is drawn at this scale and
/// halved, so it has two pixels to the point.
const UNITS: f64 = 4.0;

/// plotters takes a text's size to be 1.24 times the em square; this is the em square of its size.
pub(super) fn em(size: f64) -> f64 {
    size / 1.24
}

fn units(value: f64) -> i32 {
    (value * UNITS).round() as i32
}

fn place((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

fn filled((r, g, b): Colour) -> ShapeStyle {
    ShapeStyle::from(&RGBColor(r, g, b)).filled()
}

/// Draws the marks in their order on a backend of [`UNITS`] to the point.
pub(super) fn draw<B: DrawingBackend>(
    figure: &Figure,
    backend: &mut B,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    backend.ensure_prepared()?;
    backend.draw_rect((0, 0), place((figure.width, figure.height)), &filled((255, 255, 255)), true)?;
    for mark in &figure.marks {
        match mark {
            Mark::Line { points, stroke } => draw_line(backend, points, stroke)?,
            Mark::Dot { at, radius, colour } => {
                backend.draw_circle(place(*at), units(*radius) as u32, &filled(*colour), true)?;
            }
            Mark::Area { from, to, colour } => {
                backend.draw_rect(place(*from), place(*to), &filled(*colour), true)?
            }
            Mark::Text(label) => draw_text(backend, label)?,
        }
    }
    backend.present()
}

fn draw_line<B: DrawingBackend>(
    backend: &mut B,
    points: &[(f64, f64)],
    stroke: &Stroke,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    let (r, g, b) = stroke.colour;
    let colour = plotters::style::Color::mix(&RGBColor(r, g, b), stroke.opacity);
    let style = ShapeStyle::from(colour).stroke_width(units(stroke.width).max(1) as u32);
    let whole = stroke.dash.is_empty();
    let pieces = if whole { vec![points.to_vec()] } else { dashes(points, stroke.dash) };
    for piece in pieces {
        let mut path: Vec<(i32, i32)> = piece.into_iter().map(place).collect();
        path.dedup();
        if path.len() > 1 {
            backend.draw_path(path, &style)?;
        }
    }
    Ok(())
}

/// The strokes of a dashed line along `points`.
fn dashes(points: &[(f64, f64)], pattern: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let Some(&first) = points.first() else { return Vec::new() };
    let (mut strokes, mut stroke) = (Vec::new(), vec![first]);
    let (mut turn, mut left) = (0, pattern[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                stroke.push(to);
                break;
            }
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            stroke.push(from);
            if turn % 2 == 0 {
                strokes.push(std::mem::take(&mut stroke));
            }
            stroke = vec![from];
            turn += 1;
            left = pattern[turn % pattern.len()];
        }
    }
    if turn % 2 == 0 {
        strokes.push(stroke);
    }
    strokes
}

fn draw_text<B: DrawingBackend>(
    backend: &mut B,
    label: &Label,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    let (r, g, b) = label.colour;
    let along = match label.align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    let turn = if label.upwards { FontTransform::Rotate270 } else { FontTransform::None };
    // The inverse of `em`.
    let font = (font::FAMILY, label.size * UNITS * 1.24).into_font().transform(turn);
    let colour = RGBColor(r, g, b);
    let style = TextStyle::from(font).color(&colour).pos(Pos::new(along, VPos::Center));
    // Backends centre small letters; half way to centring capitals and digits suits all.
    let lower = 0.05 * label.size;
    let at = if label.upwards { (label.at.0 + lower, label.at.1) } else { (label.at.0, label.at.1 + lower) };
    backend.draw_text(&label.text, &style, place(at))
}

/// The figure as the text of an SVG, sized in points.
fn svg(figure: &Figure) -> Result<String, String> {
    let (width, height) = place((figure.width, figure.height));
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, (width as u32, height as u32));
        draw(figure, &mut backend).map_err(|error| error.to_string())?;
    }
    let units = format!("width=\"{width}\" height=\"{height}\"");
    let points = format!("width=\"{}\" height=\"{}\"", figure.width, figure.height);
    Ok(text.replacen(&units, &points, 1))
}

/// Writes `stem.svg` and `stem.png`; each appears whole or not at all.
pub(super) fn write(figure: &Figure, stem: &Path) -> Result<PlotFiles, PlotError> {
    let files = PlotFiles { svg: with_ending(stem, "svg"), png: with_ending(stem, "png") };
    let svg = svg(figure).map_err(|reason| PlotError::Draw { path: files.svg.clone(), reason })?;
    replace(&files.svg, ".svg", |temporary| std::fs::write(temporary, svg.as_bytes()).map_err(Failure::Io))?;

    let (width, height) = place((figure.width, figure.height));
    let mut raster = super::raster::Raster::new(width as u32, height as u32);
    let failed =
        |error: DrawingErrorKind<_>| PlotError::Draw { path: files.png.clone(), reason: error.to_string() };
    draw(figure, &mut raster).map_err(failed)?;
    let (width, height, rgb) = raster.halved();
    replace(&files.png, ".png", |temporary| {
        let draw = || {
            let mut backend = BitMapBackend::new(temporary, (width, height));
            backend.blit_bitmap((0, 0), (width, height), &rgb)?;
            backend.present()
        };
        draw().map_err(|error| Failure::Other(error.to_string()))
    })?;
    Ok(files)
}

/// A stem may hold dots, as in "0.1M", so the ending is added rather than exchanged.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(stem);
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

enum Failure {
    Io(io::Error),
    Other(String),
}

/// Has a temporary file in the same folder written, then renames it.
fn replace(
    path: &Path,
    ending: &str,
    write: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), PlotError> {
    let failed = |source| PlotError::Write { path: path.to_path_buf(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plot-").suffix(ending);
    // Plain files are readable as the user's umask says; temporary ones by default by their owner only.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder).map_err(failed)?.into_temp_path();
    write(&temporary).map_err(|failure| match failure {
        Failure::Io(source) => failed(source),
        Failure::Other(reason) => PlotError::Draw { path: path.to_path_buf(), reason },
    })?;
    temporary.persist(path).map_err(|error| failed(error.error))
}
