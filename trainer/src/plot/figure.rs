//! A picture as a list of marks, in points (1/96 inch) from the upper left corner.
use super::font;

pub(super) type Colour = (u8, u8, u8);

pub(super) const INK: Colour = (34, 34, 34);
pub(super) const SOFT_INK: Colour = (95, 95, 95);
pub(super) const GRID: Colour = (226, 226, 226);
pub(super) const AXIS: Colour = (120, 120, 120);

/// Colours that people with any colour vision tell apart: Okabe & Ito, "Color universal design" (2008), without
/// its yellow, which is too pale on white.
pub(super) const PALETTE: [Colour; 7] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (110, 110, 110),
];

/// The colour at a share of the way from one to another.
pub(super) fn between(from: Colour, to: Colour, share: f64) -> Colour {
    let mix = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Lengths of stroke and gap in turn; empty for a whole line.
pub(super) type Dash = &'static [f64];
pub(super) const WHOLE: Dash = &[];
pub(super) const DASHED: Dash = &[7.0, 4.0];
pub(super) const DOTTED: Dash = &[1.8, 3.0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub colour: Colour,
    pub opacity: f64,
    pub width: f64,
    pub dash: Dash,
}

impl Stroke {
    pub fn new(colour: Colour, width: f64) -> Self {
        Self { colour, opacity: 1.0, width, dash: WHOLE }
    }

    pub fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    pub fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Mark {
    Line { points: Vec<(f64, f64)>, stroke: Stroke },
    Dot { at: (f64, f64), radius: f64, colour: Colour },
    Area { from: (f64, f64), to: (f64, f64), colour: Colour },
    Text(Label),
}

/// Text of one line. `at` is on the line's middle height, at its start, middle or end; turned upwards it reads
/// from the bottom to the top.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub at: (f64, f64),
    pub text: String,
    pub size: f64,
    pub colour: Colour,
    pub align: Align,
    pub upwards: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
}

impl Figure {
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    pub fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
        self.marks.push(Mark::Line { points: points.into_iter().collect(), stroke });
    }

    pub fn dot(&mut self, at: (f64, f64), radius: f64, colour: Colour) {
        self.marks.push(Mark::Dot { at, radius, colour });
    }

    pub fn area(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour) {
        self.marks.push(Mark::Area { from, to, colour });
    }

    pub fn text(&mut self, at: (f64, f64), text: impl Into<String>, size: f64, colour: Colour, align: Align) {
        self.marks.push(Mark::Text(Label { at, text: text.into(), size, colour, align, upwards: false }));
    }

    pub fn text_upwards(&mut self, at: (f64, f64), text: impl Into<String>, size: f64, colour: Colour) {
        let align = Align::Middle;
        self.marks.push(Mark::Text(Label { at, text: text.into(), size, colour, align, upwards: true }));
    }
}

/// `text` cut to `width` at this size, with an ellipsis where something was cut; control characters become spaces.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if font::width(&text, size) <= width {
        return text;
    }
    while text.pop().is_some() {
        let cut = format!("{}…", text.trim_end());
        if font::width(&cut, size) <= width {
            return cut;
        }
    }
    String::new()
}
