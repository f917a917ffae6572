//! The main data of a frame: scale factors and lines (ISO/IEC 11172-3, 2.4.1.7).

use super::bits::Bits;
use super::error::BandError;
use super::header::Header;
use super::huffman::{LONGEST_PAIR, Lines, read_lines};
use super::scale_factors::{Factors, Layout};
use super::side_info::{Part, SideInfo};

/// One channel of one granule as it was coded.
#[derive(Clone)]
pub(super) struct Coded {
    /// Before they are scaled, in the order of the bit stream.
    pub lines: Lines,
    /// All lines from here on are zero, or above the band that is wanted.
    pub end: usize,
    /// Scale factors.
    pub factors: Factors,
}

impl Coded {
    /// Makes it silent.
    fn clear(&mut self) {
        self.lines.fill(0.0);
        self.end = 0;
        self.factors = [0; 39];
    }
}

/// What was coded, by granule and channel.
pub(super) struct MainData {
    pub coded: Box<[[Coded; 2]; 2]>,
}

impl MainData {
    pub fn new() -> Self {
        let none = Coded { lines: [0.0; 576], end: 0, factors: [0; 39] };
        let both = [none.clone(), none];
        Self { coded: Box::new([both.clone(), both]) }
    }

    /// Reads all parts of a frame from `data`, with how many bytes count, of which the first `missing` bits are not
    /// there: granules that begin there are silent. Of each part it reads the lines up to `limit`. Gives how many bytes
    /// were read.
    pub fn read(
        &mut self,
        header: &Header,
        info: &mut SideInfo,
        data: (&[u8], usize),
        missing: usize,
        limit: usize,
    ) -> Result<usize, BandError> {
        let mut begin = 0;
        let mut passed = 0;
        for granule in 0..header.granules() {
            if passed < missing {
                for channel in 0..header.channels {
                    self.coded[granule][channel].clear();
                    passed += info.parts[granule][channel].bits;
                }
                begin = passed.saturating_sub(missing);
                continue;
            }
            for channel in 0..header.channels {
                let shared = (granule == 1).then_some(info.shared[channel]);
                let part = &mut info.parts[granule][channel];
                let layout = Layout::of(header, channel, shared, part);
                let before = self.coded[0][channel].factors;
                let coded = &mut self.coded[granule][channel];
                // With intensity stereo, the last line of the second channel matters, however high it is. With middle
                // and side alone, the mix has nothing of it.
                let limit = match (channel, header.intensity, header.mid_side) {
                    (1, true, _) => 576,
                    (1, false, true) => 0,
                    _ => part.block.bands(header.rate_index).lines_for(limit),
                };
                coded.read(data, begin, part, layout, &before, limit)?;
                begin += part.bits;
            }
        }
        Ok(begin.div_ceil(8))
    }
}

impl Coded {
    /// Reads a part that begins at a bit of the data.
    fn read(
        &mut self,
        (data, length): (&[u8], usize),
        begin: usize,
        part: &Part,
        layout: Layout,
        before: &Factors,
        limit: usize,
    ) -> Result<(), BandError> {
        let all = 8 * length;
        let factor_bits = layout.bits();
        let end = begin + part.bits;
        if begin > all || begin + factor_bits > all {
            return Err(BandError::Refused("a part that begins after its data"));
        }
        if factor_bits > part.bits {
            return Err(BandError::Refused("scale factors longer than their part"));
        }
        let length = part.bits - factor_bits;
        if length > 0 && end > all {
            return Err(BandError::Refused("a part that ends after its data"));
        }
        // Codes may run over the end of their part, but not over that of the data: where that can be, all are read.
        let near_end = length > 0 && end + LONGEST_PAIR > all;
        if limit == 0 && !near_end {
            self.end = 0;
            return Ok(());
        }
        let mut bits = Bits::at(data, begin);
        self.factors = layout.read(&mut bits, before);
        let read = read_lines(bits, part, length, if near_end { 576 } else { limit }, &mut self.lines);
        if near_end && read.position > all {
            return Err(BandError::Refused("codes that run over the end of the data"));
        }
        self.end = read.end.min(limit);
        Ok(())
    }
}
