//! Packed models of random networks, and what damage does to them.

use super::*;
use proptest::prelude::*;

/// A network of any shape with any weights: an xorshift generator's.
pub(crate) fn random_parts(widths: &[(u16, u8, u8)], seed: u64) -> ModelParts {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 8) as i32
    };
    let affine = |scale: f32, zero_point: i32| Affine { scale, zero_point: zero_point as i8 };
    let mut inputs = 7;
    let last = widths.len() - 1;
    let layers = widths.iter().enumerate().map(|(i, &(outputs, kernel, pool))| {
        let taps = usize::from(inputs) * usize::from(kernel);
        let weights = (0..taps * usize::from(outputs)).map(|_| (next() % 128) as i8).collect();
        // Most sums are to end within 8 bits.
        let shift = 8 + (taps as f32).log2() as u8 / 2;
        let mut rescale: Vec<Rescale> = (0..outputs)
            .map(|_| Rescale {
                bias: next() % 20_000,
                multiplier: (8 + (next() % 8).unsigned_abs()) << (32 - shift),
            })
            .collect();
        if next() % 4 == 0 {
            // A channel whose weights are nothing beside its bias, and one that is always the same.
            rescale[0] = Rescale { bias: next() % (1 << 30), multiplier: 9 << 3 };
            let last = usize::from(outputs) - 1;
            rescale[last].multiplier = 0;
        }
        let pooled = affine(0.125, next());
        let mut table = [0; TABLE_BYTES];
        // Rising, as ELU is.
        let mut values: Vec<i8> = (0..TABLE_BYTES).map(|_| next() as i8).collect();
        values.sort_unstable();
        table.copy_from_slice(&values);
        let table = (i < last).then_some(table);
        let output = if i < last { affine(0.0625, next()) } else { pooled };
        let layer = LayerParts { inputs, outputs, kernel, pool, weights, rescale, table, pooled, output };
        inputs = outputs;
        layer
    });
    let layers: Vec<LayerParts> = layers.collect();
    let tags = (0..inputs).map(|i| (format!("tag {i}"), (i % 2 == 0).then_some(0.25))).collect();
    let mel_config = MelConfig { mel_bands: 7, ..MelConfig::MINIM };
    ModelParts { name: "a test".into(), mel_config, input: affine(0.5, 72), layers, tags }
}

fn small() -> ModelParts {
    random_parts(&[(5, 4, 4), (6, 4, 2), (9, 2, 1), (3, 1, 1)], 5)
}

#[test]
fn what_was_packed_comes_back() {
    let parts = small();
    let bytes = parts.pack().unwrap();
    let model = PackedModel::parse(&bytes).unwrap();
    assert_eq!((model.name(), *model.mel_config(), model.input()), ("a test", parts.mel_config, parts.input));
    let tags: Vec<_> = model.tags().map(|tag| (tag.name.to_string(), tag.threshold)).collect();
    assert_eq!(tags, parts.tags);
    assert_eq!((model.receptive_field(), model.stride()), (((2 - 1 + 1) * 2 + 3) * 4 + 3, 8));
    assert_eq!(model.layers().len(), parts.layers.len());
    for (layer, parts) in model.layers().iter().zip(&parts.layers) {
        let taps = layer.taps();
        for output in 0..usize::from(layer.outputs) {
            assert_eq!(layer.rescale(output), parts.rescale[output]);
            for tap in 0..taps {
                assert_eq!(layer.weight(output, tap), parts.weights[output * taps + tap]);
            }
        }
        assert_eq!(layer.table.map(|table| table.map(|byte| byte as i8)), parts.table);
        assert_eq!((layer.pooled, layer.output), (parts.pooled, parts.output));
    }
}

#[test]
fn sums_that_would_not_fit_are_refused() {
    let wrong = |change: &dyn Fn(&mut LayerParts)| {
        let mut parts = small();
        change(&mut parts.layers[1]);
        parts.pack().unwrap_err()
    };
    let layer = |what| PackedError::Layer { layer: 2, what };
    let beyond = layer("a bias beyond 2^30, or a multiplier of 2^31 or more");
    assert_eq!(wrong(&|l| l.rescale[0].bias = i32::MIN), beyond);
    assert_eq!(wrong(&|l| l.rescale[1].bias = (1 << 30) + 1), beyond);
    assert_eq!(wrong(&|l| l.rescale[2].multiplier = 1 << 31), beyond);
    assert_eq!(wrong(&|l| l.weights[3] = -128), layer("the numbers do not fit the shape"));
    assert_eq!(wrong(&|l| l.pooled.scale = f32::NAN), layer("a scale is not above 0"));
    assert_eq!(wrong(&|l| l.table = None), layer("all layers but the last have a table"));
    let mut wide = random_parts(&[(4, 255, 1), (2, 1, 1)], 3);
    wide.layers[0].weights.fill(127);
    let too_many = PackedError::Layer { layer: 1, what: "the weights of an output add up to 65536 or more" };
    assert_eq!(wide.pack().unwrap_err(), too_many);
}

#[test]
fn wrong_beginnings_are_named() {
    let bytes = small().pack().unwrap();
    assert_eq!(PackedModel::parse(&[]).unwrap_err(), PackedError::Magic);
    assert_eq!(PackedModel::parse(b"MINIMBIN").unwrap_err(), PackedError::Length { stated: 0, found: 8 });
    let mut newer = bytes.clone();
    newer[8] = 2;
    assert_eq!(PackedModel::parse(&newer).unwrap_err(), PackedError::Version { found: 2, known: 1 });
    let stated = bytes.len() as u32;
    let cut = &bytes[..bytes.len() - 1];
    assert_eq!(PackedModel::parse(cut).unwrap_err(), PackedError::Length { stated, found: cut.len() });
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(PackedModel::parse(&flipped), Err(PackedError::Checksum { .. })));
}

/// Makes length and checksum right again, so that damage gets behind them.
fn seal(bytes: &mut [u8]) {
    if bytes.len() >= PREFIX {
        let length = bytes.len() as u32;
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        let checksum = PackedModel::checksum(bytes).to_le_bytes();
        bytes[PREFIX - 4..PREFIX].copy_from_slice(&checksum);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn damage_is_an_error_or_a_model_that_runs(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        within_header in any::<bool>(), cut in 0usize..60, added in 0usize..20, sealed in any::<bool>(),
    ) {
        let mut bytes = small().pack().unwrap();
        let reach = if within_header { 300 } else { bytes.len() };
        for (place, value) in flips {
            let place = place.index(reach);
            bytes[place] ^= value;
        }
        bytes.truncate(bytes.len() - cut);
        bytes.resize(bytes.len() + added, 0x5a);
        if sealed {
            seal(&mut bytes);
        }
        if let Ok(model) = PackedModel::parse(&bytes) {
            // Names may be others now; the shape can be run, or does not fit.
            let frame = vec![255; model.mel_config().mel_bands];
            let mut state = [0; 4096];
            if let Ok(mut engine) = crate::engine::Engine::new(&model, &mut state) {
                (0..40).for_each(|_| engine.push(&frame, |_| ()));
            }
            prop_assert_eq!(model.tags().count(), model.tags().len());
        }
    }

    #[test]
    fn any_bytes_are_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..400), sealed in any::<bool>()) {
        if sealed && bytes.len() >= PREFIX {
            bytes[..8].copy_from_slice(&MAGIC);
            bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
            seal(&mut bytes);
        }
        prop_assert!(PackedModel::parse(&bytes).is_err());
    }
}
