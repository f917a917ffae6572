//! Any bytes: the parser gives an error or a model that runs, and never panics.
//!
//! Length and checksum are made right first, or the fuzzer would never get behind them; every eighth input keeps its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::engine::{Batch, Engine, state_words};
use runtime::packed::{MAGIC, PREFIX, PackedModel, VERSION};

/// Larger networks are only parsed.
const MOST_WORDS: usize = 1 << 16;
const MOST_PRODUCTS: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= PREFIX && bytes[PREFIX - 1] % 8 != 0 {
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let length = bytes.len() as u32;
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        let checksum = PackedModel::checksum(&bytes).to_le_bytes();
        bytes[PREFIX - 4..PREFIX].copy_from_slice(&checksum);
    }
    let Ok(model) = PackedModel::parse(&bytes) else { return };
    assert_eq!(model.tags().count(), model.tags().len());
    let products: usize = model.layers().iter().map(|l| l.taps() * usize::from(l.outputs)).sum();
    let frames = model.receptive_field() + model.stride();
    if products > MOST_PRODUCTS || frames > 4096 || products * frames > 1 << 24 {
        return;
    }
    let words = match state_words(&model, model.stride()) {
        Ok(words) if words <= MOST_WORDS => words,
        _ => return,
    };
    let mut state = vec![0; words];
    let Ok(mut engine) = Engine::new(&model, &mut state) else { return };
    let codes = vec![200; frames * model.mel_config().mel_bands];
    let mut logits: Vec<i16> = Vec::new();
    codes.chunks(model.mel_config().mel_bands).for_each(|frame| {
        engine.push(frame, |answer| logits.extend_from_slice(answer.logits()));
    });
    assert_eq!(logits, Batch::new(&model).run(&codes).logits);
});
