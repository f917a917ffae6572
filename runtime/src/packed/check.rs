//! Reading a packed model with nothing taken for granted.

use super::{
    ALIGNMENT, BLOCK, HeadRecord, Layer, LayerRecord, MAGIC, PREFIX, PackedError, PackedModel, QUAD,
    RESCALE_BYTES, Rescale, TABLE_BYTES, TagRecord, VERSION,
};
use serde::Deserialize;

/// Most layers of a network.
pub const MAX_LAYERS: usize = 10;
/// Most tags.
pub const MAX_TAGS: usize = 1024;
/// Most channels of a layer, and most bands of a frame.
const MAX_CHANNELS: u16 = 4096;
/// Most frames of a window: a quarter of an hour.
const MAX_FRAMES: u64 = 1 << 16;
/// The absolute weights of one output add up to less than this: sums of products with 8-bit integers then have at most
/// 24 bits, which the kernels that calculate two outputs at once rely on.
const MAX_ROW: u32 = 1 << 16;
/// Biases are at most this far from 0, and multipliers below the other.
const MAX_BIAS: u32 = 1 << 30;
const MAX_MULTIPLIER: u32 = 1 << 31;

pub(super) fn parse(bytes: &[u8]) -> Result<PackedModel<'_>, PackedError> {
    let header = header(bytes)?;
    let (head, mut rest) = take::<HeadRecord<'_>>(header, "beginning")?;
    let mel_config = head.front_end.mel_config();
    mel_config.validate()?;
    if !head.input.is_sound() {
        return Err(PackedError::Model { what: "the input's scale is not above 0" });
    }
    let mut layers = heapless::Vec::new();
    let mut inputs = head.front_end.mel_config().mel_bands;
    for i in 0..head.layers {
        let record;
        (record, rest) = take::<LayerRecord>(rest, "layers")?;
        let failed = |what| PackedError::Layer { layer: i + 1, what };
        if usize::from(record.inputs) != inputs {
            return Err(failed("its inputs are not what comes before it"));
        }
        let layer = layer(bytes, &record, i + 1 == head.layers).map_err(failed)?;
        layers.push(layer).map_err(|_| PackedError::Model { what: "more than 10 layers" })?;
        inputs = record.outputs.into();
    }
    if layers.is_empty() {
        return Err(PackedError::Model { what: "no layers" });
    }
    if usize::from(head.tags) != inputs || inputs > MAX_TAGS {
        return Err(PackedError::Model { what: "not one tag for each output, or more than 1024" });
    }
    let frames = layers.iter().rev().try_fold(1u64, |frames, layer: &Layer<'_>| {
        let frames = frames * u64::from(layer.pool) + u64::from(layer.kernel) - 1;
        (frames <= MAX_FRAMES).then_some(frames)
    });
    if frames.is_none() {
        return Err(PackedError::Model { what: "a window of more than 65536 frames" });
    }
    let tags = rest;
    for _ in 0..head.tags {
        let tag;
        (tag, rest) = take::<TagRecord<'_>>(rest, "tags")?;
        if tag.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            return Err(PackedError::Model { what: "a threshold that is no probability" });
        }
    }
    if !rest.is_empty() {
        return Err(PackedError::Header { part: "end" });
    }
    Ok(PackedModel { bytes, head, mel_config, layers, tags })
}

/// Checks everything outside the header and returns the header's bytes.
fn header(bytes: &[u8]) -> Result<&[u8], PackedError> {
    let word =
        |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
    if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
        return Err(PackedError::Magic);
    }
    let cut = PackedError::Length { stated: 0, found: bytes.len() };
    let version = word(8).ok_or(cut)?;
    if version != VERSION {
        return Err(PackedError::Version { found: version, known: VERSION });
    }
    let (stated, length, crc) = (word(12).ok_or(cut)?, word(16).ok_or(cut)?, word(20).ok_or(cut)?);
    if u32::try_from(bytes.len()) != Ok(stated) {
        return Err(PackedError::Length { stated, found: bytes.len() });
    }
    let found = PackedModel::checksum(bytes);
    if found != crc {
        return Err(PackedError::Checksum { stated: crc, found });
    }
    let rest = bytes.get(PREFIX..).ok_or(cut)?;
    usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or(PackedError::Header { part: "length" })
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8], part: &'static str) -> Result<(T, &'a [u8]), PackedError> {
    postcard::take_from_bytes(bytes).map_err(|_| PackedError::Header { part })
}

fn layer<'m>(bytes: &'m [u8], record: &LayerRecord, last: bool) -> Result<Layer<'m>, &'static str> {
    let LayerRecord { inputs, outputs, kernel, pool, pooled, output, .. } = *record;
    let channels = 1..=MAX_CHANNELS;
    if !channels.contains(&inputs) || !channels.contains(&outputs) || kernel == 0 || pool == 0 {
        return Err("channels, kernel and pool must be from 1 on, and channels at most 4096");
    }
    if !pooled.is_sound() || !output.is_sound() {
        return Err("a scale is not above 0");
    }
    if last != record.table.is_none() {
        return Err("all layers but the last have a table");
    }
    if last && output != pooled {
        return Err("the last layer's integers are its pooled ones");
    }
    let mut layer =
        Layer { inputs, outputs, kernel, pool, pooled, output, weights: &[], rescale: &[], table: None };
    let rows = layer.quads() * QUAD;
    layer.weights = section(bytes, record.weights, rows * layer.padded_taps())?;
    layer.rescale = section(bytes, record.rescale, usize::from(outputs) * RESCALE_BYTES)?;
    if let Some(table) = record.table {
        layer.table = section(bytes, table, TABLE_BYTES)?.try_into().ok();
    }
    check_sums(&layer)?;
    Ok(layer)
}

/// So many bytes from `start`, which is on a boundary.
fn section(bytes: &[u8], start: u32, length: usize) -> Result<&[u8], &'static str> {
    let start = usize::try_from(start).map_err(|_| "a section beyond the end")?;
    if !start.is_multiple_of(ALIGNMENT) {
        return Err("a section that does not begin at a multiple of 16");
    }
    let end = start.checked_add(length).ok_or("a section beyond the end")?;
    bytes.get(start..end).ok_or("a section beyond the end")
}

/// Checks that no sum leaves the bits that the kernels have for it, whatever the input.
fn check_sums(layer: &Layer<'_>) -> Result<(), &'static str> {
    for &rescale in layer.rescale.as_chunks().0 {
        let Rescale { bias, multiplier } = Rescale::of(&rescale);
        if bias.unsigned_abs() > MAX_BIAS || multiplier >= MAX_MULTIPLIER {
            return Err("a bias beyond 2^30, or a multiplier of 2^31 or more");
        }
    }
    for weights in layer.weights.chunks_exact(layer.padded_taps() * QUAD) {
        let mut rows = [0u32; QUAD];
        // Blocks of two pairs of rows each.
        for (pair, weights) in weights.as_chunks::<{ 2 * BLOCK }>().0.iter().enumerate() {
            let first = 2 * (pair % 2);
            for &both in weights.as_chunks::<2>().0 {
                let both = i32::from(i16::from_le_bytes(both));
                let second = i32::from(both as i8);
                rows[first] += ((both - second) >> 8).unsigned_abs();
                rows[first + 1] += second.unsigned_abs();
            }
        }
        if rows.iter().any(|&row| row >= MAX_ROW) {
            return Err("the weights of an output add up to 65536 or more");
        }
    }
    Ok(())
}
