//! The shipped packed models, whole and damaged.

use proptest::prelude::*;
use runtime::engine::{Engine, state_words};
use runtime::packed::{PREFIX, PackedError, PackedModel};
use std::path::Path;

const MODELS: [&str; 3] = ["k2c1-msd50", "k2c1-msd50-0.1m", "synth-k2c1"];

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name).join("model.bin"))
        .unwrap()
}

#[test]
fn they_are_what_their_cards_say() {
    for (name, tags, field, stride) in
        [(MODELS[0], 50, 287, 32), (MODELS[1], 50, 287, 32), (MODELS[2], 19, 1279, 256)]
    {
        let bytes = bytes(name);
        let model = PackedModel::parse(&bytes).unwrap();
        let shape = (model.tags().len(), model.receptive_field(), model.stride());
        assert_eq!(shape, (tags, field, stride), "{name}");
        assert!(model.tags().all(|tag| tag.threshold.is_some()), "{name}");
    }
    // What README and firmware set aside.
    let small = bytes(MODELS[1]);
    assert_eq!(state_words(&PackedModel::parse(&small).unwrap(), 32), Ok(1173));
}

/// The paper's pools: an answer at 1279 frames and every 256, or, with sliding pools, every 64; the same where they meet.
#[test]
fn answers_come_as_often_as_they_are_asked_for() {
    let bytes = bytes("synth-k2c1");
    let model = PackedModel::parse(&bytes).unwrap();
    let frames = 1279 + 512;
    let codes: Vec<u8> = (0..frames * 96).map(|i| (i * 7919 / 13 % 256) as u8).collect();
    let run = |hop| {
        let mut state = vec![0; state_words(&model, hop).unwrap()];
        let mut engine = Engine::with_hop(&model, hop, &mut state).unwrap();
        let mut answers = Vec::new();
        for (frame, codes) in codes.chunks(96).enumerate() {
            engine.push(codes, |answer| answers.push((frame, answer.logits().to_vec())));
        }
        answers
    };
    let (rare, often) = (run(256), run(64));
    assert_eq!(rare.iter().map(|(frame, _)| *frame).collect::<Vec<_>>(), [1278, 1534, 1790]);
    assert_eq!(often.len(), 512 / 64 + 1);
    for (frame, logits) in &rare {
        assert!(often.contains(&(*frame, logits.clone())), "frame {frame}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn damage_is_an_error_or_a_model_that_runs(
        which in 0usize..3, flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..4),
        in_header in any::<bool>(), cut in 0usize..3_000, added in 0usize..40, whole in any::<bool>(), sealed in any::<bool>(),
    ) {
        let mut bytes = bytes(MODELS[which]);
        let original = bytes.clone();
        let reach = if in_header { 2_000 } else { bytes.len() };
        for (place, flip) in flips {
            bytes[place.index(reach)] ^= flip;
        }
        if !whole {
            bytes.truncate(bytes.len() - cut);
            bytes.resize(bytes.len() + added, 0);
        }
        if sealed {
            let length = bytes.len() as u32;
            bytes[12..16].copy_from_slice(&length.to_le_bytes());
            let checksum = PackedModel::checksum(&bytes).to_le_bytes();
            bytes[PREFIX - 4..PREFIX].copy_from_slice(&checksum);
        }
        match PackedModel::parse(&bytes) {
            Ok(model) => {
                prop_assert!(sealed || bytes == original, "damage was not noticed");
                let Ok(words) = state_words(&model, model.stride()) else { return Ok(()) };
                prop_assume!(words < 1 << 20);
                let mut state = vec![0; words];
                let mut engine = Engine::new(&model, &mut state).unwrap();
                let frame = vec![77; model.mel_config().mel_bands];
                (0..40).for_each(|_| engine.push(&frame, |_| ()));
            }
            Err(error) => {
                prop_assert!(bytes != original, "{error}");
                // Every reason can be read.
                prop_assert!(!error.to_string().is_empty());
                if !sealed && bytes.len() != original.len() && bytes[..16] == original[..16] {
                    let length = matches!(error, PackedError::Length { .. });
                    prop_assert!(length, "{}", error);
                }
            }
        }
    }
}
