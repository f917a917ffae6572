//! The whole pipe, PCM to tags, on a device without standard library and allocator.
#![no_std]

use runtime::frames::{FrameError, Message, encode};
use runtime::listen::{ListenError, Listener};
use runtime::packed::{PackedError, PackedModel};
use runtime::resample::Source;

/// Checks a model in flash.
pub fn model(bytes: &[u8]) -> Result<PackedModel<'_>, PackedError> {
    PackedModel::parse(bytes)
}

/// An ear for a microphone at 48 kHz.
pub fn ear<'m, 's>(
    model: &'s PackedModel<'m>,
    memory: &'s mut [u32],
) -> Result<Listener<'m, 's>, ListenError> {
    let mut listener = Listener::new(model, Source::mono(48_000), memory)?;
    listener.spread();
    Ok(listener)
}

/// Listens to a piece of sound, and says how many answers there were.
pub fn hear(listener: &mut Listener<'_, '_>, piece: &[i16]) -> usize {
    let mut answers = 0;
    listener.push(piece, |_| answers += 1);
    answers
}

/// Says the most likely tag.
pub fn say<'r>(listener: &Listener<'_, '_>, room: &'r mut [u8]) -> Result<&'r [u8], FrameError> {
    let top = listener.scores().top::<1>();
    encode(&Message::Log { text: top.first().map_or("nothing yet", |score| score.tag) }, room)
}
