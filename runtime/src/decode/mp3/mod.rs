//! MPEG audio Layer III (ISO/IEC 11172-3, 13818-3, and what is called MPEG-2.5) to mono, in a band from 0 Hz on.
//!
//! All that comes after the Huffman codes is linear, and the mean over the channels is all that is wanted. So the
//! channels are mixed as lines, there is one filter bank, and it runs for the sub-bands that reach into the wanted band
//! and gives only as many samples as these need.

mod bands;
mod bits;
mod books;
mod codes;
mod dct;
mod error;
mod grid;
mod header;
mod huffman;
mod hybrid;
mod imdct;
mod main_data;
mod requantise;
mod reservoir;
mod scale_factors;
mod side_info;
mod stereo;
mod synthesis;
mod window;

pub use error::BandError;
pub use grid::Trim;

use grid::{Band, Grid};
use header::Header;
use hybrid::{Hybrid, Mix, SLOTS, Slots};
use main_data::MainData;
use requantise::{add, gains};
use reservoir::Reservoir;
use side_info::SideInfo;
use synthesis::Synthesis;
use wide::f32x4;

/// Decodes packets of Layer III to the mean over the channels, at the rate of the file divided by a whole number, exact
/// in the band that is wanted.
pub struct BandDecoder {
    highest: f32,
    stream: Option<Stream>,
}

/// What a packet gave.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// Sampling rate of the file in hertz.
    pub file_rate: u32,
    /// Channels of the file.
    pub channels: usize,
    /// Samples of each channel that a decoder of the whole band gives for this packet, after trimming.
    pub frames_at_file_rate: usize,
    /// How many samples at the file's rate there are to one of [`samples`](Self::samples).
    pub step: u32,
    /// Every `step`-th sample of the mean over the channels: the first one that was kept since the start of the stream
    /// or the last [`reset`](BandDecoder::reset), and so on.
    pub samples: &'a [f32],
}

/// A stream after its first header.
struct Stream {
    /// Sampling rate and channels of the first packet, which all others must have, too.
    rate: u32,
    channels: usize,
    band: Band,
    grid: Grid,
    /// Of the present frame.
    info: SideInfo,
    reservoir: Reservoir,
    /// Of the present frame.
    main_data: MainData,
    hybrid: Hybrid,
    synthesis: Synthesis,
    /// Of one granule, the sum of both channels or each of them.
    sum: Box<[Mix; 2]>,
    /// Samples of the sub-bands, in groups of four.
    slots: Vec<Slots>,
    /// What the filter bank made of them, and which of it the last packet gave.
    samples: Vec<f32>,
    given: std::ops::Range<usize>,
}

impl std::fmt::Debug for BandDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BandDecoder").field("highest", &self.highest).finish_non_exhaustive()
    }
}

impl BandDecoder {
    /// `highest`: hertz up to which the signal must be right.
    pub fn new(highest: f32) -> Self {
        Self { highest, stream: None }
    }

    /// The number that the rate of a file is divided by.
    pub fn step(&self, file_rate: u32) -> u32 {
        Band::new(file_rate, self.highest).step as u32
    }

    /// Decodes a packet: a whole frame from its header on, as a reader of symphonia gives it.
    ///
    /// `trim` are the samples at the file's rate that are left out, as the packet says, and those before the place that
    /// was sought.
    ///
    /// # Errors
    /// [`BandError::NotLayer3`] at the start of a stream that another decoder has to read. [`BandError::Refused`] where
    /// this packet is damaged; the next one may be decoded. The packets that are refused are those that symphonia's
    /// decoder refuses.
    pub fn decode(&mut self, packet: &[u8], trim: Trim) -> Result<Decoded<'_>, BandError> {
        let (header, body) = Header::read(packet).map_err(|error| match error {
            BandError::NotLayer3 if self.stream.is_some() => BandError::Refused("another layer than before"),
            error => error,
        })?;
        let highest = self.highest;
        let stream = self.stream.get_or_insert_with(|| Stream::new(&header, highest));
        stream.given = 0..0;
        if (stream.rate, stream.channels) != (header.rate(), header.channels) {
            return Err(BandError::Refused("another rate or other channels than before"));
        }
        stream.decode(&header, body, trim)
    }

    /// The samples of the last packet once more; none where it was refused.
    pub fn samples(&self) -> &[f32] {
        self.stream.as_ref().map_or(&[], |stream| &stream.samples[stream.given.clone()])
    }

    /// Forgets what was before, after a seek.
    pub fn reset(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.grid = Grid::default();
            stream.given = 0..0;
            stream.reservoir.clear();
            stream.hybrid.clear();
            stream.synthesis.clear();
        }
    }
}

