//! Scale factors (ISO/IEC 11172-3, 2.4.2.7 and 2.4.3.4.7; 13818-3, 2.4.3.2).

use super::bits::Bits;
use super::header::Header;
use super::side_info::{Block, Part};

/// Scale factors by band, in the order of the bit stream; those of bands that have none are 0.
pub(super) type Factors = [u8; 39];

/// Lengths in bits of the two halves of the bands in MPEG-1, by the index in the side information.
const LENGTHS: [[u8; 2]; 16] = [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [3, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 1],
    [2, 2],
    [2, 3],
    [3, 1],
    [3, 2],
    [3, 3],
    [4, 2],
    [4, 3],
];

/// Bands of each length in MPEG-2 (13818-3, 2.4.3.2): by the range that the index is in, the first three for the second
/// channel of intensity stereo; then by kind of block: long, short, mixed.
const COUNTS: [[[u8; 4]; 3]; 6] = [
    [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]],
    [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]],
    [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]],
    [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]],
    [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]],
    [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]],
];

/// How the scale factors of a part lie in the bit stream: groups of bands with factors of one length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    counts: [u8; 4],
    lengths: [u8; 4],
    /// Groups whose factors are those of the granule before.
    shared: [bool; 4],
}

impl Layout {
    /// The layout of a part, whose [`Part::high_boost`] is set where the layout says so. `shared` are the groups that a
    /// second granule takes from the first.
    pub fn of(header: &Header, channel: usize, shared: Option<[bool; 4]>, part: &mut Part) -> Self {
        if !header.is_mpeg1() {
            return Self::of_mpeg2(header.intensity && channel == 1, part);
        }
        let [first, second] = LENGTHS[usize::from(part.scale_compress & 15)];
        let (counts, long) = match part.block {
            Block::Short => ([9, 9, 9, 9], false),
            Block::Mixed => ([8, 9, 9, 9], false),
            Block::Long | Block::Start | Block::End => ([6, 5, 5, 5], true),
        };
        let shared = shared.filter(|_| long).unwrap_or_default();
        Self { counts, lengths: [first, first, second, second], shared }
    }

    fn of_mpeg2(intensity: bool, part: &mut Part) -> Self {
        let index = part.scale_compress;
        let (range, lengths) = if intensity {
            match index >> 1 {
                i @ 0..180 => (0, [i / 36, i % 36 / 6, i % 6, 0]),
                i @ 180..244 => (1, [(i - 180) >> 4, ((i - 180) % 16) >> 2, (i - 180) % 4, 0]),
                i => (2, [(i - 244) / 3, (i - 244) % 3, 0, 0]),
            }
        } else {
            part.high_boost = index >= 500;
            match index {
                i @ 0..400 => (3, [(i >> 4) / 5, (i >> 4) % 5, (i % 16) >> 2, i % 4]),
                i @ 400..500 => (4, [((i - 400) >> 2) / 5, ((i - 400) >> 2) % 5, i % 4, 0]),
                i => (5, [(i - 500) / 3, (i - 500) % 3, 0, 0]),
            }
        };
        let kind = match part.block {
            Block::Long | Block::Start | Block::End => 0,
            Block::Short => 1,
            Block::Mixed => 2,
        };
        Self { counts: COUNTS[range][kind], lengths: lengths.map(|l| l as u8), shared: [false; 4] }
    }

    /// Bits that the scale factors take.
    pub fn bits(&self) -> usize {
        let groups = self.counts.iter().zip(&self.lengths).zip(&self.shared);
        groups
            .map(|((&count, &length), &shared)| {
                usize::from(count) * usize::from(length) * usize::from(!shared)
            })
            .sum()
    }

    /// Reads the scale factors; `before` are those of the granule before.
    pub fn read(&self, bits: &mut Bits<'_>, before: &Factors) -> Factors {
        let mut factors = [0; 39];
        let mut first = 0;
        for group in 0..4 {
            let (length, end) = (u32::from(self.lengths[group]), first + usize::from(self.counts[group]));
            if self.shared[group] {
                factors[first..end].copy_from_slice(&before[first..end]);
            } else if length > 0 {
                // At most five bits each: eleven of them, the most that a group of long bands has, fit in a refill.
                for few in factors[first..end].chunks_mut(11) {
                    bits.refill();
                    for factor in few {
                        *factor = bits.take(length) as u8;
                    }
                }
            }
            first = end;
        }
        factors
    }
}
