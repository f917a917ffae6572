//! From bytes to messages.

use super::{CRC_BYTES, FrameError, Message};
use crate::crc::crc32;

/// Puts frames of up to `N` bytes together from the bytes of a line.
///
/// No byte makes it panic, and after each zero byte it begins anew: damage costs the frames that it is in, no more.
#[derive(Clone, Debug)]
pub struct Decoder<const N: usize> {
    frame: [u8; N],
    /// Bytes so far; more than `N` where there was no room.
    length: usize,
    /// The frame was handed over.
    done: bool,
}

impl<const N: usize> Default for Decoder<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Decoder<N> {
    /// A decoder that has heard nothing.
    pub const fn new() -> Self {
        Self { frame: [0; N], length: 0, done: false }
    }

    /// Takes a byte; says what the frame holds that ends with it, or what is wrong with it.
    ///
    /// Zeros without anything before them are passed over.
    pub fn push(&mut self, byte: u8) -> Option<Result<Message<'_>, FrameError>> {
        if self.done {
            (self.done, self.length) = (false, 0);
        }
        if byte != 0 {
            if let Some(slot) = self.frame.get_mut(self.length) {
                *slot = byte;
            }
            self.length = self.length.saturating_add(1);
            return None;
        }
        if self.length == 0 {
            return None;
        }
        self.done = true;
        if self.length > N {
            return Some(Err(FrameError::TooLong));
        }
        let bytes = self.length;
        Some(message(&mut self.frame[..bytes]).ok_or(FrameError::Damaged { bytes }).flatten())
    }

    /// The bytes of the frame that [`push`](Self::push) answered for last, where it was damaged: text, perhaps. At most `N`.
    pub fn raw(&self) -> &[u8] {
        &self.frame[..self.length.min(N)]
    }
}

/// The message in a frame without its zero; nothing where stuffing or checksum are wrong. The frame stays as it was then.
fn message(frame: &mut [u8]) -> Option<Result<Message<'_>, FrameError>> {
    let length = unstuffed_length(frame)?.checked_sub(CRC_BYTES)?;
    let mut bytes = Unstuffed::new(frame);
    let mut crc = crate::crc::Crc32::new();
    for byte in bytes.by_ref().take(length) {
        crc.update(&[byte]);
    }
    let mut stated = [0; CRC_BYTES];
    stated.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
    if crc.finish() != u32::from_le_bytes(stated) {
        return None;
    }
    // Sound: now it can be unstuffed in place, for what is written never overtakes what is read.
    let mut reader = (0, 0, false);
    for to in 0..length {
        frame[to] = next(frame, &mut reader)?;
    }
    let message = &frame[..length];
    debug_assert_eq!(crc32(message), u32::from_le_bytes(stated));
    Some(postcard::from_bytes(message).map_err(|_| FrameError::Unknown))
}

/// Place of the next byte to read, bytes left in the run, and whether a zero follows it.
type Reader = (usize, u8, bool);

/// The next byte behind the stuffing.
fn next(frame: &[u8], (place, left, zero): &mut Reader) -> Option<u8> {
    while *left == 0 {
        let code = *frame.get(*place)?;
        let was_zero = *zero;
        (*place, *left, *zero) = (*place + 1, code - 1, code < 255);
        if was_zero {
            return Some(0);
        }
    }
    let byte = *frame.get(*place)?;
    (*place, *left) = (*place + 1, *left - 1);
    Some(byte)
}

/// The bytes behind the stuffing.
struct Unstuffed<'f> {
    frame: &'f [u8],
    reader: Reader,
}

impl<'f> Unstuffed<'f> {
    fn new(frame: &'f [u8]) -> Self {
        Self { frame, reader: (0, 0, false) }
    }
}

impl Iterator for Unstuffed<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        next(self.frame, &mut self.reader)
    }
}

/// Bytes behind the stuffing, where its runs end where the frame does.
fn unstuffed_length(frame: &[u8]) -> Option<usize> {
    let (mut place, mut length) = (0, 0);
    while place < frame.len() {
        let code = usize::from(frame[place]);
        place += code;
        // A run of less than 254 bytes stands for a zero behind it, but for the last one.
        length += code - 1 + usize::from(code < 255 && place < frame.len());
    }
    (place == frame.len()).then_some(length)
}
