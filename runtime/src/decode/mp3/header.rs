//! The four bytes at the start of a frame (ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3).

use super::error::BandError;

/// Bytes of a header.
const LEN: usize = 4;

/// Kilobits a second of Layer III in MPEG-1, by the index in the header.
const BIT_RATES_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/// The same at the lower sampling rates of MPEG-2 and 2.5.
const BIT_RATES_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Hertz, by [`Header::rate_index`]: MPEG-1, MPEG-2 and MPEG-2.5.
const RATES: [u32; 9] = [44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8_000];

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Which of the nine sampling rates; from 3 on it is a low one (MPEG-2), from 6 on half of a low one (2.5).
    pub rate_index: usize,
    /// One or two.
    pub channels: usize,
    /// Whether the two channels must be coded alike, as joint stereo needs.
    pub joint: bool,
    /// Middle and side instead of left and right.
    pub mid_side: bool,
    /// Intensity stereo above the last line of the second channel.
    pub intensity: bool,
    /// Whether 16 bits of check sum follow.
    crc: bool,
    /// Bytes of the frame, the header with them.
    size: usize,
}

impl Header {
    /// The header that a packet begins with, and what follows it and its check sum.
    ///
    /// Bytes before the first header are passed over, as symphonia does; a frame of any other length than that which
    /// its header states is refused.
    pub fn read(packet: &[u8]) -> Result<(Self, &[u8]), BandError> {
        let words =
            packet.windows(LEN).map(|bytes| bytes.iter().fold(0, |word, b| word << 8 | u32::from(*b)));
        let found = words.enumerate().find(|(_, word)| plausible(*word));
        let (at, word) = found.ok_or(BandError::Refused("no header"))?;
        let header = Self::parse(word)?;
        let frame = &packet[at..];
        if frame.len() != header.size {
            return Err(BandError::Refused("a packet that is not as long as its header says"));
        }
        let body = frame.get(LEN + if header.crc { 2 } else { 0 }..);
        Ok((header, body.ok_or(BandError::Refused("a packet that ends in its check sum"))?))
    }

    /// The fields of a word that is [`plausible`].
    fn parse(word: u32) -> Result<Self, BandError> {
        let field = |shift: u32, bits: u32| (word >> shift & ((1 << bits) - 1)) as usize;
        let (version, layer, bit_rate) = (field(19, 2), field(17, 2), field(12, 4));
        if layer != 1 || bit_rate == 0 {
            return Err(BandError::NotLayer3);
        }
        let first_rate = match version {
            3 => 0,
            2 => 3,
            _ => 6,
        };
        let rate_index = first_rate + field(10, 2);
        let mode = field(6, 2);
        let (bit_rates, slots) = if version == 3 { (&BIT_RATES_1, 144) } else { (&BIT_RATES_2, 72) };
        // 2.4.3.1: a slot of Layer III is a byte.
        let size = slots * bit_rates[bit_rate] * 1000 / RATES[rate_index];
        Ok(Self {
            rate_index,
            channels: if mode == 3 { 1 } else { 2 },
            joint: mode == 1,
            mid_side: mode == 1 && field(5, 1) == 1,
            intensity: mode == 1 && field(4, 1) == 1,
            crc: field(16, 1) == 0,
            size: size as usize + field(9, 1),
        })
    }

    /// Sampling rate in hertz.
    pub fn rate(&self) -> u32 {
        RATES[self.rate_index]
    }

    /// Whether it is MPEG-1, which has two granules a frame.
    pub fn is_mpeg1(&self) -> bool {
        self.rate_index < 3
    }

    /// Granules of 576 samples.
    pub fn granules(&self) -> usize {
        if self.is_mpeg1() { 2 } else { 1 }
    }
}

/// Whether a word can be a header of any layer: the sync word is there, and no field has a value that is reserved.
fn plausible(word: u32) -> bool {
    let field = |shift: u32, bits: u32| word >> shift & ((1 << bits) - 1);
    field(21, 11) == 0x7ff
        && field(19, 2) != 1
        && field(17, 2) != 0
        && field(12, 4) != 15
        && field(10, 2) != 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: [u8; 4], length: usize) -> Result<Header, BandError> {
        let packet: Vec<u8> = header.into_iter().chain(std::iter::repeat(0)).take(length).collect();
        Header::read(&packet).map(|(header, _)| header)
    }

    #[test]
    fn frames_of_layer_3_are_told_from_all_others() {
        let header = read([0xff, 0xfb, 0x90, 0x64], 417).unwrap();
        assert_eq!((header.rate(), header.channels, header.granules()), (44_100, 2, 2));
        assert!(header.joint && header.mid_side && !header.intensity);
        let low = read([0xff, 0xf3, 0x42, 0xc4], 105).unwrap();
        assert_eq!((low.rate(), low.channels, low.granules()), (22_050, 1, 1));
        // Layer II, Layer I, and a free bit rate.
        for second_third in [[0xfd, 0x90], [0xff, 0x90], [0xfb, 0x00]] {
            let error = read([0xff, second_third[0], second_third[1], 0x64], 417);
            assert_eq!(error, Err(BandError::NotLayer3));
        }
        // A frame that is too short, and no frame.
        for (header, length) in [([0xff, 0xfb, 0x90, 0x64], 416), ([0; 4], 417), ([0xff; 4], 3), ([0; 4], 0)]
        {
            assert!(matches!(read(header, length), Err(BandError::Refused(_))));
        }
    }
}
