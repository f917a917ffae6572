//! Training on labels of windows: long clips are heard often, each crop with the labels of what it hears, and a run that
//! is stopped goes on in the same bits.

use candle_core::Device;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::corpus::LabelWindow;
use trainer::net::{Architecture, Budget, Layer, Network, Standardise, TimeLayer};
use trainer::train::{
    Augments, CorpusIn, CropsPerClip, EpochRecord, LabelledClip, Outcome, Progress, Task, TrainConfig,
    Windows, train,
};

const BANDS: usize = 8;
const CROP: usize = 32;
/// Frames in a second, of which a window has three.
const RATE: f64 = 10.0;

/// A clip of parts of 30 frames, some with a rising sweep over the bands; nobody is sure of anything.
struct Clip {
    codes: Vec<u8>,
    labels: Vec<f32>,
    windows: Vec<LabelWindow>,
}

fn clips() -> Vec<Clip> {
    let mut state = 1u32;
    let mut next = move || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        state >> 24
    };
    let mut clip = |parts: usize| {
        let mut codes = Vec::new();
        let mut windows = Vec::new();
        for part in 0..parts {
            let (rising, level) = (next() % 2 == 0, next());
            for f in 0..30 {
                let mut frame: Vec<u8> = (0..BANDS).map(|_| (100 + next() / 8) as u8).collect();
                if rising {
                    frame[f % BANDS] = 180;
                }
                codes.extend(frame);
            }
            let labels = vec![if rising { 0.3 } else { 0.002 }, 0.01 + level as f32 / 2000.0];
            windows.push(LabelWindow { start_seconds: 3.0 * part as f32, seconds: 3.0, labels });
        }
        let mean = |tag: usize| windows.iter().map(|w| w.labels[tag]).sum::<f32>() / parts as f32;
        Clip { codes, labels: vec![mean(0), mean(1)], windows }
    };
    (0..24).map(|i| clip(3 + 4 * (i % 4))).collect()
}

fn view(clip: &Clip, windowed: bool) -> LabelledClip<'_> {
    let windows = if windowed { Windows::new(&clip.windows, RATE) } else { Windows::default() };
    LabelledClip { codes: &clip.codes, labels: &clip.labels, windows }
}

fn architecture() -> Architecture {
    let mut a = Architecture::k2c1(Budget::M0_1, BANDS, &[2, 2], 2).unwrap();
    let widths = [BANDS, 12, 8, 8, 8, 8, 8, 8, 2];
    for (i, layer) in a.layers.iter_mut().enumerate() {
        let Layer::Time(l) = layer else { unreachable!("k2c1 is one-dimensional") };
        let kernel = if i == 3 || i == 4 { 1 } else { l.kernel };
        *l = TimeLayer { inputs: widths[i], outputs: widths[i + 1], kernel, ..*l };
    }
    a
}

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 5,
        batch_size: 8,
        learning_rate: 0.01,
        crop_frames: CROP,
        patience: 10,
        seed: 11,
        ..Default::default()
    }
}

struct StopAfter<'a> {
    steps: usize,
    stop: &'a AtomicBool,
}

impl Progress for StopAfter<'_> {
    fn step(&mut self, _: usize, _: usize, _: usize, _: f64) {
        self.steps = self.steps.saturating_sub(1);
        self.stop.store(self.steps == 0, Ordering::Relaxed);
    }
    fn epoch(&mut self, _: &EpochRecord, _: bool) {}
}

fn run(config: &TrainConfig, windowed: bool, corpus_in: CorpusIn) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    run_at(&folder.path().join("c"), config, windowed, corpus_in, usize::MAX)
}

/// Goes on where there is a checkpoint, and stops after so many steps.
fn run_at(path: &Path, config: &TrainConfig, windowed: bool, corpus_in: CorpusIn, steps: usize) -> Outcome {
    let data = clips();
    let labelled: Vec<LabelledClip<'_>> = data.iter().map(|clip| view(clip, windowed)).collect();
    let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
    let standardise = Standardise::measure(labelled.iter().map(|c| c.codes), BANDS, decode);
    let task = Task {
        architecture: &architecture(),
        tags: &["rising".to_string(), "noise".to_string()],
        standardise: &standardise,
        decode: &decode,
        train: &labelled[..18],
        validation: &labelled[18..],
        corpus_in,
    };
    let stop = AtomicBool::new(false);
    let mut progress = StopAfter { steps, stop: &stop };
    train(&task, config, &Device::Cpu, path, path.exists(), &stop, &mut progress).unwrap()
}

fn weights(outcome: &Outcome) -> Vec<f32> {
    let parameters = outcome.network.parameters();
    parameters.iter().flat_map(|(_, v)| v.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

#[test]
fn crops_fill_the_epoch_and_bits_survive_a_stop() {
    let augment: Augments = "gain=3,spec-augment=2:6:1,mixup=0.3".parse().unwrap();
    let config = TrainConfig { augment: augment.0, ema: 0.9, ..config() };
    let whole = run(&config, true, CorpusIn::Host);
    // Clips of 90, 210, 330 and 450 frames hold 2, 6, 10 and 14 crops: 5, 5, 4 and 4 of them are 136, 17 batches.
    assert_eq!(whole.state.optimiser_steps, 5 * 17);
    let once = TrainConfig { crops_per_clip: CropsPerClip::One, ..config.clone() };
    assert_eq!(run(&once, true, CorpusIn::Host).state.optimiser_steps, 5 * 2);
    assert_eq!(weights(&whole), weights(&run(&config, true, CorpusIn::Host)));
    assert_eq!(weights(&whole), weights(&run(&config, true, CorpusIn::Device)));
    for steps in [5, 17, 40] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        assert!(run_at(&path, &config, true, CorpusIn::Host, steps).interrupted);
        let resumed = run_at(&path, &config, true, CorpusIn::Host, usize::MAX);
        assert_eq!(weights(&whole), weights(&resumed), "stopped after {steps} steps");
    }
}

/// Whoever answers the same everywhere loses 0.34 at least, the entropy of the mean labels (0.15 and 0.08 or so); the labels'
/// own is 0.29. Between the two comes only a network whose targets are those of what it heard.
#[test]
fn crops_have_the_labels_of_what_they_hear() {
    let config = TrainConfig { epochs: 8, ..config() };
    let outcome = run(&config, true, CorpusIn::Host);
    let records = &outcome.state.history;
    let loss = records.last().unwrap().train_loss;
    assert!(loss < 0.32, "{loss}");
    // Epochs are chosen by agreement with the labels; here, where no label is a yes, there is nothing else.
    let agreements: Vec<f64> = records.iter().map(|record| record.validation_agreement.unwrap()).collect();
    assert!(records.iter().all(|record| record.validation_auc.is_none()));
    let best = agreements.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(outcome.state.best.unwrap().1, best);
}
