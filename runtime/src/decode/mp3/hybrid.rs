//! The hybrid filter bank up to the samples of the sub-bands (ISO/IEC 11172-3, 2.4.3.4.10).

use super::huffman::Lines;
use super::imdct::{Group, LongWindow, SILENT, Windows, add_long, add_short, run_long};
use super::side_info::Block;
use wide::f32x4;

/// Slots of a frame, and as many more as the filter bank looks at without using them.
pub(super) const SLOTS: usize = 40;

/// Samples of four sub-bands, by slot.
pub(super) type Slots = [f32x4; SLOTS];

/// Lines of a granule that have the same windows.
pub(super) struct Mix {
    block: Block,
    /// Scaled, and in order of frequency; the windows of short blocks take turns.
    pub lines: Lines,
    /// All lines from here on are zero.
    pub end: usize,
}

impl Mix {
    pub fn new() -> Self {
        Self { block: Block::Long, lines: [0.0; 576], end: 0 }
    }

    /// Makes it silent, up to the line that is looked at last.
    pub fn clear(&mut self, block: Block, wanted: usize) {
        self.block = block;
        // The butterflies at the last bound reach eight lines further.
        self.lines[..(wanted + 8).min(576)].fill(0.0);
        self.end = 0;
    }
}

/// What the last granule leaves to the next, by groups of four sub-bands.
pub(super) struct Hybrid {
    overlap: Vec<Group>,
    windows: &'static Windows,
}

impl Hybrid {
    /// For four times so many sub-bands.
    pub fn new(groups: usize) -> Self {
        Self { overlap: vec![SILENT; groups], windows: Windows::get() }
    }

    /// Forgets what was before.
    pub fn clear(&mut self) {
        self.overlap.fill(SILENT);
    }

    /// Turns a granule, the sum of some mixes, into 18 slots from `first` on.
    pub fn run(&mut self, sum: &mut [Mix], slots: &mut [Slots], first: usize) {
        for mix in sum.iter_mut() {
            reduce_aliases(mix, 4 * self.overlap.len());
        }
        for (at, (overlap, slots)) in self.overlap.iter_mut().zip(slots).enumerate() {
            let Some(now) = slots[first..].first_chunk_mut::<18>() else { return };
            let mut mixes = sum.iter().filter(|mix| mix.end > 72 * at).peekable();
            if let Some((mix, kind)) = mixes.peek().and_then(|mix| Some((*mix, mix.block.long_window()?))) {
                run_long(&turned(&mix.lines, at), self.windows, kind, now, overlap);
                mixes.next();
            } else {
                *now = *overlap;
                *overlap = SILENT;
            }
            for mix in mixes {
                add(self.windows, mix.block, &mix.lines, at, now, overlap);
            }
            // 2.4.3.4.10.4: every other sample of every other sub-band is inverted.
            for sample in now.iter_mut().skip(1).step_by(2) {
                *sample *= f32x4::new([1.0, -1.0, 1.0, -1.0]);
            }
        }
    }
}

/// Adds a block of four sub-bands.
fn add(windows: &Windows, block: Block, lines: &Lines, group: usize, now: &mut Group, next: &mut Group) {
    let lines = turned(lines, group);
    if let Some(kind) = block.long_window() {
        return add_long(&lines, windows, kind, now, next);
    }
    let long =
        if block == Block::Mixed && group == 0 { f32x4::new([1.0, 1.0, 0.0, 0.0]) } else { f32x4::ZERO };
    if block == Block::Mixed {
        add_long(&lines.map(|line| line * long), windows, LongWindow::Usual, now, next);
    }
    add_short(&lines.map(|line| line * (f32x4::ONE - long)), windows, now, next);
}

impl Block {
    /// The window of a block that has but one.
    fn long_window(self) -> Option<LongWindow> {
        match self {
            Self::Long => Some(LongWindow::Usual),
            Self::Start => Some(LongWindow::Start),
            Self::End => Some(LongWindow::End),
            Self::Short | Self::Mixed => None,
        }
    }
}

/// The lines of four sub-bands side by side.
#[inline(always)]
fn turned(lines: &Lines, group: usize) -> Group {
    let Some(lines) = lines[72 * group..].first_chunk::<72>() else { return SILENT };
    let mut turned = SILENT;
    for at in (0..16).step_by(4) {
        let four = |band: usize| {
            let at = 18 * band + at;
            f32x4::new([lines[at], lines[at + 1], lines[at + 2], lines[at + 3]])
        };
        let four = f32x4::transpose([four(0), four(1), four(2), four(3)]);
        turned[at..at + 4].copy_from_slice(&four);
    }
    for at in 16..18 {
        turned[at] = f32x4::new([lines[at], lines[at + 18], lines[at + 36], lines[at + 54]]);
    }
    turned
}

/// The butterflies between the sub-bands of long blocks, up to those with one further than there are (2.4.3.4.10.1, table B.9).
fn reduce_aliases(mix: &mut Mix, sub_bands: usize) {
    let bounds = match mix.block {
        Block::Short => return,
        Block::Mixed => 1,
        Block::Long | Block::Start | Block::End => mix.end.div_ceil(18).min(sub_bands).min(31),
    };
    let (own, other) = butterflies();
    for bound in 1..=bounds {
        let Some(near) = mix.lines[18 * bound - 8..].first_chunk_mut::<16>() else { return };
        let (below, above) = near.split_at_mut(8);
        let lower: [f32; 8] = std::array::from_fn(|i| below[7 - i]);
        let upper: [f32; 8] = std::array::from_fn(|i| above[i]);
        for i in 0..8 {
            below[7 - i] = lower[i] * own[i] - upper[i] * other[i];
            above[i] = upper[i] * own[i] + lower[i] * other[i];
        }
    }
    if bounds > 0 {
        mix.end = mix.end.max(18 * bounds + 8);
    }
}

/// cs and ca of table B.9: 1 / sqrt(1 + c^2) and c / sqrt(1 + c^2).
fn butterflies() -> &'static ([f32; 8], [f32; 8]) {
    const C: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];
    static BUTTERFLIES: std::sync::OnceLock<([f32; 8], [f32; 8])> = std::sync::OnceLock::new();
    BUTTERFLIES.get_or_init(|| {
        let own = C.map(|c| 1.0 / (1.0 + c * c).sqrt());
        let other: [f64; 8] = std::array::from_fn(|i| C[i] * own[i]);
        (own.map(|own| own as f32), other.map(|other| other as f32))
    })
}
