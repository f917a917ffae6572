//! The trainer's networks, float and in integers, against the runtime on the exported files.

use candle_core::{Device, Result, Tensor};
use runtime::tagger::{EngineChoice, Precision, Tagger, TaggerOptions};
use tests::untrained::{Heard, MEL, Untrained, decibel, tensor};
use trainer::corpus::ClipSource;
use trainer::corpus::synth::{SynthSpec, corpus};
use trainer::net::{Architecture, Budget, Folded, Model, Network, PAPER_POOLS, Standardise};
use trainer::train::{LabelledClip, probabilities};

/// Logits [windows, tags] of a tensor [1, tags, windows].
fn logits(x: &Tensor) -> Result<Vec<f32>> {
    x.squeeze(0)?.t()?.flatten_all()?.to_vec1()
}

fn logit(p: f32) -> f32 {
    (f64::from(p) / (1.0 - f64::from(p))).ln() as f32
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x.neg()?.exp()? + 1.0)?).recip()
}

/// Largest difference of the integers' logits, in steps, that a network's engines may have.
///
/// Sums of integers are exact in every engine. A GRU's are not: what it gives may fall on the other side of a half.
fn steps_apart(model: Model) -> f32 {
    match model {
        Model::K1c2 | Model::K2c1 | Model::K2c2 => 0.01,
        Model::Crnn | Model::CrnnAttention => 2.01,
    }
}

