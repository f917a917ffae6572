//! The loop: it learns, repeats itself, and continues exactly where it stopped.

use candle_core::Device;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::net::{Architecture, Budget, Layer, Model, Network, PlaneLayer, Standardise, TimeLayer};
use trainer::train::{
    Augments, Balance, CorpusIn, EpochRecord, LabelledClip, Outcome, Precision, Progress, Ranks, Schedule,
    Task, TrainConfig, TrainError, train, train_on,
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
        weight_decay: 0.01,
        balance: Balance::Tags,
        crop_frames: 32,
        patience: 10,
        seed: 11,
        ..Default::default()
    }
}

/// Every option on.
fn everything() -> TrainConfig {
    let augment: Augments = "gain=3,eq=2,noise=20,spec-augment=2:6:1,mixup=0.3".parse().unwrap();
    TrainConfig {
        schedule: Schedule::OneCycle,
        warm_up: 0.3,
        clip_norm: 0.5,
        ema: 0.95,
        label_smoothing: 0.05,
        augment: augment.0,
        ..config()
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
    run_as(&architecture(), CorpusIn::Host, config, path, resume, steps)
}

fn run_as(
    architecture: &Architecture,
    corpus_in: CorpusIn,
    config: &TrainConfig,
    path: &std::path::Path,
    resume: bool,
    steps: usize,
) -> Result<Outcome, TrainError> {
    let data = clips();
    let labelled: Vec<LabelledClip<'_>> =
        data.iter().map(|(codes, labels)| LabelledClip::whole(codes, labels)).collect();
    let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
    let standardise = Standardise::measure(labelled.iter().map(|c| c.codes), BANDS, decode);
    let task = Task {
        architecture,
        tags: &["rising".to_string(), "falling".to_string()],
        standardise: &standardise,
        decode: &decode,
        train: &labelled[..72],
        validation: &labelled[72..],
        corpus_in,
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

/// Like k2c2: 3x3 kernels with dropout, which is drawn anew at every step.
fn with_dropout() -> Architecture {
    let mut a = architecture();
    let plane = |inputs, outputs, pool| PlaneLayer { inputs, outputs, kernel: [3, 3], pool, dropout: 0.2 };
    a.layers = vec![
        Layer::Plane(plane(1, 4, [2, 4])),
        Layer::Plane(plane(4, 6, [4, 8])),
        Layer::Time(TimeLayer { inputs: 6, outputs: 2, kernel: 1, pool: 1 }),
    ];
    a.network = Model::K2c2;
    a.window_frames = Some(32);
    a.check().unwrap();
    a
}

#[test]
fn resumes_exactly_with_every_option_on_and_wherever_the_codes_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for architecture in [architecture(), with_dropout()] {
        let run = |corpus_in, name: &str, resume, steps| {
            run_as(&architecture, corpus_in, &everything(), &path(name), resume, steps).unwrap()
        };
        let whole = run(CorpusIn::Host, "whole", false, usize::MAX);
        assert_eq!(weights(&whole), weights(&run(CorpusIn::Host, "again", false, usize::MAX)));
        for (steps, first, then) in [
            (1, CorpusIn::Host, CorpusIn::Host),
            (14, CorpusIn::Device, CorpusIn::Host),
            (31, CorpusIn::Host, CorpusIn::Device),
        ] {
            assert!(run(first, "part", false, steps).interrupted);
            let resumed = run(then, "part", true, usize::MAX);
            assert_eq!(weights(&whole), weights(&resumed), "stopped after {steps} steps");
            let told = |o: &Outcome| {
                o.state
                    .history
                    .iter()
                    .map(|r| (r.train_loss, r.validation_loss, r.validation_auc))
                    .collect::<Vec<_>>()
            };
            assert_eq!(told(&whole), told(&resumed));
        }
    }
}

#[test]
fn every_option_changes_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let trained = |config: &TrainConfig| {
        let outcome =
            run(&TrainConfig { epochs: 1, ..config.clone() }, &folder.path().join("c"), false, usize::MAX);
        weights(&outcome.unwrap())
    };
    let (all, off) = (everything(), config());
    let whole = trained(&all);
    for (name, one_off) in [
        ("schedule", TrainConfig { schedule: off.schedule, ..all.clone() }),
        ("clip_norm", TrainConfig { clip_norm: 0.0, ..all.clone() }),
        ("ema", TrainConfig { ema: 0.0, ..all.clone() }),
        ("label_smoothing", TrainConfig { label_smoothing: 0.0, ..all.clone() }),
        ("seed", TrainConfig { seed: 12, ..all.clone() }),
    ] {
        assert_ne!(whole, trained(&one_off), "{name}");
    }
    for step in 0..all.augment.len() {
        let mut fewer = all.clone();
        let left_out = fewer.augment.remove(step);
        assert_ne!(whole, trained(&fewer), "{left_out}");
    }
}

/// The average of the weights is steadier than the weights: at a learning rate that never falls, it loses less.
#[test]
fn averaged_weights_do_better_at_a_rate_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let constant = TrainConfig {
        schedule: Schedule::Constant,
        learning_rate: 0.03,
        epochs: 12,
        patience: 12,
        ..config()
    };
    let last_losses = |ema: f64| {
        let config = TrainConfig { ema, ..constant.clone() };
        let outcome = run(&config, &folder.path().join("c"), false, usize::MAX).unwrap();
        outcome.state.history[6..].iter().map(|r| r.validation_loss.unwrap()).sum::<f64>()
    };
    let (with, without) = (last_losses(0.9), last_losses(0.0));
    assert!(with < without, "{with} {without}");
}

