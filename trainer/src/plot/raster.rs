//! A picture in memory for plotters to draw on, with text in the embedded font.
use std::convert::Infallible;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};

use super::font;

/// RGB pixels, row by row.
pub(super) struct Raster {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl Raster {
    /// A white picture.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![255; width as usize * height as usize * 3] }
    }

    /// The picture at half the size, each pixel the mean of four: edges come out smooth.
    pub fn halved(&self) -> (u32, u32, Vec<u8>) {
        let (width, height) = (self.width / 2, self.height / 2);
        let row = self.width as usize * 3;
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let corner = 2 * y * row + 6 * x;
                for channel in corner..corner + 3 {
                    let four = [channel, channel + 3, channel + row, channel + row + 3];
                    let sum: u32 = four.iter().map(|&at| u32::from(self.rgb[at])).sum();
                    rgb.push(((sum + 2) / 4) as u8);
                }
            }
        }
        (width, height, rgb)
    }

    fn blend(&mut self, x: i32, y: i32, colour: (u8, u8, u8), share: f64) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        if share >= 1.0 {
            self.rgb[at..at + 3].copy_from_slice(&[colour.0, colour.1, colour.2]);
            return;
        }
        for (under, over) in self.rgb[at..at + 3].iter_mut().zip([colour.0, colour.1, colour.2]) {
            *under = (f64::from(*under) + (f64::from(over) - f64::from(*under)) * share).round() as u8;
        }
    }
}

impl DrawingBackend for Raster {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.blend(x, y, colour.rgb, colour.alpha.clamp(0.0, 1.0));
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        _: bool,
    ) -> Drawn {
        let colour = style.color();
        for y in from.1.max(0)..to.1.min(self.height as i32) {
            for x in from.0.max(0)..to.0.min(self.width as i32) {
                self.blend(x, y, colour.rgb, colour.alpha);
            }
        }
        Ok(())
    }

    /// Text centred on `pos` in height, as [`super::render`] asks for it and as the SVG backend writes it.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, pos: BackendCoord) -> Drawn {
        let (size, colour) = (super::render::em(style.size()), style.color());
        let width = font::width(text, size);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let (left, base) = (left.round() as i32, (font::MIDDLE * size).round() as i32);
        let turn: FontTransform = style.transform();
        font::pixels(text, size, |x, y, ink| {
            let (x, y) = turn.transform(x + left, y + base);
            self.blend(pos.0 + x, pos.1 + y, colour.rgb, colour.alpha * f64::from(ink));
        });
        Ok(())
    }
}
