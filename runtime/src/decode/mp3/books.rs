//! Huffman codes as tables to look values up in.

use super::codes;
use std::sync::OnceLock;

/// Bits by which a pair is looked up: nearly all codes are shorter. More would push other tables out of the cache.
const FAST_BITS: u32 = 10;

/// Codes of pairs of lines.
pub(super) struct PairBook {
    /// By the next [`FAST_BITS`] bits.
    fast: Box<[FastPair; 1 << FAST_BITS]>,
    /// By the number in a [`FastPair`], the further tables of codes that begin alike: where in [`long`](Self::long) each
    /// begins, and by how many bits.
    tables: Vec<(u16, u8)>,
    /// Those tables.
    long: Vec<SlowPair>,
}

/// What a pair begins with, in 16 bits: how many bits it takes with its signs, 0 where that depends on more bits; how
/// many the code alone takes; x; y. Where the code is longer than what was looked up, both counts are 0, and the number
/// of a further table follows.
#[derive(Clone, Copy)]
pub(super) struct FastPair(u16);

impl FastPair {
    /// Bits of the code and the signs; 0 where more has to be looked up.
    #[inline(always)]
    pub fn length(self) -> u32 {
        u32::from(self.0 & 15)
    }

    /// Bits of the code.
    #[inline(always)]
    pub fn code_length(self) -> u32 {
        u32::from(self.0 >> 4 & 15)
    }

    /// The size of the first line.
    #[inline(always)]
    pub fn x(self) -> usize {
        usize::from(self.0 >> 8 & 15)
    }

    /// The size of the second line.
    #[inline(always)]
    pub fn y(self) -> usize {
        usize::from(self.0 >> 12)
    }

    /// The number of a further table.
    fn table(self) -> usize {
        usize::from(self.0 >> 8)
    }
}

/// A code: its length, and x and y without their signs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SlowPair {
    pub length: u8,
    pub x: u8,
    pub y: u8,
}

impl PairBook {
    /// A book of codes as in [`codes`]; `escapes` where 15 says that more bits follow.
    fn new(codes: &[u16], escapes: bool) -> Self {
        let mut book =
            Self { fast: Box::new([FastPair(0); 1 << FAST_BITS]), tables: Vec::new(), long: Vec::new() };
        let first = |at: u64| (at >> (32 - FAST_BITS)) as usize;
        let mut before = None;
        for (at, length, value) in in_order(codes) {
            let (x, y) = (value >> 4, value & 15);
            if length <= FAST_BITS {
                let signs = u32::from(x > 0) + u32::from(y > 0);
                let all = if escapes && (x == 15 || y == 15) { 0 } else { length + signs };
                let entry = FastPair((all | length << 4 | x << 8 | y << 12) as u16);
                book.fast[first(at)..][..1 << (FAST_BITS - length)].fill(entry);
                continue;
            }
            if before != Some(first(at)) {
                before = Some(first(at));
                let like = in_order(codes).filter(|&(other, ..)| first(other) == first(at));
                let bits = like.map(|(_, length, _)| length).max().unwrap_or(length) - FAST_BITS;
                book.fast[first(at)] = FastPair((book.tables.len() << 8) as u16);
                book.tables.push((book.long.len() as u16, bits as u8));
                book.long.resize(book.long.len() + (1 << bits), SlowPair::default());
            }
            let Some(&(base, bits)) = book.tables.last() else { continue };
            let rest = (at << FAST_BITS & 0xffff_ffff) >> (32 - bits);
            let pair = SlowPair { length: length as u8, x: x as u8, y: y as u8 };
            let places = 1 << (FAST_BITS + u32::from(bits) - length);
            book.long[usize::from(base) + rest as usize..][..places].fill(pair);
        }
        book
    }

    /// What the pair at the top of a word begins with.
    #[inline(always)]
    pub fn fast(&self, word: u64) -> FastPair {
        self.fast[(word >> (64 - FAST_BITS)) as usize]
    }

    /// The code of which `fast` was found.
    #[inline(always)]
    pub fn slow(&self, fast: FastPair, word: u64) -> SlowPair {
        if fast.code_length() > 0 {
            return SlowPair { length: fast.code_length() as u8, x: fast.x() as u8, y: fast.y() as u8 };
        }
        let (base, bits) = self.tables[fast.table()];
        let rest = (word << FAST_BITS).wrapping_shr(64u32.wrapping_sub(bits.into()));
        self.long[usize::from(base).wrapping_add(rest as usize)]
    }
}

/// Codes with where they begin as fractions of 2^32, their lengths and their values.
fn in_order(codes: &[u16]) -> impl Iterator<Item = (u64, u32, u32)> + '_ {
    codes.iter().scan(0u64, |at, &code| {
        let (begin, length) = (*at, u32::from(code >> 8));
        *at += 1 << (32 - length);
        Some((begin, length, u32::from(code & 255)))
    })
}

