//! Main data of a frame, which may begin in the frames before it (ISO/IEC 11172-3, 2.4.3.4.2).

use super::error::BandError;

/// The most bytes that main data can take: 511 from before and a frame of 320 kbit/s at 32 kHz, with some to spare.
const SIZE: usize = 2048;

/// Bytes after the data, so that a reader can always read eight at a time.
const ROOM: usize = 8;

/// Bytes of main data, from this frame and those before it.
pub(super) struct Reservoir {
    bytes: Box<[u8; SIZE + ROOM]>,
    /// How many there are.
    len: usize,
    /// How many of them were decoded.
    used: usize,
}

impl Reservoir {
    pub fn new() -> Self {
        Self { bytes: Box::new([0; SIZE + ROOM]), len: 0, used: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
        self.used = 0;
    }

    /// Takes in a frame's main data, which begins `begin` bytes earlier. Gives how many of those are missing; what is
    /// there then begins with what was not used yet.
    pub fn fill(&mut self, main_data: &[u8], begin: usize) -> Result<usize, BandError> {
        if begin + main_data.len() > SIZE {
            return Err(BandError::Refused("main data longer than the reservoir"));
        }
        let unused = self.len - self.used;
        let kept = begin.min(unused);
        self.bytes.copy_within(self.len - kept..self.len, 0);
        self.bytes[kept..kept + main_data.len()].copy_from_slice(main_data);
        self.len = kept + main_data.len();
        self.used = 0;
        Ok(begin - kept)
    }

    /// Says that so many bytes were decoded.
    pub fn consume(&mut self, bytes: usize) {
        self.used = self.len.min(self.used + bytes);
    }

    /// The bytes that were not used yet, and some that mean nothing; and how many are no such bytes.
    pub fn bytes(&self) -> (&[u8], usize) {
        (&self.bytes[self.used..self.len + ROOM], self.len - self.used)
    }
}
