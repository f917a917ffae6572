//! The trainer's network, float and in integers, against the runtime on the exported files.

use candle_core::{Device, Result, Tensor};
use runtime::mel::{FrameCodes, MelConfig, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::tagger::{Precision, Tagger, TaggerOptions};
use trainer::corpus::synth::{SynthSpec, corpus};
use trainer::corpus::{ClipSource, Corpus};
use trainer::deliver::Delivery;
use trainer::net::{Architecture, Budget, Dice, Net, Network, Standardise};
use trainer::train::batches::crop;
use trainer::train::{LabelledClip, RunState, TrainConfig};

const MEL: MelConfig = MelConfig::MINIM;

fn codes_of(corpus: &Corpus) -> Vec<Vec<u8>> {
    let clips = corpus.clips.iter().map(|clip| {
        let ClipSource::Synth(synth) = &clip.source else { unreachable!("the corpus is synthetic") };
        let (rate, samples) = synth.render();
        log_mel_codes(&MEL, Pcm::new(rate, &samples)).unwrap()
    });
    clips.collect()
}

fn tensor(codes: &[u8], table: &[[f32; 256]]) -> Result<Tensor> {
    let mut x = vec![0.0; codes.len()];
    let frames = codes.len() / MEL.mel_bands;
    crop(codes, table, 0, frames, &mut x);
    Tensor::from_vec(x, (1, MEL.mel_bands, frames), &Device::Cpu)
}

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

#[test]
fn every_way_to_run_a_network_gives_the_same_answers() -> Result<()> {
    let corpus = corpus(&SynthSpec { clips: 10, seconds: 40.0, seed: 3 });
    let codes = codes_of(&corpus);
    let clips: Vec<LabelledClip<'_>> = codes
        .iter()
        .zip(&corpus.clips)
        .map(|(codes, clip)| LabelledClip { codes, labels: &clip.labels })
        .collect();
    let code = FrameCodes::of(MEL.compression);
    let decode = |c: u8| code.decode(c);
    let standardise = Standardise::measure(codes.iter().map(Vec::as_slice), MEL.mel_bands, decode);
    for (budget, pools) in
        [(Budget::M0_1, vec![4, 4, 4, 4]), (Budget::M0_25, vec![4, 4, 2, 1]), (Budget::M0_1, vec![3, 5])]
    {
        let architecture = Architecture::k2c1(budget, MEL.mel_bands, &pools, corpus.tags.len()).unwrap();
        let mut network = Net::new(&architecture, 7, &Device::Cpu)?;
        let table = standardise.table(decode);
        let batch = Tensor::cat(&codes.iter().map(|c| tensor(c, &table)).collect::<Result<Vec<_>>>()?, 0)?;
        for _ in 0..40 {
            network.forward_train(&batch, Dice { seed: 1, step: 0 })?; // moves the running moments to those of real activations
        }
        let state = state(&architecture, &corpus, &standardise);
        let delivery = Delivery::new("a test", &network, &state, &MEL, &clips).unwrap();
        let folder = tempfile::tempdir().unwrap();
        delivery.write(folder.path()).unwrap();

        let load = |precision, fuse| {
            let options = TaggerOptions { precision, fuse };
            Tagger::load_with(folder.path(), &options).unwrap()
        };
        let step = delivery.quantised().output().scale;
        let plain_table = Standardise::none(MEL.mel_bands).table(decode);
        for codes in &codes[..3] {
            let decibel: Vec<f32> = codes.iter().map(|&c| decode(c)).collect();
            let run = |precision, fuse| {
                let song = load(precision, fuse).tag_frames(&decibel).unwrap();
                assert_eq!(song.windows, architecture.windows(codes.len() / MEL.mel_bands));
                song.probabilities
            };
            let trained: Vec<f32> = logits(&candle_nn_sigmoid(&network.forward(&tensor(codes, &table)?)?)?)?;
            for fuse in [true, false] {
                let difference = largest(&trained, &run(Precision::Float, fuse));
                assert!(difference < 1e-4, "float, {pools:?}, fuse {fuse}: {difference}");
            }
            let integers = logits(&delivery.quantised().forward(&tensor(codes, &plain_table)?)?)?;
            for fuse in [true, false] {
                let got: Vec<f32> = run(Precision::Int8, fuse).into_iter().map(logit).collect();
                let difference = largest(&integers, &got);
                assert!(
                    difference < 0.01 * step,
                    "int8, {pools:?}, fuse {fuse}: {difference}, a step is {step}"
                );
            }
        }
    }
    Ok(())
}

fn candle_nn_sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x.neg()?.exp()? + 1.0)?).recip()
}

fn state(architecture: &Architecture, corpus: &Corpus, standardise: &Standardise) -> RunState {
    RunState::new(
        TrainConfig::default(),
        architecture.clone(),
        corpus.tags.clone(),
        standardise.clone(),
        String::new(),
    )
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
