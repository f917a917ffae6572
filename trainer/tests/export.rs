//! Folding, quantising and exporting keep what the network says.

use candle_core::{Device, Result, Tensor};
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use runtime::mel::{Compression, FrameCodes};
use trainer::export::{CARD_KEY, float_model, int8_model, onnx_proto::ModelProto};
use trainer::net::blocks::MOMENTUM;
use trainer::net::{Architecture, Budget, Dice, Folded, Model, Net, Network, PAPER_POOLS, Standardise};
use trainer::quantise::{Quantised, quantise};

const BANDS: usize = 96;

/// Log-mels of something that moves, on the grid of the codes.
fn melgram(frames: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (speed, depth) = (rng.random_range(0.01f32..0.3), rng.random_range(5f32..25.0));
    let mut codes = vec![0; frames * BANDS];
    for (f, frame) in codes.chunks_mut(BANDS).enumerate() {
        for (band, code) in frame.iter_mut().enumerate() {
            let db = -30.0 - 0.4 * band as f32
                + depth * (speed * f as f32 + 0.2 * band as f32).sin()
                + rng.random_range(-6f32..6.0);
            *code = FrameCodes::of(Compression::Decibel).encode(db);
        }
    }
    codes
}

fn tensor(codes: &[u8], table: &[[f32; 256]]) -> Result<Tensor> {
    let frames = codes.len() / BANDS;
    let mut x = vec![0.0; codes.len()];
    trainer::train::batches::crop(codes, table, 0, frames, &mut x);
    Tensor::from_vec(x, (1, BANDS, frames), &Device::Cpu)
}

struct Made {
    network: Net,
    standardise: Standardise,
    folded: Folded,
    quantised: Quantised,
}

/// A network whose running moments are those of real activations, as after training.
fn make(model: Model, budget: Budget, pools: &[usize]) -> Result<Made> {
    let architecture = Architecture::new(model, budget, BANDS, pools, 50).unwrap();
    let mut network = Net::new(&architecture, 4, &Device::Cpu)?;
    let codes = FrameCodes::of(Compression::Decibel);
    let sliding = architecture.slides();
    let frames = architecture.receptive_field() + if sliding { 2 * architecture.stride() } else { 0 };
    // Fully connected layers have one value per window, and want several for their moments.
    let count = if matches!(model, Model::K2c1 | Model::K1c2) { 8 } else { 4 };
    let clips: Vec<Vec<u8>> = (0..count).map(|i| melgram(frames, i)).collect();
    let all = clips.iter().map(Vec::as_slice);
    let standardise = Standardise::measure_on_grid(all, BANDS, |c| codes.decode(c), !sliding);
    let table = standardise.table(|c| codes.decode(c));
    let batch = Tensor::cat(&clips.iter().map(|c| tensor(c, &table)).collect::<Result<Vec<_>>>()?, 0)?;
    // One step moves the running moments by a known part of the way to the batch's.
    let before = network.buffers();
    network.forward_train(&batch, Dice { seed: 1, step: 0 })?;
    for ((name, before), (_, after)) in before.into_iter().zip(network.buffers()) {
        network.set_buffer(&name, &((after - (before * (1.0 - MOMENTUM))?)? / MOMENTUM)?)?;
    }
    let folded = Folded::of(&network, &standardise)?;
    let plain = Standardise::none(BANDS).table(|c| codes.decode(c));
    let calibration = clips.iter().map(|c| tensor(c, &plain)).collect::<Result<Vec<_>>>()?;
    let quantised = quantise(&folded, codes, &calibration)?;
    Ok(Made { network, standardise, folded, quantised })
}

fn largest_difference(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.dims(), b.dims());
    (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()
}

#[test]
fn folding_keeps_the_logits_and_integers_stay_near() -> Result<()> {
    let codes = FrameCodes::of(Compression::Decibel);
    let others = [Model::K1c2, Model::K2c2, Model::CrnnAttention].map(|model| (model, &PAPER_POOLS[..]));
    for (model, pools) in
        [(Model::K2c1, &[4, 4, 4, 4][..]), (Model::K2c1, &[4, 4, 2, 1])].into_iter().chain(others)
    {
        let made = make(model, Budget::M0_1, pools)?;
        // Networks that have learnt nothing, from few windows at that, make noise of anything but the clips of calibration.
        let (seed, bar) = if model == Model::K2c1 { (99, 0.02) } else { (2, 0.04) };
        let clip = melgram(1600, seed);
        let x = tensor(&clip, &made.standardise.table(|c| codes.decode(c)))?;
        let plain = Standardise::none(BANDS).table(|c| codes.decode(c));
        let db = tensor(&clip, &plain)?;
        let trained = made.network.forward(&x)?;
        let folded = made.folded.forward(&db)?;
        assert!(largest_difference(&trained, &folded)? < 2e-3, "{model} {pools:?}");
        let integers = made.quantised.forward(&db)?;
        let spread = (folded.max_all()?.to_scalar::<f32>()? - folded.min_all()?.to_scalar::<f32>()?).abs();
        let mean_error = (&folded - &integers)?.abs()?.mean_all()?.to_scalar::<f32>()?;
        assert!(mean_error < bar * spread, "{model} {pools:?}: {mean_error} of {spread}");
    }
    Ok(())
}

