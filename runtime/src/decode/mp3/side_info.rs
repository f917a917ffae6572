//! Side information: how the main data of a frame is coded (ISO/IEC 11172-3, 2.4.1.7; 13818-3, 2.4.1.7).

use super::bands::{Bands, LONG_BANDS, MIXED_BANDS, SHORT_BANDS};
use super::bits::Bits;
use super::error::BandError;
use super::header::Header;

/// The windows of a granule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Block {
    /// One long window.
    #[default]
    Long,
    /// A long window that leads to short ones.
    Start,
    /// Three short windows.
    Short,
    /// Three short windows, but for the lowest two sub-bands.
    Mixed,
    /// A long window that follows short ones.
    End,
}

impl Block {
    /// The scale factor bands of this kind of block.
    pub fn bands(self, rate_index: usize) -> &'static Bands {
        match self {
            Self::Long | Self::Start | Self::End => &LONG_BANDS[rate_index],
            Self::Short => &SHORT_BANDS[rate_index],
            Self::Mixed => &MIXED_BANDS[rate_index],
        }
    }
}

/// One channel of one granule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// Bits of scale factors and Huffman codes.
    pub bits: usize,
    /// Pairs of lines that are coded with the tables of [`tables`](Self::tables).
    pub pairs: usize,
    /// Step of all lines, in quarters of a power of two.
    pub global_gain: u8,
    /// How long the scale factors are.
    pub scale_compress: u16,
    /// The windows.
    pub block: Block,
    /// Steps of the short windows, in powers of four.
    pub window_gain: [u8; 3],
    /// Huffman tables of the three regions of pairs.
    pub tables: [u8; 3],
    /// Lines at which the second and the third region begin.
    pub regions: [usize; 2],
    /// Whether the high bands have fixed factors on top; at low rates the scale factors' lengths say so.
    pub high_boost: bool,
    /// Whether a scale factor counts twice.
    pub coarse: bool,
    /// Whether the lines after the pairs are coded with the second table.
    pub second_quads: bool,
}

/// Side information of a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct SideInfo {
    /// Bytes before this frame's main data at which its own begins.
    pub main_data_begin: usize,
    /// Groups of bands whose scale factors the second granule takes from the first, by channel.
    pub shared: [[bool; 4]; 2],
    /// By granule and channel.
    pub parts: [[Part; 2]; 2],
}

impl SideInfo {
    /// Reads the side information at the start of `body`. Gives the main data after it.
    pub fn read<'a>(&mut self, header: &Header, body: &'a [u8]) -> Result<&'a [u8], BandError> {
        let mono = header.channels == 1;
        let length = match (header.is_mpeg1(), mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        if body.len() < length {
            return Err(BandError::Refused("a packet that ends in its side information"));
        }
        let mut bits = Bits::at(body, 0);
        if header.is_mpeg1() {
            self.main_data_begin = bits.read(9) as usize;
            bits.read(if mono { 5 } else { 3 });
            for shared in self.shared[..header.channels].as_flattened_mut() {
                *shared = bits.flag();
            }
        } else {
            self.main_data_begin = bits.read(8) as usize;
            bits.read(if mono { 1 } else { 2 });
        }
        for granule in &mut self.parts[..header.granules()] {
            for part in &mut granule[..header.channels] {
                *part = Part::read(header, &mut bits)?;
            }
        }
        Ok(&body[length..])
    }
}

impl Part {
    /// Reads one channel of one granule.
    fn read(header: &Header, bits: &mut Bits<'_>) -> Result<Self, BandError> {
        // One refill is enough for all fields up to the tables, and one for the others.
        bits.refill();
        let mut part = Self {
            bits: bits.take(12) as usize,
            pairs: bits.take(9) as usize,
            global_gain: bits.take(8) as u8,
            scale_compress: bits.take(if header.is_mpeg1() { 4 } else { 9 }) as u16,
            ..Self::default()
        };
        if part.pairs > 288 {
            return Err(BandError::Refused("more lines than there are"));
        }
        let long = &LONG_BANDS[header.rate_index];
        let switched = bits.take(1) == 1;
        bits.refill();
        if switched {
            let block = bits.take(2);
            let mixed = bits.take(1) == 1;
            part.block = match (block, mixed) {
                (1, _) => Block::Start,
                (2, false) => Block::Short,
                (2, true) => Block::Mixed,
                (3, _) => Block::End,
                _ => return Err(BandError::Refused("a switched window of the usual kind")),
            };
            part.tables = [bits.take(5) as u8, bits.take(5) as u8, 0];
            part.window_gain = std::array::from_fn(|_| bits.take(3) as u8);
            // 2.4.2.7: nine short bands or eight long ones, but six or eight long ones in MPEG-2.5.
            let short = matches!(part.block, Block::Short | Block::Mixed);
            let second = match header.rate_index {
                6.. if part.block == Block::Short => long.lines(6).start,
                6.. => long.lines(8).start,
                3.. if !short => 54,
                _ => 36,
            };
            part.regions = [second, 576];
        } else {
            part.tables = std::array::from_fn(|_| bits.take(5) as u8);
            let first = bits.take(4) as usize + 1;
            let second = first + bits.take(3) as usize + 1;
            part.regions = [first, second].map(|band| if band < 22 { long.lines(band).start } else { 576 });
        }
        part.high_boost = header.is_mpeg1() && bits.take(1) == 1;
        part.coarse = bits.take(1) == 1;
        part.second_quads = bits.take(1) == 1;
        Ok(part)
    }
}
