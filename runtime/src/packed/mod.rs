//! The packed model: the integer network in one piece of bytes that is used where it lies, in flash or in a mapped
//! file, without a copy and without an allocation.
//!
//! ```no_run
//! use runtime::packed::PackedModel;
//!
//! let bytes = std::fs::read("models/k2c1-msd50-0.1m/model.bin")?;
//! let model = PackedModel::parse(&bytes)?;
//! println!("{}: {} tags, {} frames at a time", model.name(), model.tags().len(), model.receptive_field());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format is specified in `docs/model-format.md`. Nothing that the bytes hold makes [`PackedModel::parse`] panic or
//! read elsewhere, and what it accepts can be run: every number that the engine relies on has been checked, down to
//! the largest sum that the weights can make.

mod check;
mod error;
mod record;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", test))]
mod write;

pub use check::{MAX_LAYERS, MAX_TAGS};
pub use error::PackedError;
pub use record::{Affine, FrontEndRecord, HeadRecord, LayerRecord, TagRecord};
#[cfg(test)]
pub(crate) use tests::random_parts;
#[cfg(any(feature = "std", test))]
pub use write::{LayerParts, ModelParts};

use crate::crc::Crc32;
use crate::mel::MelConfig;

/// What a packed model begins with.
pub const MAGIC: [u8; 8] = *b"MINIMBIN";
/// The version of the format that this code reads and writes.
pub const VERSION: u32 = 1;
/// Bytes before the header: magic, version, length of the file, length of the header, CRC-32.
pub const PREFIX: usize = 24;
/// Weights, biases and tables begin at multiples of this from the file's first byte.
pub const ALIGNMENT: usize = 16;
/// Rows of weights that lie together.
pub const QUAD: usize = 4;
/// Taps that lie together, and of which a row has a multiple.
pub const BLOCK: usize = 8;
/// Bytes of the bias and the multiplier of one output.
pub const RESCALE_BYTES: usize = 8;
/// Bytes of a table of ELU.
pub const TABLE_BYTES: usize = 256;

/// A packed model that has been checked; borrows the bytes.
#[derive(Clone, Debug)]
pub struct PackedModel<'m> {
    bytes: &'m [u8],
    head: HeadRecord<'m>,
    mel_config: MelConfig,
    layers: heapless::Vec<Layer<'m>, MAX_LAYERS>,
    tags: &'m [u8],
}

/// One layer: shape, and where its numbers lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'m> {
    /// Channels that come in.
    pub inputs: u16,
    /// Channels that go out.
    pub outputs: u16,
    /// Frames under the kernel.
    pub kernel: u8,
    /// Frames of which the largest is kept.
    pub pool: u8,
    /// What the pooled integers stand for; in the last layer, the logits.
    pub pooled: Affine,
    /// What the integers that go out stand for.
    pub output: Affine,
    /// Weights, `[quads][blocks][2 pairs][BLOCK taps]` of 16 bits; see [`Layer::quads`].
    pub weights: &'m [u8],
    /// Bias (`i32`) and multiplier (`u32`) per output.
    pub rescale: &'m [u8],
    /// ELU, from the pooled integer plus 128 to the integer that goes out; none for the last layer.
    pub table: Option<&'m [u8; TABLE_BYTES]>,
}

impl Layer<'_> {
    /// Weights of one output: tap `frame * inputs + channel`.
    pub const fn taps(&self) -> usize {
        self.kernel as usize * self.inputs as usize
    }

    /// Taps from one frame under the kernel to the next: the inputs, and one more where they are odd in number.
    pub const fn column(&self) -> usize {
        (self.inputs as usize).next_multiple_of(2)
    }

    /// Taps of all [columns](Self::column) up to a whole [`BLOCK`]; the weights of those added are 0.
    pub const fn padded_taps(&self) -> usize {
        (self.kernel as usize * self.column()).next_multiple_of(BLOCK)
    }

    /// Groups of [`QUAD`] outputs; the last may have some that are not there, with weights of 0.
    pub const fn quads(&self) -> usize {
        (self.outputs as usize).div_ceil(QUAD)
    }

    /// The weight of an output and a tap.
    ///
    /// Rows `2 n` and `2 n + 1` share 16-bit numbers, `256 * first + second`: the second is the low byte, the first is
    /// what is left without it.
    pub fn weight(&self, output: usize, tap: usize) -> i8 {
        let (frame, channel) = (tap / usize::from(self.inputs), tap % usize::from(self.inputs));
        let tap = frame * self.column() + channel;
        let (quad, pair) = (output / QUAD, output % QUAD / 2);
        let place =
            quad * self.padded_taps() * QUAD + tap / BLOCK * BLOCK * QUAD + (pair * BLOCK + tap % BLOCK) * 2;
        let both = i16::from_le_bytes([self.weights[place], self.weights[place + 1]]);
        let second = both as i8;
        if output.is_multiple_of(2) { ((both - i16::from(second)) >> 8) as i8 } else { second }
    }

    /// How the sums of an output become 8-bit integers.
    #[inline]
    pub fn rescale(&self, output: usize) -> Rescale {
        Rescale::of(&self.rescale.as_chunks::<RESCALE_BYTES>().0[output])
    }
}