#[test]
fn integers_fit_their_types_and_cover_the_input_exactly() -> Result<()> {
    for model in [Model::K2c1, Model::K1c2, Model::K2c2, Model::Crnn] {
        let made = make(model, Budget::M0_1, &PAPER_POOLS)?;
        assert_eq!((made.quantised.input.scale, made.quantised.input.zero_point), (0.5, 72));
        match &made.quantised.centre {
            None => assert_eq!(model, Model::K2c1),
            Some(centre) => {
                // Codes less mean codes: integers, and the padding is the integer 0.
                assert!(centre.mean.iter().all(|mean| (mean * 2.0).fract() == 0.0));
                assert_eq!((centre.affine.scale, centre.affine.zero_point), (0.5, 0));
            }
        }
        let mut scale_in = made.quantised.entry().scale;
        for layer in made.quantised.convs() {
            scale_in = layer.input.map_or(scale_in, |input| input.scale);
            let integers = &layer.weight.integers;
            assert!(integers.iter().all(|&w| w != -128));
            let fullest =
                integers.chunks(layer.shape.taps()).map(|w| w.iter().map(|w| w.unsigned_abs()).max());
            assert!(
                fullest.into_iter().all(|top| top.is_some_and(|t| t >= 112)),
                "a channel of {model} wastes its range"
            );
            for (bias, weight) in layer.bias_scale.iter().zip(&layer.weight.scales) {
                assert_eq!(*bias, weight * scale_in);
            }
            // The largest sum that any input can make, bias included, stays inside int32.
            for (w, &b) in integers.chunks(layer.shape.taps()).zip(&layer.bias) {
                let sum: i64 = w.iter().map(|&w| i64::from(w).abs() * 255).sum();
                assert!(sum + i64::from(b).abs() < i64::from(i32::MAX));
            }
            scale_in = layer.output().scale;
        }
    }
    Ok(())
}

#[test]
fn files_are_small_carry_their_card_and_are_standard_onnx() -> Result<()> {
    let all = Model::ALL.map(|model| (model, Budget::M0_25));
    for (model, budget) in all.into_iter().chain([(Model::K2c1, Budget::M0_5)]) {
        let made = make(model, budget, &PAPER_POOLS)?;
        let card = "{\"name\": \"a card\"}".repeat(150);
        let (float, int8) = (float_model(&made.folded, &card), int8_model(&made.quantised, &card));
        assert!(
            int8.len() as f64 <= 0.30 * float.len() as f64,
            "{model} {budget}: {} of {}",
            int8.len(),
            float.len()
        );
        for bytes in [&float, &int8] {
            let file = ModelProto::decode(bytes.as_slice()).unwrap();
            assert_eq!(file.metadata_props[0].key.as_deref(), Some(CARD_KEY));
            assert_eq!(file.metadata_props[0].value.as_deref(), Some(card.as_str()));
            let graph = file.graph.unwrap();
            let convolutional =
                ["Conv", "MaxPool", "Elu", "Sigmoid", "Transpose", "QuantizeLinear", "DequantizeLinear"];
            let windows = ["Sub", "Unsqueeze", "Reshape", "Flatten"];
            let recurrent = ["GRU", "Squeeze", "Slice", "MatMul", "Add", "Tanh", "Softmax"];
            let known = match model {
                Model::K2c1 => convolutional.to_vec(),
                Model::K1c2 | Model::K2c2 => [&convolutional[..], &windows].concat(),
                Model::Crnn | Model::CrnnAttention => [&convolutional[..], &windows, &recurrent].concat(),
            };
            assert!(
                graph
                    .node
                    .iter()
                    .all(|n| known.contains(&n.op_type.as_deref().unwrap()) && n.domain.is_none())
            );
            // Every name is written once and read only after it was written.
            let mut written: Vec<&str> = graph.initializer.iter().filter_map(|t| t.name.as_deref()).collect();
            written.push("melgram");
            for node in &graph.node {
                assert!(node.input.iter().all(|name| written.contains(&name.as_str())), "{node:?}");
                assert!(!written.contains(&node.output[0].as_str()));
                written.push(&node.output[0]);
            }
        }
    }
    Ok(())
}