/// Bits by which four lines of at most 1 are looked up: all of them are found so.
const QUAD_BITS: u32 = 10;

/// Codes of four lines that are at most 1, with their signs.
pub(super) struct QuadBook {
    /// By the next [`QUAD_BITS`] bits, how many of them it took and which lines they are.
    found: [(u8, u8); 1 << QUAD_BITS],
    lines: [[f32; 4]; 81],
}

impl QuadBook {
    fn new(codes: &[u16]) -> Self {
        let mut found = [(0, 0); 1 << QUAD_BITS];
        for (at, length, value) in in_order(codes) {
            let signs = value.count_ones();
            for sign in 0..1u64 << signs {
                // In threes: 0, 1 or, with its sign, 2 for each line.
                let (mut left, mut lines) = (signs, 0);
                for bit in (0..4).rev() {
                    let size = (value >> bit & 1) as u8;
                    left -= u32::from(size);
                    lines = 3 * lines + size + (size & (sign >> left) as u8);
                }
                let all = length + signs;
                let begin = (at >> (32 - QUAD_BITS)) + (sign << (QUAD_BITS - all));
                found[begin as usize..][..1 << (QUAD_BITS - all)].fill((all as u8, lines));
            }
        }
        let line = |digit: usize| [0.0, 1.0, -1.0][digit % 3];
        let lines =
            std::array::from_fn(|lines| [line(lines / 27), line(lines / 9), line(lines / 3), line(lines)]);
        Self { found, lines }
    }

    /// How many bits the four lines at the top of a word take, and the lines.
    #[inline(always)]
    pub fn find(&self, word: u64) -> (u32, &[f32; 4]) {
        let (length, lines) = self.found[(word >> (64 - QUAD_BITS)) as usize];
        (length.into(), &self.lines[usize::from(lines).min(80)])
    }
}

/// All codes.
pub(super) struct Books {
    /// By number; those that stand for nothing but zeros are missing, and from 16 on there are only two.
    pairs: [Option<PairBook>; 18],
    /// The two tables of the lines that are at most 1.
    pub quads: [QuadBook; 2],
}

/// Bits that follow a 15, by number of the table.
const ESCAPE_BITS: [u8; 32] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13];

impl Books {
    /// The books, made the first time.
    pub fn get() -> &'static Self {
        static BOOKS: OnceLock<Box<Books>> = OnceLock::new();
        BOOKS.get_or_init(|| {
            let plain = |codes: &[u16]| Some(PairBook::new(codes, false));
            let escaped = |codes: &[u16]| Some(PairBook::new(codes, true));
            let pairs = [
                None,
                plain(&codes::PAIRS_1),
                plain(&codes::PAIRS_2),
                plain(&codes::PAIRS_3),
                None,
                plain(&codes::PAIRS_5),
                plain(&codes::PAIRS_6),
                plain(&codes::PAIRS_7),
                plain(&codes::PAIRS_8),
                plain(&codes::PAIRS_9),
                plain(&codes::PAIRS_10),
                plain(&codes::PAIRS_11),
                plain(&codes::PAIRS_12),
                plain(&codes::PAIRS_13),
                None,
                plain(&codes::PAIRS_15),
                escaped(&codes::PAIRS_16),
                escaped(&codes::PAIRS_24),
            ];
            let quads = [QuadBook::new(&codes::QUADS_A), QuadBook::new(&codes::QUADS_B)];
            Box::new(Self { pairs, quads })
        })
    }

    /// The book of a table, nothing where all lines are zero, and how many bits follow a 15.
    pub fn pairs(&self, table: u8) -> (Option<&PairBook>, u32) {
        let book = match table & 31 {
            table @ 0..16 => usize::from(table),
            16..24 => 16,
            _ => 17,
        };
        (self.pairs[book].as_ref(), ESCAPE_BITS[usize::from(table & 31)].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code is found in the slow way under its own bits, whatever follows, and in the fast way if it is short.
    #[test]
    fn every_code_is_found() {
        let books = Books::get();
        for (table, codes) in [(7, &codes::PAIRS_7[..]), (13, &codes::PAIRS_13), (24, &codes::PAIRS_24)] {
            let book = books.pairs(table).0.unwrap();
            for (at, length, value) in in_order(codes) {
                for rest in [0, (1u64 << (64 - length)) - 1] {
                    let word = at << 32 | rest;
                    let fast = book.fast(word);
                    let found = book.slow(fast, word);
                    let (x, y) = (value >> 4, value & 15);
                    assert_eq!((u32::from(found.length), found.x.into(), found.y.into()), (length, x, y));
                    let signs = u32::from(x > 0) + u32::from(y > 0);
                    let escapes = table == 24 && (x == 15 || y == 15);
                    let expected = if length > FAST_BITS || escapes { 0 } else { length + signs };
                    assert_eq!(fast.length(), expected);
                }
            }
        }
    }
}
