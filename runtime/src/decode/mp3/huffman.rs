//! Lines of a granule out of Huffman codes (ISO/IEC 11172-3, 2.4.1.7 and 2.4.3.4.6).

use super::bits::Bits;
use super::books::{Books, FastPair, PairBook, SlowPair};
use super::side_info::Part;
use std::sync::OnceLock;

/// More bits than a pair of lines can take.
pub(super) const LONGEST_PAIR: usize = 48;

/// Lines of one channel of a granule, and room for one more step.
pub(super) type Lines = [f32; 576];

/// Sizes that a line can have: 15 and what 13 bits add to it.
const SIZES: usize = 15 + (1 << 13);

/// Powers of 4/3 (2.4.3.4.7), by the size of a line.
pub(super) struct Powers {
    all: Box<[f32; SIZES]>,
    /// Those of sizes up to 15, as the bits of a number.
    small: [u32; 16],
}

impl Powers {
    /// The table, made the first time.
    pub fn get() -> &'static Self {
        static POWERS: OnceLock<Powers> = OnceLock::new();
        POWERS.get_or_init(|| {
            let power = |size: usize| (size as f64).powf(4.0 / 3.0) as f32;
            let all: Vec<f32> = (0..SIZES).map(power).collect();
            let all = all.try_into().unwrap_or_else(|_| unreachable!("it was made of this size"));
            let small = std::array::from_fn(|size| power(size).to_bits());
            Self { all, small }
        })
    }

    /// Both lines of a pair that begins at the top of a word. The sign of the first follows the code; that of the second,
    /// if it has one, comes last. A line of size 0 may get a sign that belongs to none: it is zero all the same.
    #[inline(always)]
    fn pair(&self, pair: FastPair, word: u64) -> [f32; 2] {
        let sign = |at: u32| (word.wrapping_shl(at) >> 32) as u32 & 1 << 31;
        let x = self.small[pair.x()] ^ sign(pair.code_length());
        let y = self.small[pair.y()] ^ sign(pair.length().wrapping_sub(1));
        [f32::from_bits(x), f32::from_bits(y)]
    }

    /// A line of this size, with the sign that is the highest bit of a word.
    fn signed(&self, size: u32, word: u64) -> f32 {
        let power = self.all[(size as usize).min(SIZES - 1)];
        // Signs cannot be foreseen: a branch on them would cost more than all the rest.
        f32::from_bits(power.to_bits() ^ ((word >> 32) as u32 & 1 << 31))
    }
}

/// How many lines were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// All lines from here on are zero, up to the limit.
    pub end: usize,
    /// Where in the main data the codes that were read end.
    pub position: usize,
}

/// Reads the lines of a part up to line `limit`, or a few further, and clears the rest up to there. `bits` stand at the
/// first code, and the codes take `length` bits.
pub(super) fn read_lines(
    mut bits: Bits<'_>,
    part: &Part,
    length: usize,
    limit: usize,
    lines: &mut Lines,
) -> Read {
    let (books, powers) = (Books::get(), Powers::get());
    let stop = bits.position() + length;
    let mut end = 0;
    if length > 0 {
        let pairs_end = 2 * part.pairs;
        let regions = [part.regions[0], part.regions[1], 576];
        for (region, table) in regions.into_iter().zip(part.tables) {
            let region = region.min(pairs_end).min(limit);
            let Some(region) = lines.get_mut(end..region) else { continue };
            end += match books.pairs(table) {
                (Some(book), escape) => read_pairs(&mut bits, book, escape, stop, powers, region),
                (None, _) => {
                    region.fill(0.0);
                    region.len()
                }
            };
        }
        let book = &books.quads[usize::from(part.second_quads)];
        // In the order of the checks: with no lines left, or no bits, nothing more is read.
        while end < limit && end <= 572 && bits.position() < stop {
            bits.refill();
            let (length, four) = book.find(bits.peek());
            bits.skip(length);
            // Some encoders state a length that is too great by a few bits; those are no lines.
            if bits.position() > stop {
                break;
            }
            lines[end..end + 4].copy_from_slice(four);
            end += 4;
        }
    }
    if let Some(rest) = lines.get_mut(end..limit) {
        rest.fill(0.0);
    }
    Read { end, position: bits.position() }
}

/// Reads pairs of lines until they are all there or position `stop` is reached. Gives how many lines were read.
fn read_pairs(
    at: &mut Bits<'_>,
    book: &PairBook,
    escape: u32,
    stop: usize,
    powers: &Powers,
    lines: &mut [f32],
) -> usize {
    // A copy, which stays in registers.
    let mut bits = *at;
    let mut read = lines.len();
    // Far from the end of the bits, one refill is for four pairs.
    for (at, pair) in lines.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        if at & 3 == 0 {
            if bits.position() + 4 * LONGEST_PAIR > stop {
                read = 2 * at;
                break;
            }
            bits.refill();
        }
        let found = book.fast(bits.peek());
        if found.length() != 0 {
            *pair = powers.pair(found, bits.peek());
            bits.skip(found.length());
        } else {
            bits.refill();
            (bits, *pair) = read_long_pair(bits, book.slow(found, bits.peek()), escape, powers);
            bits.refill();
        }
    }
    for pair in lines[read..].as_chunks_mut::<2>().0 {
        if bits.position() >= stop {
            break;
        }
        bits.refill();
        let found = book.fast(bits.peek());
        if found.length() != 0 {
            *pair = powers.pair(found, bits.peek());
            bits.skip(found.length());
        } else {
            (bits, *pair) = read_long_pair(bits, book.slow(found, bits.peek()), escape, powers);
        }
        read += 2;
    }
    *at = bits;
    read
}

/// A pair that takes many bits: at most 19 for the code, and 13 and a sign for each of the lines.
// By value, so that the caller's copy of the reader stays in registers.
#[inline(always)]
fn read_long_pair<'a>(
    mut bits: Bits<'a>,
    found: SlowPair,
    escape: u32,
    powers: &Powers,
) -> (Bits<'a>, [f32; 2]) {
    bits.skip(found.length.into());
    let mut line = |size: u8| {
        let size = if size == 15 { 15 + bits.take(escape) } else { size.into() };
        let line = powers.signed(size, bits.peek());
        bits.skip(size.min(1));
        line
    };
    let pair = [line(found.x), line(found.y)];
    (bits, pair)
}