impl Stream {
    fn new(header: &Header, highest: f32) -> Self {
        let band = Band::new(header.rate(), highest);
        let groups = band.sub_bands.div_ceil(4);
        Self {
            rate: header.rate(),
            channels: header.channels,
            grid: Grid::default(),
            info: SideInfo::default(),
            reservoir: Reservoir::new(),
            main_data: MainData::new(),
            hybrid: Hybrid::new(groups),
            synthesis: Synthesis::new(band.step),
            sum: Box::new([Mix::new(), Mix::new()]),
            slots: vec![[f32x4::ZERO; SLOTS]; groups],
            samples: Vec::new(),
            given: 0..0,
            band,
        }
    }

    fn decode(&mut self, header: &Header, body: &[u8], trim: Trim) -> Result<Decoded<'_>, BandError> {
        self.read(header, body)?;
        for granule in 0..header.granules() {
            // As symphonia does, and too late to leave the state as it was: the first granule counts.
            let [first, second] = self.info.parts[granule].map(|part| part.block);
            if header.joint && first != second {
                self.filter(granule, trim);
                return Err(BandError::Refused("two channels in stereo with different windows"));
            }
            self.mix(header, granule);
        }
        let frames = 576 * header.granules();
        let range = self.filter(header.granules(), trim);
        self.given = range.clone();
        self.grid.advance(self.band.step, frames, trim);
        Ok(Decoded {
            file_rate: self.rate,
            channels: self.channels,
            frames_at_file_rate: trim.kept(frames).len(),
            step: self.band.step as u32,
            samples: &self.samples[range],
        })
    }

    /// Reads the side information and the main data, and forgets the reservoir where they are damaged.
    fn read(&mut self, header: &Header, body: &[u8]) -> Result<(), BandError> {
        let bytes = self.info.read(header, body).inspect_err(|_| self.reservoir.clear())?;
        let missing = self.reservoir.fill(bytes, self.info.main_data_begin)?;
        // The butterflies at the last bound take eight lines from beyond it.
        let limit = (18 * self.band.sub_bands + 8).min(576);
        let read = self.main_data.read(header, &mut self.info, self.reservoir.bytes(), 8 * missing, limit);
        match read {
            Ok(bytes) => self.reservoir.consume(bytes),
            Err(_) => self.reservoir.clear(),
        }
        read.map(|_| ())
    }

    /// Mixes the channels of a granule into the slots.
    fn mix(&mut self, header: &Header, granule: usize) {
        let (parts, coded) = (&self.info.parts[granule], &self.main_data.coded[granule]);
        let bands = parts.each_ref().map(|part| part.block.bands(header.rate_index));
        let side = (&parts[1], &coded[1].factors, &coded[1].lines);
        let intensity = header.intensity.then(|| stereo::with_intensity(header, bands[1], side));
        let weights = intensity.as_ref().unwrap_or_else(|| stereo::plain(header));
        let wanted = 72 * self.slots.len();
        let sum = &mut *self.sum;
        let alike = header.channels == 1 || parts[0].block == parts[1].block;
        for channel in 0..header.channels {
            let (part, coded) = (&parts[channel], &coded[channel]);
            if channel == 0 || !alike {
                sum[channel].clear(part.block, wanted);
            }
            if coded.end == 0 {
                continue;
            }
            let Mix { lines, end, .. } = &mut sum[if alike { 0 } else { channel }];
            let gains = gains(part, &coded.factors, bands[channel], &weights[channel], coded.end);
            *end = (*end).max(add(lines, &coded.lines, &gains, bands[channel], coded.end));
        }
        let sum = &mut sum[..if alike { 1 } else { 2 }];
        self.hybrid.run(sum, &mut self.slots, 18 * granule);
    }

    /// Runs the filter bank over so many granules. Gives which of the samples are kept.
    fn filter(&mut self, granules: usize, trim: Trim) -> std::ops::Range<usize> {
        if granules == 0 {
            return 0..0;
        }
        let (phase, range) = self.grid.place(self.band.step, 576 * granules, trim);
        self.synthesis.run(&self.slots, 18 * granules, phase, &mut self.samples);
        range
    }
}