/// Candle against the runtime, float and int8, fused and not, on clips of 2.6 windows, of one and of half a window.
fn agree(architecture: &Architecture) -> Result<()> {
    let model = architecture.network;
    let heard = Heard::new(&SynthSpec { clips: 6, seconds: 40.0, seed: 3 });
    let untrained = Untrained::new(architecture, &heard)?;
    let delivery = untrained.delivery("a test", &heard.clips()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    delivery.write(folder.path()).unwrap();
    let load = |precision, fuse| {
        let options = TaggerOptions { precision, engine: EngineChoice::Tract, fuse };
        let tagger = Tagger::load_with(folder.path(), &options).unwrap();
        // Convolutions over time are fused, those over planes and the rest are tract's.
        let over_time = architecture.layers.iter().filter(|layer| layer.time().is_some()).count();
        assert_eq!(tagger.fused(), if fuse { over_time } else { 0 }, "{model}");
        tagger
    };
    let (field, stride) = (architecture.receptive_field(), architecture.stride());
    let long: Vec<u8> = heard.codes[..4].concat();
    let step = delivery.quantised().output().scale;
    let table = untrained.standardise.table(decibel);
    let plain_table = Standardise::none(MEL.mel_bands).table(decibel);
    let folded = Folded::of(&untrained.network, &untrained.standardise)?;
    for (frames, windows) in [(field + stride * 8 / 5, 2), (field, 1), (field / 2, 1)] {
        let codes = &long[..frames * MEL.mel_bands];
        let frames_in_db: Vec<f32> = codes.iter().map(|&c| decibel(c)).collect();
        // Short clips are repeated.
        let heard_frames = frames.max(field);
        let standardised = tensor(codes, &table, heard_frames)?;
        let in_db = tensor(codes, &plain_table, heard_frames)?;
        let trained = logits(&sigmoid(&untrained.network.forward(&standardised)?)?)?;
        let clip = LabelledClip::whole(codes, &[]);
        let mean = probabilities(&untrained.network, &[clip], &table, &Device::Cpu)?;
        let after_folding = logits(&sigmoid(&folded.forward(&in_db)?)?)?;
        assert!(largest(&trained, &after_folding) < 1e-4, "folded {model}");
        let integers = logits(&delivery.quantised().forward(&in_db)?)?;
        for fuse in [true, false] {
            let song = load(Precision::Float, fuse).tag_frames(&frames_in_db).unwrap();
            assert_eq!(song.windows, windows, "{model}");
            let differences = (largest(&trained, &song.probabilities), largest(&mean, &song.mean));
            assert!(
                differences.0 < 1e-4 && differences.1 < 1e-4,
                "float {model}, fuse {fuse}: {differences:?}"
            );
            let attention = untrained.network.attention(&standardised)?;
            match (attention, song.attention) {
                (Some(want), Some(got)) => {
                    let difference = largest(&want.flatten_all()?.to_vec1::<f32>()?, &got);
                    assert!(difference < 1e-4, "attention, fuse {fuse}: {difference}");
                }
                (want, got) => assert!(want.is_none() && got.is_none(), "{model}"),
            }
            let song = load(Precision::Int8, fuse).tag_frames(&frames_in_db).unwrap();
            let got: Vec<f32> = song.probabilities.iter().copied().map(logit).collect();
            let difference = largest(&integers, &got);
            assert!(
                difference < steps_apart(model) * step,
                "int8 {model}, fuse {fuse}: {difference}, a step is {step}"
            );
        }
        // The integer engine has the networks that are packed: those of convolutions over time alone.
        let packed = folder.path().join("model.bin");
        assert_eq!(packed.exists(), model == Model::K2c1, "{model}");
        if packed.exists() {
            let song = Tagger::load(folder.path()).unwrap();
            assert_eq!(song.engine(), EngineChoice::Int8);
            let song = song.tag_frames(&frames_in_db).unwrap();
            let got: Vec<f32> = song.probabilities.iter().copied().map(logit).collect();
            let difference = largest(&integers, &got);
            assert!(difference < 0.01 * step, "integer engine, {model}: {difference}, a step is {step}");
        }
    }
    Ok(())
}

/// Tags of the synthetic corpus.
const TAGS: usize = 19;

fn agree_by_name(model: Model) -> Result<()> {
    agree(&Architecture::new(model, Budget::M0_1, MEL.mel_bands, &PAPER_POOLS, TAGS).unwrap())
}

#[test]
fn every_way_to_run_k2c1_gives_the_same_answers() -> Result<()> {
    for (budget, pools) in
        [(Budget::M0_1, vec![4, 4, 4, 4]), (Budget::M0_25, vec![4, 4, 2, 1]), (Budget::M0_1, vec![3, 5])]
    {
        agree(&Architecture::k2c1(budget, MEL.mel_bands, &pools, TAGS).unwrap())?;
    }
    Ok(())
}

#[test]
fn every_way_to_run_k1c2_gives_the_same_answers() -> Result<()> {
    agree_by_name(Model::K1c2)
}

#[test]
fn every_way_to_run_k2c2_gives_the_same_answers() -> Result<()> {
    agree_by_name(Model::K2c2)
}

#[test]
fn every_way_to_run_crnn_gives_the_same_answers() -> Result<()> {
    agree_by_name(Model::Crnn)
}

#[test]
fn every_way_to_run_crnn_with_attention_gives_the_same_answers() -> Result<()> {
    agree_by_name(Model::CrnnAttention)
}

/// The committed model still does what its card says, on clips that it has not heard, decoded from a file.
#[test]
fn the_shipped_model_tags_a_synthetic_clip_from_a_file() {
    let tagger = Tagger::load(tests::root().join("models/synth-k2c1")).unwrap();
    assert_eq!(tagger.precision(), Precision::Int8);
    let corpus = corpus(&SynthSpec { clips: 12, seconds: 35.0, seed: 77 });
    let folder = tempfile::tempdir().unwrap();
    let (mut right, mut all) = (0, 0);
    for clip in &corpus.clips {
        let ClipSource::Synth(synth) = &clip.source else { unreachable!("the corpus is synthetic") };
        let path = folder.path().join("clip.wav");
        trainer::corpus::synth::write_wav(synth, &path).unwrap();
        let song = tagger.tag(runtime::decode::decode_file(&path).unwrap().pcm()).unwrap();
        let thresholds = tagger.card().thresholds.clone().unwrap();
        for (tag, (&p, threshold)) in song.mean.iter().zip(thresholds).enumerate() {
            let at = corpus.tags.iter().position(|t| t == &tagger.tags()[tag]).unwrap();
            right += usize::from((p >= threshold) == (clip.labels[at] > 0.5));
            all += 1;
        }
    }
    assert!(right * 100 >= 88 * all, "{right} of {all} tags right");
}