#[test]
fn what_cannot_be_trained_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let error = |config: TrainConfig| run(&config, &path, false, 1).err().unwrap().to_string();
    assert!(error(TrainConfig { ema: 1.5, ..config() }).contains("--ema 1.5"));
    assert!(error(TrainConfig { precision: Precision::Tf32, ..config() }).contains("needs a GPU"));
    // The crop leaves one value of a clip behind the pooling: normalised by itself it would be nothing.
    let field = architecture().receptive_field();
    let alone = TrainConfig { batch_size: 1, crop_frames: field, ..config() };
    assert!(error(alone).contains("two clips per step"));
}

/// Two replicas that share every batch repeat themselves, continue where they stopped, and learn as one network does.
#[test]
fn ranks_learn_together() {
    let data = clips();
    let doubled: Vec<LabelledClip<'_>> =
        data[..36].iter().flat_map(|(codes, labels)| [LabelledClip::whole(codes, labels); 2]).collect();
    let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
    let standardise = Standardise::measure(doubled.iter().map(|c| c.codes), BANDS, decode);
    let folder = tempfile::tempdir().unwrap();
    let fit = |name: &str, ranks: Ranks, batch_size: usize, resume_after: Option<usize>| {
        let task = Task {
            architecture: &architecture(),
            tags: &["rising".to_string(), "falling".to_string()],
            standardise: &standardise,
            decode: &decode,
            train: &doubled,
            validation: &[],
            corpus_in: Default::default(),
        };
        let config = TrainConfig { batch_size, epochs: 3, ..config() };
        let stop = AtomicBool::new(false);
        let steps = resume_after.unwrap_or(usize::MAX);
        let mut progress = StopAfter { steps, stop: &stop, records: Vec::new() };
        let path = folder.path().join(name);
        let resume = path.exists();
        train_on(&task, &config, ranks, &path, resume, &stop, &mut progress).unwrap()
    };
    let whole = fit("two", Ranks::on_cpu(2), 8, None);
    assert_eq!(weights(&whole), weights(&fit("again", Ranks::on_cpu(2), 8, None)));
    assert!(fit("stopped", Ranks::on_cpu(2), 8, Some(11)).interrupted);
    assert_eq!(weights(&whole), weights(&fit("stopped", Ranks::on_cpu(2), 8, None)));
    // They learn, though batch norm sees half the clips and so takes another way.
    let one = fit("one", Ranks::one(&Device::Cpu), 8, None);
    let losses: Vec<f64> = whole.state.history.iter().map(|record| record.train_loss).collect();
    assert!(losses[2] < 0.9 * losses[0], "{losses:?}");
    assert_ne!(weights(&whole), weights(&one));
}

#[test]
fn batches_that_cannot_be_shared_are_refused() {
    let data = clips();
    let labelled: Vec<LabelledClip<'_>> =
        data.iter().map(|(codes, labels)| LabelledClip::whole(codes, labels)).collect();
    let decode = |code: u8| f32::from(code);
    let standardise = Standardise::none(BANDS);
    let task = Task {
        architecture: &architecture(),
        tags: &["rising".to_string(), "falling".to_string()],
        standardise: &standardise,
        decode: &decode,
        train: &labelled,
        validation: &[],
        corpus_in: Default::default(),
    };
    let config = TrainConfig { batch_size: 5, ..config() };
    let stop = AtomicBool::new(false);
    let mut progress = StopAfter { steps: usize::MAX, stop: &stop, records: Vec::new() };
    let path = std::path::Path::new("never written");
    let refused = train_on(&task, &config, Ranks::on_cpu(3), path, false, &stop, &mut progress);
    assert!(
        matches!(refused, Err(TrainError::Settings(reason)) if reason.contains("four clips for each of 3"))
    );
}
