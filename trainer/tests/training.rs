//! The loop: it learns, repeats itself, and continues exactly where it stopped.

use candle_core::Device;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::net::{Architecture, Budget, Layer, Network, Standardise, TimeLayer};
use trainer::train::{
    Balance, CorpusIn, EpochRecord, LabelledClip, Outcome, Progress, Task, TrainConfig, TrainError, train,
};

const BANDS: usize = 8;
const FRAMES: usize = 40;

/// Clips in which a tag is a rising or falling sweep over the bands, among noise.
fn clips() -> Vec<(Vec<u8>, Vec<f32>)> {
    let mut state = 1u32;
    let mut next = move || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        state >> 24
    };
    (0..96)
        .map(|i| {
            let mut codes: Vec<u8> = (0..FRAMES * BANDS).map(|_| (100 + next() / 8) as u8).collect();
            let (rising, falling) = (i % 2 == 0, i % 3 == 0);
            for f in 0..FRAMES {
                if rising {
                    codes[f * BANDS + f % BANDS] = 180;
                }
                if falling {
                    codes[f * BANDS + (BANDS - 1 - f % BANDS)] = 180;
                }
            }
            let label = |b: bool| if b { 1.0 } else { 0.0 };
            (codes, vec![label(rising), if i % 7 == 0 { f32::NAN } else { label(falling) }])
        })
        .collect()
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
        epochs: 6,
        batch_size: 8,
        learning_rate: 0.01,
        warm_up: 0.1,
        weight_decay: 0.01,
        balance: Balance::Tags,
        crop_frames: 32,
        patience: 10,
        positive_threshold: 0.5,
        seed: 11,
        ..Default::default()
    }
}

/// Stops the run after so many steps.
struct StopAfter<'a> {
    steps: usize,
    stop: &'a AtomicBool,
    records: Vec<EpochRecord>,
}

impl Progress for StopAfter<'_> {
    fn step(&mut self, _: usize, _: usize, _: usize, _: f64) {
        self.steps = self.steps.saturating_sub(1);
        self.stop.store(self.steps == 0, Ordering::Relaxed);
    }

    fn epoch(&mut self, record: &EpochRecord, _: bool) {
        self.records.push(record.clone());
    }
}

fn run(
    config: &TrainConfig,
    path: &std::path::Path,
    resume: bool,
    steps: usize,
) -> Result<Outcome, TrainError> {
    let data = clips();
    let labelled: Vec<LabelledClip<'_>> =
        data.iter().map(|(codes, labels)| LabelledClip { codes, labels }).collect();
    let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
    let standardise = Standardise::measure(labelled.iter().map(|c| c.codes), BANDS, decode);
    let task = Task {
        architecture: &architecture(),
        tags: &["rising".to_string(), "falling".to_string()],
        standardise: &standardise,
        decode: &decode,
        train: &labelled[..72],
        validation: &labelled[72..],
        corpus_in: CorpusIn::Host,
    };
    let stop = AtomicBool::new(false);
    let mut progress = StopAfter { steps, stop: &stop, records: Vec::new() };
    train(&task, config, &Device::Cpu, path, resume, &stop, &mut progress)
}

fn weights(outcome: &Outcome) -> Vec<f32> {
    let parameters = outcome.network.parameters();
    let values = parameters.iter().flat_map(|(_, v)| v.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    values
        .chain(outcome.network.buffers().into_iter().flat_map(|(_, v)| v.to_vec1::<f32>().unwrap()))
        .collect()
}

#[test]
fn learns_repeats_itself_and_resumes_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let whole = run(&config(), &path("whole"), false, usize::MAX).unwrap();
    assert!(!whole.interrupted);
    assert_eq!(whole.state.history.len(), 6);
    assert!(whole.state.best.unwrap().1 > 0.9, "{:?}", whole.state.history);
    assert!(whole.state.history[5].train_loss < 0.7 * whole.state.history[0].train_loss);

    let again = run(&config(), &path("again"), false, usize::MAX).unwrap();
    assert_eq!(weights(&whole), weights(&again));

    // Nine steps make an epoch: stop in its middle, at its end, and before the first one's end.
    for steps in [3, 9, 22] {
        let stopped = run(&config(), &path("part"), false, steps).unwrap();
        assert!(stopped.interrupted);
        let resumed = run(&config(), &path("part"), true, usize::MAX).unwrap();
        assert_eq!(weights(&whole), weights(&resumed), "stopped after {steps} steps");
        let without_time = |o: &Outcome| {
            o.state.history.iter().map(|r| (r.epoch, r.train_loss, r.validation_auc)).collect::<Vec<_>>()
        };
        assert_eq!(without_time(&whole), without_time(&resumed));
    }
}

#[test]
fn a_checkpoint_of_another_run_or_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    assert!(matches!(run(&config(), &path, true, 1), Err(TrainError::Checkpoint(_))));
    run(&config(), &path, false, 5).unwrap();
    let other = TrainConfig { seed: 12, ..config() };
    assert!(matches!(run(&other, &path, true, 1), Err(TrainError::OtherRun { what: "settings", .. })));
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 5, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(matches!(run(&config(), &path, true, 1), Err(TrainError::Checkpoint(_))), "cut at {cut}");
    }
}

#[test]
fn stops_early_and_keeps_the_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    // A learning rate of nothing: no epoch after the first is better.
    let config = TrainConfig { learning_rate: 1e-12, patience: 2, epochs: 50, ..config() };
    let outcome = run(&config, &folder.path().join("c"), false, usize::MAX).unwrap();
    let best = outcome.state.best.unwrap().0;
    assert_eq!(outcome.state.epoch, best + 2);
}
