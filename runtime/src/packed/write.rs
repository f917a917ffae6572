//! Writing packed models.

use super::{
    ALIGNMENT, Affine, BLOCK, FrontEndRecord, HeadRecord, Layer, LayerRecord, MAGIC, PREFIX, PackedError,
    PackedModel, QUAD, RESCALE_BYTES, Rescale, TABLE_BYTES, TagRecord, VERSION,
};
use crate::mel::MelConfig;

/// All of a network, not packed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelParts {
    /// Name, for people.
    pub name: String,
    /// The spectrogram that it hears.
    pub mel_config: MelConfig,
    /// What the integers stand for that go into the first layer: the front end's codes, less 128.
    pub input: Affine,
    /// Layers in order.
    pub layers: Vec<LayerParts>,
    /// Names of the tags, and the probabilities from which on they are taken as present.
    pub tags: Vec<(String, Option<f32>)>,
}

/// One convolution with what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerParts {
    /// Channels that come in.
    pub inputs: u16,
    /// Channels that go out.
    pub outputs: u16,
    /// Frames under the kernel.
    pub kernel: u8,
    /// Frames of which the largest is kept.
    pub pool: u8,
    /// `[outputs, kernel, inputs]`, from -127 to 127.
    pub weights: Vec<i8>,
    /// How the sums of each output become integers; the biases with what the input's zero point makes of the weights.
    pub rescale: Vec<Rescale>,
    /// ELU, from the pooled integer plus 128; none for the last layer.
    pub table: Option<[i8; TABLE_BYTES]>,
    /// What the pooled integers stand for.
    pub pooled: Affine,
    /// What the integers that go out stand for.
    pub output: Affine,
}

impl ModelParts {
    /// The bytes of the packed model.
    ///
    /// # Errors
    /// When a reader would refuse them, for the reader's reason.
    pub fn pack(&self) -> Result<Vec<u8>, PackedError> {
        // Offsets are numbers of varying length, so the header's length depends on where the sections begin, and the
        // other way round: room for the longest header is left, the rest of it is zeros.
        let longest = self.header(&vec![[u32::MAX; 3]; self.layers.len()])?.len();
        let mut bytes = vec![0; (PREFIX + longest).next_multiple_of(ALIGNMENT)];
        let mut places = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            let wrong = PackedError::Layer { layer: i as u8 + 1, what: "the numbers do not fit the shape" };
            if !layer.fits() {
                return Err(wrong);
            }
            let weights = section(&mut bytes, &layer.pack_weights());
            let rescale: Vec<u8> = layer.rescale.iter().flat_map(rescale_bytes).collect();
            let rescale = section(&mut bytes, &rescale);
            let table = layer.table.map(|table| section(&mut bytes, &table.map(|integer| integer as u8)));
            places.push([weights, rescale, table.unwrap_or(0)]);
        }
        let header = self.header(&places)?;
        bytes[PREFIX..PREFIX + header.len()].copy_from_slice(&header);
        bytes[..8].copy_from_slice(&MAGIC);
        let length = bytes.len() as u32;
        for (at, word) in [(8, VERSION), (12, length), (16, header.len() as u32)] {
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let checksum = PackedModel::checksum(&bytes);
        bytes[PREFIX - 4..PREFIX].copy_from_slice(&checksum.to_le_bytes());
        PackedModel::parse(&bytes)?;
        Ok(bytes)
    }

    fn header(&self, places: &[[u32; 3]]) -> Result<Vec<u8>, PackedError> {
        let too_large = |what| PackedError::Model { what };
        let front_end =
            FrontEndRecord::of(&self.mel_config).ok_or(too_large("a front end that is too large"))?;
        let head = HeadRecord {
            name: &self.name,
            front_end,
            input: self.input,
            layers: self.layers.len().try_into().map_err(|_| too_large("too many layers"))?,
            tags: self.tags.len().try_into().map_err(|_| too_large("too many tags"))?,
        };
        let failed = |_| PackedError::Header { part: "end" };
        let mut header = Vec::new();
        append(&mut header, &head).map_err(failed)?;
        for (layer, &[weights, rescale, table]) in self.layers.iter().zip(places) {
            let record = LayerRecord {
                inputs: layer.inputs,
                outputs: layer.outputs,
                kernel: layer.kernel,
                pool: layer.pool,
                weights,
                rescale,
                table: layer.table.map(|_| table),
                pooled: layer.pooled,
                output: layer.output,
            };
            append(&mut header, &record).map_err(failed)?;
        }
        for (name, threshold) in &self.tags {
            append(&mut header, &TagRecord { name, threshold: *threshold }).map_err(failed)?;
        }
        Ok(header)
    }
}

impl LayerParts {
    fn shape(&self) -> Layer<'static> {
        Layer {
            inputs: self.inputs,
            outputs: self.outputs,
            kernel: self.kernel,
            pool: self.pool,
            pooled: self.pooled,
            output: self.output,
            weights: &[],
            rescale: &[],
            table: None,
        }
    }

    fn fits(&self) -> bool {
        let outputs = usize::from(self.outputs);
        self.weights.len() == outputs * self.shape().taps()
            && self.rescale.len() == outputs
            // -128 would not fit beside another weight in 16 bits.
            && !self.weights.contains(&-128)
    }

    /// `[quads][blocks][2 pairs][BLOCK taps]` of `256 * first + second`.
    fn pack_weights(&self) -> Vec<u8> {
        let shape = self.shape();
        let taps = shape.taps();
        let (inputs, column) = (usize::from(self.inputs), shape.column());
        let weight = |output: usize, place: usize| {
            let (frame, channel) = (place / column, place % column);
            let known =
                output < usize::from(self.outputs) && frame < usize::from(self.kernel) && channel < inputs;
            if known { i16::from(self.weights[output * taps + frame * inputs + channel]) } else { 0 }
        };
        let mut bytes = Vec::with_capacity(shape.quads() * QUAD * shape.padded_taps());
        for quad in 0..shape.quads() {
            for block in 0..shape.padded_taps() / BLOCK {
                for pair in 0..QUAD / 2 {
                    for tap in 0..BLOCK {
                        let (row, tap) = (quad * QUAD + 2 * pair, block * BLOCK + tap);
                        bytes.extend((256 * weight(row, tap) + weight(row + 1, tap)).to_le_bytes());
                    }
                }
            }
        }
        bytes
    }
}

fn rescale_bytes(rescale: &Rescale) -> [u8; RESCALE_BYTES] {
    let ([b0, b1, b2, b3], [m0, m1, m2, m3]) = (rescale.bias.to_le_bytes(), rescale.multiplier.to_le_bytes());
    [b0, b1, b2, b3, m0, m1, m2, m3]
}

/// Appends a section at the next boundary and returns where.
fn section(bytes: &mut Vec<u8>, section: &[u8]) -> u32 {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    let start = bytes.len() as u32;
    bytes.extend_from_slice(section);
    start
}

fn append(header: &mut Vec<u8>, record: &impl serde::Serialize) -> postcard::Result<()> {
    let start = header.len();
    header.resize(start + postcard::experimental::serialized_size(record)?, 0);
    postcard::to_slice(record, &mut header[start..])?;
    Ok(())
}
