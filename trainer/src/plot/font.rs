//! The embedded font: widths of text, and its drawing in pixels.
//!
//! plotters' own drawing by ab_glyph leaves out the space on the left of each letter, so words come out ragged.
use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// The family that an SVG asks for; the embedded font is the first.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// From the base line to the middle of small letters, in the size of the text.
pub(super) const MIDDLE: f64 = 0.27;

static BYTES: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

fn font() -> Option<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(BYTES).ok()).as_ref()
}

/// Glyphs of a line of text from x = 0 on its base line, and the line's width. `size` is that of the em square.
fn glyphs(font: &FontRef<'static>, text: &str, size: f64) -> (Vec<Glyph>, f32) {
    let em = font.units_per_em().unwrap_or(2048.0);
    let scale = PxScale::from(size as f32 * font.height_unscaled() / em);
    let scaled = font.as_scaled(scale);
    let (mut x, mut before) = (0.0, None);
    let mut glyphs = Vec::new();
    for letter in text.chars() {
        let id = scaled.glyph_id(letter);
        x += before.map_or(0.0, |before| scaled.kern(before, id));
        glyphs.push(id.with_scale_and_position(scale, point(x, 0.0)));
        x += scaled.h_advance(id);
        before = Some(id);
    }
    (glyphs, x)
}

/// Width of a line of text at this size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    font().map_or(0.0, |font| f64::from(glyphs(font, text, size).1))
}

/// Gives each pixel that a line of text touches, from x = 0 on its base line, y downwards, with its share of ink.
pub(super) fn pixels(text: &str, size: f64, mut pixel: impl FnMut(i32, i32, f32)) {
    let Some(font) = font() else { return };
    for glyph in glyphs(font, text, size).0 {
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, ink| pixel(corner.x as i32 + x as i32, corner.y as i32 + y as i32, ink));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_font_has_the_letters_of_plots() {
        let font = font().unwrap();
        for letter in ('!'..='~').chain("éßçğ±–…−Žθд".chars()) {
            assert_ne!(font.glyph_id(letter).0, 0, "{letter}");
        }
        // Advances of DejaVu Sans, in 2048 to the em: "AUC" is 1401 + 1499 + 1430.
        assert!((width("AUC", 2048.0) - 4330.0).abs() < 2.0, "{}", width("AUC", 2048.0));
    }
}
