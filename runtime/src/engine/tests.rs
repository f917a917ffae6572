//! Streaming equals batch, whatever the shapes, the hop and the spreading.

use super::kernel;
use super::{Engine, EngineError, state_words};
use crate::packed::{ModelParts, PackedModel, random_parts};
use proptest::prelude::*;

const ROOM: usize = 1 << 14;

/// The network on one window, from the definition: no streaming, no kernels, 64-bit sums.
fn by_definition(parts: &ModelParts, window: &[u8]) -> Vec<i16> {
    let mut x: Vec<Vec<i64>> = window
        .chunks(parts.mel_config.mel_bands)
        .map(|frame| frame.iter().map(|&code| i64::from(code) - 128).collect())
        .collect();
    for layer in &parts.layers {
        let (inputs, kernel, pool) =
            (usize::from(layer.inputs), usize::from(layer.kernel), usize::from(layer.pool));
        let taps = inputs * kernel;
        let positions: Vec<Vec<i64>> = x
            .windows(kernel)
            .map(|columns| {
                let flat: Vec<i64> = columns.concat();
                let row = |o: usize| {
                    let sum: i64 =
                        flat.iter().zip(&layer.weights[o * taps..]).map(|(x, &w)| x * i64::from(w)).sum();
                    let rescale = layer.rescale[o];
                    // Exact in f64 as long as multipliers have few bits, which the trainer's have.
                    let real = (sum + i64::from(rescale.bias)) as f64 * f64::from(rescale.multiplier)
                        / (1u64 << 32) as f64;
                    let pooled = real.round_ties_even() as i64 + i64::from(layer.pooled.zero_point);
                    let pooled = pooled.clamp(-128, 127);
                    layer.table.map_or(pooled, |table| i64::from(table[(pooled + 128) as usize]))
                };
                (0..usize::from(layer.outputs)).map(row).collect()
            })
            .collect();
        x = positions
            .chunks_exact(pool)
            .map(|pool| (0..pool[0].len()).map(|o| pool.iter().map(|p| p[o]).max().unwrap()).collect())
            .collect();
    }
    assert_eq!(x.len(), 1, "one window gives one answer");
    x[0].iter().map(|&logit| logit as i16).collect()
}

fn codes(frames: usize, bands: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u8
    };
    (0..frames * bands).map(|_| next()).collect()
}

/// Logits of the stream, by window, and the frame at which each came.
fn stream(engine: &mut Engine<'_, '_>, codes: &[u8]) -> Vec<(usize, Vec<i16>)> {
    let bands = engine.model().mel_config().mel_bands;
    let mut answers = Vec::new();
    for (frame, codes) in codes.chunks(bands).enumerate() {
        engine.push(codes, |answer| {
            assert_eq!(answer.window() as usize, answers.len());
            answers.push((frame, answer.logits().to_vec()));
        });
    }
    let end = codes.len() / bands;
    engine.drain(|answer| answers.push((end, answer.logits().to_vec())));
    answers
}

type Shape = (Vec<(u16, u8, u8)>, usize);

