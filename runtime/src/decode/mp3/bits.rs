//! Bits out of bytes, the highest first.

/// A reader that gives zeros after the end of its bytes.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The byte that the next refill begins with.
    next: usize,
    /// Bits that come next, the first one highest.
    word: u64,
    /// How many of them are there.
    have: u32,
}

impl<'a> Bits<'a> {
    /// A reader that begins `bit` bits into the data.
    pub fn at(data: &'a [u8], bit: usize) -> Self {
        let mut bits = Self { data, next: bit >> 3, word: 0, have: 0 };
        bits.refill();
        bits.skip((bit & 7) as u32);
        bits
    }

    /// Bits from the start of the data to here; past its end, those that are not there count as well.
    pub fn position(&self) -> usize {
        (self.next << 3).wrapping_sub(self.have as usize)
    }

    /// Makes 56 bits available.
    // Without a branch on how many there are: the bytes that were read in part are read again.
    #[inline(always)]
    pub fn refill(&mut self) {
        let ahead = self.data.get(self.next..).and_then(<[u8]>::first_chunk::<8>);
        let ahead = match ahead {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => last_bytes(self.data, self.next),
        };
        self.word |= ahead.wrapping_shr(self.have);
        self.next = self.next.wrapping_add(((63 ^ self.have) >> 3) as usize);
        self.have |= 56;
    }

    /// The next bits as the top of a word: 56 of them after a refill.
    #[inline(always)]
    pub fn peek(&self) -> u64 {
        self.word
    }

    /// Passes over up to 56 bits that are available.
    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.word = self.word.wrapping_shl(bits);
        self.have = self.have.wrapping_sub(bits);
    }

    /// Up to 32 bits that are available.
    #[inline(always)]
    pub fn take(&mut self, bits: u32) -> u32 {
        // In two steps, for a shift by all 64 bits is none.
        let value = (self.word >> 1).wrapping_shr(63u32.wrapping_sub(bits)) as u32;
        self.skip(bits);
        value
    }

    /// Up to 32 bits.
    pub fn read(&mut self, bits: u32) -> u32 {
        self.refill();
        self.take(bits)
    }

    /// One bit.
    pub fn flag(&mut self) -> bool {
        self.read(1) == 1
    }
}

/// The fewer than eight bytes that are left, and zeros.
#[cold]
#[inline(never)]
fn last_bytes(data: &[u8], next: usize) -> u64 {
    let rest = data.get(next..).unwrap_or_default();
    (0..8).fold(0, |word, at| word << 8 | u64::from(rest.get(at).copied().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn reads_what_a_slow_reader_reads_and_zeros_after_the_end() {
        let data: Vec<u8> = (0..40u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        let bit = |at: usize| data.get(at / 8).map_or(0, |byte| u32::from(*byte) >> (7 - at % 8) & 1);
        for start in 0..17 {
            let (mut bits, mut at) = (Bits::at(&data, start), start);
            for step in 0..60 {
                let count = (step * 7 + start) % 33;
                assert_eq!(bits.position(), at);
                let expected = (at..at + count).fold(0u32, |word, at| word << 1 | bit(at));
                assert_eq!(bits.read(count as u32), expected, "{count} bits from {at}");
                at += count;
            }
        }
    }
}