/// From a sum to an 8-bit integer: `round((sum + bias) * multiplier / 2^32) + zero_point`, halves to even, within the range
/// of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Added to the sum; what the input's zero point makes of the weights is in it. At most 2^30 from 0.
    pub bias: i32,
    /// Factor, below 2^31.
    pub multiplier: u32,
}

impl Rescale {
    #[inline(always)]
    pub(crate) fn of(&[b0, b1, b2, b3, m0, m1, m2, m3]: &[u8; RESCALE_BYTES]) -> Self {
        let bias = i32::from_le_bytes([b0, b1, b2, b3]);
        Self { bias, multiplier: u32::from_le_bytes([m0, m1, m2, m3]) }
    }
}

impl<'m> PackedModel<'m> {
    /// Reads and checks a packed model.
    ///
    /// It goes once over all bytes, for the checksum and for the largest sums that the weights can make.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn parse(bytes: &'m [u8]) -> Result<Self, PackedError> {
        check::parse(bytes)
    }

    /// The CRC-32 that a file of these bytes must state: of all bytes but those of the checksum itself.
    pub fn checksum(bytes: &[u8]) -> u32 {
        let (before, after) = bytes.split_at(bytes.len().min(PREFIX - 4));
        let mut crc = Crc32::new();
        crc.update(before);
        crc.update(after.get(4..).unwrap_or_default());
        crc.finish()
    }

    /// The bytes.
    pub fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// Name of the network, for people.
    pub fn name(&self) -> &'m str {
        self.head.name
    }

    /// The spectrogram that the network hears.
    pub fn mel_config(&self) -> &MelConfig {
        &self.mel_config
    }

    /// What the integers stand for that go into the first layer: the front end's codes, less 128.
    pub fn input(&self) -> Affine {
        self.head.input
    }

    /// Layers in order, at least one.
    pub fn layers(&self) -> &[Layer<'m>] {
        &self.layers
    }

    /// The tags, in the order of the answers.
    pub fn tags(&self) -> Tags<'m> {
        Tags { rest: self.tags, left: self.head.tags }
    }

    /// Frames that one answer hears.
    pub fn receptive_field(&self) -> usize {
        self.layers
            .iter()
            .rev()
            .fold(1, |frames, layer| frames * usize::from(layer.pool) + usize::from(layer.kernel) - 1)
    }

    /// Frames from one answer to the next.
    pub fn stride(&self) -> usize {
        self.layers.iter().map(|layer| usize::from(layer.pool)).product()
    }
}

/// Tags of a model with their thresholds, read from the header as they are asked for.
#[derive(Clone, Debug)]
pub struct Tags<'m> {
    rest: &'m [u8],
    left: u16,
}

impl<'m> Iterator for Tags<'m> {
    type Item = TagRecord<'m>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // They were all read once when the model was checked.
        let (tag, rest) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        Some(tag)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for Tags<'_> {}

/// A file of bytes that begin on a boundary of 16, as the kernels of microcontrollers want a packed model: `include_bytes!`
/// promises no boundary. The path is relative to the file that says it.
///
/// ```
/// static MODEL: &[u8] = runtime::include_model!("../../../models/synth-k2c1/model.bin");
/// assert!(MODEL.as_ptr().addr().is_multiple_of(16) && MODEL.starts_with(b"MINIMBIN"));
/// ```
#[macro_export]
macro_rules! include_model {
    ($path:expr) => {{
        const _: () = assert!($crate::packed::ALIGNMENT == 16);
        #[repr(C, align(16))]
        struct Aligned<T: ?Sized>(T);
        static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &ALIGNED.0
    }};
}