/// Shapes with a hop that their pools allow.
fn shapes() -> impl Strategy<Value = Shape> {
    let layer = (1u16..10, 1u8..5, prop::sample::select(vec![1u8, 1, 2, 3, 4]));
    (prop::collection::vec(layer, 1..6), any::<prop::sample::Index>()).prop_map(|(layers, choice)| {
        let mut hops = vec![1];
        let mut product = 1;
        for &(_, _, pool) in &layers {
            let pool = usize::from(pool);
            hops.extend((1..=pool).filter(|part| pool.is_multiple_of(*part)).map(|part| product * part));
            product *= pool;
        }
        let hop = hops[choice.index(hops.len())];
        (layers, hop)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn each_answer_of_a_stream_is_that_of_its_window_alone(
        (layers, hop) in shapes(), seed in any::<u64>(), spread in any::<bool>(), more in 0usize..60,
    ) {
        let parts = random_parts(&layers, seed);
        let bytes = parts.pack().unwrap();
        let model = PackedModel::parse(&bytes).unwrap();
        let (field, bands) = (model.receptive_field(), 7);
        let frames = field + more;
        let codes = codes(frames, bands, seed ^ 77);
        let mut state = vec![!0; ROOM];
        let mut engine = Engine::with_hop(&model, hop, &mut state).unwrap();
        if spread {
            engine.spread();
        }
        for round in 0..2 {
            let answers = stream(&mut engine, &codes);
            prop_assert_eq!(answers.len(), more / hop + 1);
            for (window, (frame, logits)) in answers.iter().enumerate() {
                let complete = window * hop + field - 1;
                prop_assert!((complete..=complete + engine.late()).contains(frame), "round {round}: {frame}");
                let heard = &codes[window * hop * bands..][..field * bands];
                prop_assert_eq!(logits, &by_definition(&parts, heard), "window {}", window);
            }
            prop_assert_eq!(engine.windows() as usize, answers.len());
            engine.reset();
        }
        #[cfg(feature = "std")]
        {
            let stride = model.stride();
            for batch in [super::Batch::new(&model), super::Batch::portable(&model)] {
                let answers = batch.run(&codes);
                prop_assert_eq!(answers.windows, more / stride + 1);
                for (window, logits) in answers.logits.chunks(model.tags().len()).enumerate() {
                    let heard = &codes[window * stride * bands..][..field * bands];
                    prop_assert_eq!(logits, &by_definition(&parts, heard)[..]);
                }
            }
        }
    }

    #[test]
    fn kernels_multiply(quads in 1usize..4, blocks in 1usize..9, seed in any::<u64>()) {
        let taps = blocks * 8;
        let mut integers = codes(taps * (1 + 4 * quads), 1, seed).into_iter().map(|code| code as i8);
        let x: Vec<i16> = integers.by_ref().take(taps).map(i16::from).collect();
        let rows: Vec<Vec<i32>> =
            (0..4 * quads).map(|_| integers.by_ref().take(taps).map(|w| i32::from(w.max(-127))).collect()).collect();
        let mut weights = Vec::new();
        for quad in rows.chunks(4) {
            for block in 0..blocks {
                for pair in quad.chunks(2) {
                    let taps = pair[0].iter().zip(&pair[1]).skip(block * 8).take(8);
                    for (first, second) in taps {
                        weights.extend(((256 * first + second) as i16).to_le_bytes());
                    }
                }
            }
        }
        let mut sums = vec![0; 4 * quads];
        kernel::multiply(&x, &weights, &mut sums);
        let want: Vec<i32> =
            rows.iter().map(|row| row.iter().zip(&x).map(|(w, &x)| w * i32::from(x)).sum()).collect();
        prop_assert_eq!(sums, want);
    }
}

#[test]
fn means_and_tops_are_of_all_answers() {
    let parts = random_parts(&[(5, 2, 2), (6, 1, 1)], 9);
    let bytes = parts.pack().unwrap();
    let model = PackedModel::parse(&bytes).unwrap();
    let mut state = [!0; 512];
    let mut engine = Engine::new(&model, &mut state).unwrap();
    assert_eq!((engine.scores().windows(), engine.scores().mean(0)), (0, 0.0));
    let mut sums = vec![0.0f32; 6];
    for frame in codes(41, 7, 3).chunks(7) {
        engine.push(frame, |answer| {
            sums.iter_mut().enumerate().for_each(|(tag, sum)| *sum += answer.probability(tag));
            assert_eq!(answer.embedding().len(), 5);
        });
    }
    assert_eq!(engine.windows(), 20);
    let scores = engine.scores();
    for (score, sum) in scores.iter().zip(&sums) {
        assert_eq!((score.p, score.p > 0.0), (sum / 20.0, true));
        assert_eq!(
            (score.tag, score.threshold),
            (&*format!("tag {}", score.index), parts.tags[score.index].1)
        );
    }
    let top = scores.top::<3>();
    assert!(top.len() == 3 && top[0].p >= top[1].p && top[1].p >= top[2].p);
    assert!(scores.iter().all(|score| score.p <= top[0].p));
}

#[test]
fn what_does_not_fit_is_refused() {
    let bytes = random_parts(&[(5, 4, 4), (6, 4, 4)], 9).pack().unwrap();
    let model = PackedModel::parse(&bytes).unwrap();
    let needed = state_words(&model, 16).unwrap();
    assert_eq!(Engine::new(&model, &mut [0; 8]).unwrap_err(), EngineError::State { needed, room: 8 });
    for hop_frames in [0, 3, 5, 12, 32] {
        let error = Engine::with_hop(&model, hop_frames, &mut [0; 2048]).unwrap_err();
        assert_eq!(error, EngineError::Hop { hop_frames, stride: 16 });
    }
    for hop_frames in [1, 2, 4, 8, 16] {
        assert!(Engine::with_hop(&model, hop_frames, &mut [0; 2048]).is_ok());
    }
}
