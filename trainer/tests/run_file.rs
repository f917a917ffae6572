//! `run.toml` says everything, and nothing else is taken for it.

use proptest::prelude::*;
use trainer::corpus::CorpusSpec;
use trainer::net::{Budget, Model};
use trainer::train::{
    Augment, Balance, CropsPerClip, LogitScale, Loss, Precision, RunFile, Schedule, TrainConfig,
};

fn augment() -> impl Strategy<Value = Augment> {
    prop_oneof![
        (0.01f32..40.0).prop_map(|decibel| Augment::Gain { decibel }),
        (0.01f32..40.0).prop_map(|decibel| Augment::Eq { decibel }),
        (-19.9f32..80.0).prop_map(|decibel| Augment::Noise { decibel }),
        (0.001f32..10.0).prop_map(|alpha| Augment::Mixup { alpha }),
        (0usize..1000, 1usize..100_000, 1usize..=20)
            .prop_map(|(bands, frames, masks)| Augment::SpecAugment { bands, frames, masks }),
    ]
}

fn corpus() -> impl Strategy<Value = CorpusSpec> {
    let path = "[a-zA-Z0-9 /\\\\\"\u{e4}#=.-]{1,20}";
    let one = prop_oneof![
        (10usize..1_000_000).prop_map(|clips| CorpusSpec::Synth { clips }),
        path.prop_map(|p| CorpusSpec::Folder(p.into())),
        path.prop_map(|p| CorpusSpec::Manifest(p.into())),
    ];
    prop::collection::vec(one, 1..4).prop_map(|specs| CorpusSpec::all_of(specs).unwrap())
}

prop_compose! {
    fn recipe()(
        (epochs, batch_size, patience, crop_frames) in (1usize..10_000, 1usize..10_000, 1usize..100, 0usize..1_000_000),
        (learning_rate, warm_up, weight_decay, clip_norm) in (1e-9f64..9.9, 0.0f64..1.0, 0.0f64..900.0, 0.0f64..1e8),
        (ema, label_smoothing, positive_threshold) in (0.0f64..1.0, 0.0f64..1.0, 0.001f32..=1.0),
        schedule in prop_oneof![Just(Schedule::Cosine), Just(Schedule::OneCycle), Just(Schedule::Constant)],
        balance in prop_oneof![Just(Balance::None), Just(Balance::Tags)],
        loss in prop_oneof![Just(Loss::Bce), Just(Loss::Logit), Just(Loss::Mixed)],
        logit_scale in prop_oneof![Just(LogitScale::None), Just(LogitScale::Tags)],
        (logit_share, logit_floor, temperature) in (0.0f64..=1.0, 1e-6f64..0.5, 0.01f64..100.0),
        crops_per_clip in prop_oneof![Just(CropsPerClip::One), Just(CropsPerClip::Duration)],
        precision in prop_oneof![Just(Precision::Float32), Just(Precision::Tf32), Just(Precision::Bf16)],
        augment in prop::collection::vec(augment(), 0..6),
        seed in 0..=i64::MAX as u64,
    ) -> TrainConfig {
        TrainConfig {
            epochs, batch_size, learning_rate, schedule, warm_up, weight_decay, clip_norm, ema, label_smoothing,
            balance, augment, loss, logit_share, logit_scale,
            logit_floor, temperature, crop_frames, crops_per_clip, patience, positive_threshold, precision, seed,
        }
    }
}

prop_compose! {
    fn run_file()(
        corpus in corpus(),
        model in prop::sample::select(Model::ALL.to_vec()),
        budget in prop::sample::select(Budget::ALL.to_vec()),
        pools in prop::collection::vec(1usize..=16, 0..5),
        no_test in any::<bool>(),
        min_positives in 0usize..1000,
        max_tags in prop::option::of(1usize..1000),
        licence in prop::option::of(".*"),
        recipe in recipe(),
    ) -> RunFile {
        RunFile { corpus, model, budget, pools, min_positives, max_tags, no_test, licence, recipe }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_to_the_bit(run in run_file()) {
        prop_assert_eq!(run.recipe.validate(), Ok(()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        std::fs::write(&path, run.to_toml().unwrap()).unwrap();
        prop_assert_eq!(RunFile::read(&path).unwrap(), run);
    }
}

fn read(text: &str) -> Result<RunFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text).unwrap();
    RunFile::read(&path).map_err(|e| e.to_string())
}

#[test]
fn what_is_left_out_is_the_main_job() {
    assert_eq!(read("").unwrap(), RunFile::default());
    let run = read("model = \"crnn\"\n[recipe]\nepochs = 3\naugment = [\"mixup\"]\n").unwrap();
    let recipe =
        TrainConfig { epochs: 3, augment: vec![Augment::Mixup { alpha: 0.2 }], ..Default::default() };
    assert_eq!(run, RunFile { model: Model::Crnn, recipe, ..Default::default() });
}

#[test]
fn mistakes_name_the_key_and_the_file() {
    for (text, word) in [
        ("colour = 3", "colour"),
        ("[recipe]\nlerning_rate = 1.0", "lerning_rate"),
        ("[recipe]\nepochs = \"many\"", "epochs"),
        ("[recipe]\naugment = [\"louder\"]", "louder"),
        ("corpus = \"magic\"", "magic"),
        ("model = \"k9\"", "k9"),
        ("budget 3", "budget"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(word) && error.contains("mine.toml"), "{text}: {error}");
    }
    assert!(RunFile::read("nowhere.toml".as_ref()).unwrap_err().to_string().contains("nowhere.toml"));
}
