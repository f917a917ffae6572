//! What a device says over a serial line, and how a computer understands it.
//!
//! Each message is a frame: the message in [postcard]'s encoding, its CRC-32 (as zip has it, four bytes, lowest first),
//! both together made free of zero bytes by COBS (consistent overhead byte stuffing), and a zero byte as end. Whoever
//! begins to listen in the middle understands from the next zero on; text that is no frame, of a boot loader, say, is
//! told apart by its checksum.
//!
//! In postcard an enum begins with the number of its variant, unsigned integers above 8 bits are varints (seven bits a
//! byte, lowest first, the highest bit set on all but the last byte), `f32` is four bytes, lowest first, and strings and
//! slices of bytes are a varint of their length and the bytes. So [`Message::Scores`] is: 2, varint `window`, varint
//! `uptime_milliseconds`, varint `heard_milliseconds`, varint `instructions`, and twice a length and two bytes for each
//! tag. The whole is specified in `docs/formats.md`.
//!
//! ```
//! use runtime::frames::{Decoder, Message, encode};
//!
//! let mut frame = [0; 64];
//! let frame = encode(&Message::Log { text: "hello" }, &mut frame)?;
//! let mut decoder = Decoder::<64>::new();
//! let mut heard = String::new();
//! for &byte in frame {
//!     if let Some(Ok(Message::Log { text })) = decoder.push(byte) {
//!         heard = text.into();
//!     }
//! }
//! assert_eq!(heard, "hello");
//! # Ok::<(), runtime::frames::FrameError>(())
//! ```

mod decode;
#[cfg(test)]
mod tests;

pub use decode::Decoder;

use crate::crc::crc32;
use serde::{Deserialize, Serialize};

/// The version of what is said; in [`Message::Hello`].
pub const PROTOCOL: u8 = 1;
/// Bytes of the checksum.
const CRC_BYTES: usize = 4;

/// A message from a device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message<'a> {
    /// The first: who speaks.
    Hello {
        /// [`PROTOCOL`].
        protocol: u8,
        /// Name of the network.
        model: &'a str,
        /// How many tags it has.
        tags: u16,
        /// Samples a second that come in.
        sample_rate: u32,
        /// What one answer hears, in milliseconds.
        window_milliseconds: u32,
        /// From one answer to the next, in milliseconds.
        hop_milliseconds: u32,
    },
    /// Name of a tag, once for each after [`Message::Hello`].
    Tag {
        /// Its place.
        index: u16,
        /// Its name.
        name: &'a str,
        /// The probability from which on it is taken as present, where the model says so.
        threshold: Option<f32>,
    },
    /// An answer.
    Scores {
        /// Which window, from 0 on.
        window: u32,
        /// Since the device started.
        uptime_milliseconds: u64,
        /// Music heard so far.
        heard_milliseconds: u64,
        /// Instructions since the last answer, 0 where they are not counted.
        instructions: u64,
        /// Of this window, one for each tag.
        probabilities: Probabilities<'a>,
        /// Means over all windows so far, one for each tag.
        means: Probabilities<'a>,
    },
    /// Something to read.
    Log {
        /// The text.
        text: &'a str,
    },
    /// The last: the music is over.
    End {
        /// Answers in all.
        windows: u32,
        /// Instructions in all, 0 where they are not counted.
        instructions: u64,
    },
}

/// Probabilities in steps of 1/65535, two bytes each, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probabilities<'a>(#[serde(borrow)] &'a [u8]);

impl<'a> Probabilities<'a> {
    /// Writes probabilities into `room`, as many as there is room for.
    pub fn write(probabilities: impl Iterator<Item = f32>, room: &'a mut [u8]) -> Self {
        let mut written = 0;
        for (slot, p) in room.as_chunks_mut::<2>().0.iter_mut().zip(probabilities) {
            *slot = ((p.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16).to_le_bytes();
            written += 2;
        }
        Self(&room[..written])
    }

    /// Probabilities that were written before, two bytes each.
    pub fn of_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The probabilities.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f32> + use<'a> {
        self.0.as_chunks::<2>().0.iter().map(|&bytes| f32::from(u16::from_le_bytes(bytes)) / 65_535.0)
    }
}

/// Why there is no frame, or no message in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than the room for it.
    #[error("a frame that is longer than the room for it")]
    TooLong,
    /// The stuffing is wrong, or the checksum: damaged, or no frame at all.
    #[error("{bytes} bytes that are no frame, or a damaged one")]
    Damaged {
        /// How many, without the zero at the end.
        bytes: usize,
    },
    /// A sound frame with a message that this version does not know.
    #[error("a message that this version does not know")]
    Unknown,
}

/// Bytes of the longest frame of a network with so many tags, names and texts of up to 64 bytes.
pub const fn longest(tags: usize) -> usize {
    // Scores: the number, varints of up to 5, 10, 10 and 10 bytes, and twice a length and the probabilities.
    let scores = 1 + 5 + 10 + 10 + 10 + 2 * (3 + 2 * tags);
    let text = 1 + 1 + 64 + 32;
    let message = CRC_BYTES + if scores > text { scores } else { text };
    message + message / 254 + 2
}

/// Writes a message's frame into `room` and returns it.
///
/// # Errors
/// When there is too little room.
pub fn encode<'r>(message: &Message<'_>, room: &'r mut [u8]) -> Result<&'r [u8], FrameError> {
    // The message goes where stuffing it towards the front never overtakes what is still to be read.
    let stuffed = |length: usize| length + length / 254 + 2;
    let length =
        postcard::experimental::serialized_size(message).map_err(|_| FrameError::Unknown)? + CRC_BYTES;
    let total = stuffed(length);
    let room = room.get_mut(..total).ok_or(FrameError::TooLong)?;
    let start = total - length;
    let (written, crc) = room[start..].split_at_mut(length - CRC_BYTES);
    postcard::to_slice(message, written).map_err(|_| FrameError::TooLong)?;
    crc.copy_from_slice(&crc32(written).to_le_bytes());
    let length = stuff(room, start);
    Ok(&room[..length])
}

/// COBS, in place: the bytes from `start` on, to the front and with a zero at the end. Returns the length.
fn stuff(room: &mut [u8], start: usize) -> usize {
    let (mut code_at, mut to) = (0, 1);
    for from in start..room.len() {
        let byte = room[from];
        let run = to - code_at;
        if byte == 0 {
            room[code_at] = run as u8;
            (code_at, to) = (to, to + 1);
            continue;
        }
        room[to] = byte;
        to += 1;
        if run == 254 && from + 1 < room.len() {
            room[code_at] = 255;
            (code_at, to) = (to, to + 1);
        }
    }
    room[code_at] = (to - code_at) as u8;
    room[to] = 0;
    to + 1
}
