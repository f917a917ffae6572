//! A stream as a whole, or a part of it.

use std::path::Path;

use super::stream::Packets;
use super::{DecodeError, DecodedAudio, MAX_SAMPLES};

/// Decodes `max_seconds` from second `from` on. Without a time base, or where the format cannot seek, everything before
/// is decoded as well.
pub(super) fn decode_part(path: &Path, from: f64, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    let mut packets = Packets::open(path)?;
    if packets.seek(from) {
        return collect(packets, max_seconds);
    }
    let mut audio = decode(path, from + max_seconds)?;
    let before = (from * f64::from(audio.sample_rate)).round() as usize;
    audio.samples.drain(..before.min(audio.samples.len()));
    if audio.samples.is_empty() {
        let reason = format!("it ends before second {from:.2}");
        return Err(DecodeError::NothingDecoded { path: path.into(), reason });
    }
    Ok(audio)
}

/// The length that the container states, or the reader guesses from the bit rate.
pub(super) fn duration(path: &Path) -> Result<Option<f64>, DecodeError> {
    Ok(Packets::open(path)?.stated_seconds())
}

pub(super) fn decode(path: &Path, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    collect(Packets::open(path)?, max_seconds)
}

/// The same for a listener at a rate.
pub(super) fn decode_for(path: &Path, rate: u32, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    collect(Packets::open_for(path, rate)?, max_seconds)
}

/// A whole stream as mono.
fn collect(mut packets: Packets, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    let mut samples = Vec::new();
    let mut limited = false;
    while packets.next()? {
        packets.append_mono(&mut samples);
        // A float-to-integer cast saturates, and NaN becomes 0.
        let limit = ((max_seconds * f64::from(packets.rate)).ceil() as usize).min(MAX_SAMPLES);
        if samples.len() > limit {
            samples.truncate(limit);
            limited = true;
            break;
        }
    }
    Ok(DecodedAudio {
        sample_rate: packets.rate,
        samples,
        channels: packets.first_channels,
        skipped_packets: packets.skipped,
        limited,
    })
}
