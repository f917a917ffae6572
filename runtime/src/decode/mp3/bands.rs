//! Scale factor bands (ISO/IEC 11172-3, table B.8; 13818-3, table B.2).

/// Where the bands of a granule begin, the end after the last one: in the order of the bit stream, in which the three
/// windows of a band of short blocks follow one another.
pub(super) struct Bands {
    starts: [u16; 40],
    /// How many bands there are.
    pub count: usize,
    /// The first of them that belongs to a short window; from there on there are three to a band.
    pub first_short: usize,
}

impl Bands {
    /// Lines of a band.
    pub fn lines(&self, band: usize) -> std::ops::Range<usize> {
        usize::from(self.starts[band])..usize::from(self.starts[band + 1])
    }

    /// How many lines have to be read for all below `line`: in short bands, those of all three windows.
    pub fn lines_for(&self, line: usize) -> usize {
        let ends = (self.first_short..self.count).step_by(3).map(|band| self.lines(band + 2).end);
        ends.into_iter().find(|end| *end >= line).unwrap_or(line)
    }

    /// Long windows only.
    const fn long(starts: &[u16; 23]) -> Self {
        let mut all = [576; 40];
        let mut band = 0;
        while band < 22 {
            all[band] = starts[band];
            band += 1;
        }
        Self { starts: all, count: 22, first_short: 22 }
    }

    /// The bands in `long`, and then the short bands from the one that begins where they end.
    const fn short(long: &[u16], starts: &[u16; 14], first: usize) -> Self {
        let mut all = [576; 40];
        let mut count = 0;
        while count < long.len() {
            all[count] = long[count];
            count += 1;
        }
        let mut band = first;
        while band < 13 {
            let width = starts[band + 1] - starts[band];
            let mut window = 0;
            while window < 3 {
                all[count] = 3 * starts[band] + window * width;
                count += 1;
                window += 1;
            }
            band += 1;
        }
        Self { starts: all, count, first_short: long.len() }
    }

    /// Mixed blocks at 8 kHz, whose bands do not meet at line 36 as those of all other rates do. The standard leaves
    /// them open, and no encoder is known to write them; these are the bounds that symphonia guesses.
    const fn mixed_at_8_khz() -> Self {
        let mut bands = Self::short(&[0, 12, 24, 36, 40, 44, 48, 56, 64], &SHORT[6], 3);
        bands.first_short = 3;
        bands
    }
}

/// The bands of one kind of block at each of the nine sampling rates.
type AtRates = [Bands; 9];

/// Long blocks.
pub(super) static LONG_BANDS: AtRates = {
    let [a, b, c, d, e, f] = &LONG;
    [
        Bands::long(a),
        Bands::long(b),
        Bands::long(c),
        Bands::long(d),
        Bands::long(e),
        Bands::long(d),
        Bands::long(d),
        Bands::long(d),
        Bands::long(f),
    ]
};

/// Short blocks.
pub(super) static SHORT_BANDS: AtRates = {
    let [a, b, c, d, e, f, g] = &SHORT;
    let none = &[];
    [
        Bands::short(none, a, 0),
        Bands::short(none, b, 0),
        Bands::short(none, c, 0),
        Bands::short(none, d, 0),
        Bands::short(none, e, 0),
        Bands::short(none, f, 0),
        Bands::short(none, f, 0),
        Bands::short(none, f, 0),
        Bands::short(none, g, 0),
    ]
};

/// Blocks of which the lowest 36 lines are long and the others short.
pub(super) static MIXED_BANDS: AtRates = {
    let [a, b, c, d, e, f, _] = &SHORT;
    let first = &[0, 4, 8, 12, 16, 20, 24, 30];
    let second = &[0, 6, 12, 18, 24, 30];
    [
        Bands::short(first, a, 3),
        Bands::short(first, b, 3),
        Bands::short(first, c, 3),
        Bands::short(second, d, 3),
        Bands::short(second, e, 3),
        Bands::short(second, f, 3),
        Bands::short(second, f, 3),
        Bands::short(second, f, 3),
        Bands::mixed_at_8_khz(),
    ]
};

/// Where long bands begin, at 44.1, 48 and 32 kHz; 22.05 kHz (and 16, 12 and 11.025); 24 kHz; 8 kHz.
const LONG: [[u16; 23]; 6] = [
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576],
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576],
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576],
    [
        0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574,
        576,
    ],
];

/// Where short bands begin in each window, at 44.1, 48, 32, 22.05, 24, 16 (and 12 and 11.025) and 8 kHz.
const SHORT: [[u16; 14]; 7] = [
    [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192],
    [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192],
    [0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192],
    [0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192],
    [0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_every_line_once() {
        for bands in LONG_BANDS.iter().chain(&SHORT_BANDS).chain(&MIXED_BANDS) {
            let mut line = 0;
            for band in 0..bands.count {
                let lines = bands.lines(band);
                assert!(lines.start == line && lines.end > line && lines.len() % 2 == 0);
                line = lines.end;
            }
            assert_eq!((line, (bands.count - bands.first_short) % 3), (576, 0));
        }
    }
}
