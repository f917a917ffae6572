//! Taggers on small networks with random weights (tests/fixtures/models), held to onnxruntime's answers.
#![cfg(feature = "onnx")]

use runtime::mel::{FrameCodes, MelConfig, log_mel, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::tagger::{Precision, SILENCE, Tagger, TaggerError, TaggerOptions};
use std::path::{Path, PathBuf};

const BANDS: usize = 32;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models")
}

fn load(path: &str, fuse: bool) -> Tagger {
    Tagger::load_with(models().join(path), &TaggerOptions { fuse, ..Default::default() }).unwrap()
}

/// The same numbers as `formula` in make_tiny.py.
fn formula(frames: usize) -> Vec<f32> {
    (0..frames * BANDS).map(|i| -(((i * 7919 + i / BANDS * 31) % 161) as f32) * 0.5).collect()
}

/// Partials from 90 Hz to 5.3 kHz, none of them silent: the same sound at every rate.
fn music(rate: u32, seconds: f32) -> Vec<f32> {
    let at = |time: f64| -> f64 {
        let phase = |n: f64| std::f64::consts::TAU * 88.0 * n * time + n * n;
        (1..=60).map(|n| phase(f64::from(n)).sin()).sum::<f64>() * (0.02 + 0.01 * (time * 5.0).sin())
    };
    (0..(seconds * rate as f32) as usize).map(|i| at(i as f64 / f64::from(rate)) as f32).collect()
}

fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "largest difference {worst}, {tolerance} is allowed");
}

#[test]
fn answers_are_those_of_onnxruntime() {
    let expected = std::fs::read_to_string(models().join("tiny-expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    // Int8: two steps of the last rounding, 0.04, where the sigmoid is steepest, and two of the embedding's 0.03.
    for (file, tags_within, embedding_within) in [
        ("tiny-k2c1/model.onnx", 1e-5, 1e-4),
        ("tiny-k2c1/model.int8.onnx", 0.0201, 0.0601),
        ("tiny-fixed.onnx", 1e-5, 1e-4),
    ] {
        let floats = |key: &str| -> Vec<f32> {
            expected[file][key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
        };
        for fuse in [true, false] {
            let tagger = load(file, fuse);
            assert_eq!(tagger.fused(), if fuse && tagger.card().input.sliding { 5 } else { 0 });
            let song =
                tagger.tag_frames(&formula(expected[file]["frames"].as_u64().unwrap() as usize)).unwrap();
            assert_close(&song.probabilities, &floats("tags"), tags_within);
            assert_close(song.window_embeddings.as_ref().unwrap(), &floats("embedding"), embedding_within);
            assert_eq!(song.windows, song.probabilities.len() / 16);
        }
    }
}

#[test]
fn a_folder_prefers_int8_and_gives_what_is_asked_for() {
    let folder = models().join("tiny-k2c1");
    let with =
        |precision| Tagger::load_with(&folder, &TaggerOptions { precision, ..Default::default() }).unwrap();
    assert_eq!(Tagger::load(&folder).unwrap().precision(), Precision::Int8);
    assert_eq!(with(Precision::Int8).precision(), Precision::Int8);
    assert_eq!(with(Precision::Float).precision(), Precision::Float);
    assert!(with(Precision::Float).path().ends_with("tiny-k2c1/model.onnx"));
    assert_eq!(with(Precision::Auto).tags()[0], "synthetic bass");
}

#[test]
fn pcm_and_its_frames_give_the_same_tags() {
    for file in ["tiny-k2c1", "tiny-fixed.onnx"] {
        let tagger = load(file, true);
        let config = *tagger.mel_config();
        assert_eq!(config, MelConfig { mel_bands: BANDS, ..MelConfig::MINIM });
        let samples = music(12_000, 4.0);
        let song = tagger.tag(Pcm::new(12_000, &samples)).unwrap();
        let frames = log_mel(&config, Pcm::new(12_000, &samples)).unwrap();
        assert_eq!(tagger.tag_frames(&frames).unwrap().probabilities, song.probabilities);
        assert_eq!(song.seconds, 4.0);
        let input = &tagger.card().input;
        assert_eq!(song.windows, (frames.len() / BANDS - input.frames) / input.hop_frames + 1);
        if input.codes {
            let codes = log_mel_codes(&config, Pcm::new(12_000, &samples)).unwrap();
            let decoded: Vec<f32> = codes.iter().map(|&code| FrameCodes::DECIBEL.decode(code)).collect();
            assert_eq!(tagger.tag_frames(&decoded).unwrap().probabilities, song.probabilities);
        }
    }
}

#[test]
fn the_rate_of_the_samples_hardly_matters() {
    let tagger = load("tiny-fixed.onnx", true);
    let at = |rate| tagger.tag(Pcm::new(rate, &music(rate, 5.0))).unwrap();
    let want = at(12_000);
    for rate in [22_050, 44_100, 48_000] {
        assert_eq!(at(rate).windows, want.windows);
        assert_close(&at(rate).mean, &want.mean, 0.02);
    }
    assert!(matches!(tagger.tag(Pcm::new(0, &[0.5])), Err(TaggerError::Resample(_))));
    assert!(matches!(tagger.tag(Pcm::new(u32::MAX, &[0.5])), Err(TaggerError::Resample(_))));
}

#[test]
fn short_songs_are_repeated() {
    for file in ["tiny-k2c1", "tiny-fixed.onnx"] {
        let tagger = load(file, true);
        let window = tagger.card().input.frames;
        let short = formula(7);
        let repeated: Vec<f32> = short.iter().cycle().take(window * BANDS).copied().collect();
        let song = tagger.tag_frames(&short).unwrap();
        assert_eq!(song.windows, 1);
        assert_eq!(song.probabilities, tagger.tag_frames(&repeated).unwrap().probabilities);
        assert_eq!(tagger.tag(Pcm::new(12_000, &[0.5])).unwrap().windows, 1);
    }
}

#[test]
fn long_songs_in_several_passes_equal_their_windows() {
    let tagger = load("tiny-k2c1/model.onnx", true);
    let (window, hop) = (tagger.card().input.frames, tagger.card().input.hop_frames);
    let frames = formula(40_000);
    let song = tagger.tag_frames(&frames).unwrap();
    assert_eq!(song.windows, (40_000 - window) / hop + 1);
    for i in (0..song.windows).step_by(97).chain([2040, 2041, 2042, song.windows - 1]) {
        let alone = tagger.tag_frames(&frames[i * hop * BANDS..][..window * BANDS]).unwrap();
        assert_close(&song.probabilities[i * 16..][..16], &alone.probabilities, 1e-6);
    }
}

#[test]
fn what_cannot_be_tagged_says_why() {
    let tagger = load("tiny-k2c1", true);
    let tag = |samples: &[f32]| tagger.tag(Pcm::new(12_000, samples)).unwrap_err();
    assert!(matches!(tag(&[]), TaggerError::Empty));
    assert!(tag(&[SILENCE * 0.9; 50_000]).to_string().contains("silent"));
    assert!(matches!(tag(&[0.1, f32::NAN]), TaggerError::NotFinite { index: 1 }));
    assert!(matches!(tagger.tag_frames(&[]), Err(TaggerError::Empty)));
    assert!(matches!(tagger.tag_frames(&[0.0; BANDS + 1]), Err(TaggerError::Frames { .. })));
    assert!(matches!(tagger.tag_frames(&[f32::INFINITY; BANDS]), Err(TaggerError::NotFinite { index: 0 })));
}

#[test]
fn one_tagger_serves_many_threads() {
    let tagger = load("tiny-k2c1", true);
    let want = tagger.tag_frames(&formula(300)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(tagger.tag_frames(&formula(300)).unwrap(), want));
        }
    });
}

/// Loads the float model with `change` done to its card.
fn with_card(change: impl FnOnce(&mut serde_json::Value)) -> Result<Tagger, TaggerError> {
    let folder = tempfile::tempdir().unwrap();
    let source = models().join("tiny-k2c1");
    std::fs::copy(source.join("model.onnx"), folder.path().join("model.onnx")).unwrap();
    let card = std::fs::read_to_string(source.join("card.json")).unwrap();
    let mut card = serde_json::from_str(&card).unwrap();
    change(&mut card);
    std::fs::write(folder.path().join("card.json"), card.to_string()).unwrap();
    Tagger::load(folder.path())
}

#[test]
fn a_card_that_does_not_fit_is_named() {
    assert!(with_card(|_| {}).is_ok());
    type Case<'c> = (&'c str, &'c dyn Fn(&mut serde_json::Value));
    let cases: &[Case<'_>] = &[
        ("one input \"sound\" is needed, the inputs are \"melgram\"", &|c| {
            c["input"]["name"] = "sound".into()
        }),
        ("no output \"genres\", the outputs are \"tags\", \"embedding\"", &|c| {
            c["outputs"]["tags"] = "genres".into()
        }),
        ("not [1, 1] and 3 tags", &|c| c["tags"] = serde_json::json!(["a", "b", "c"])),
        ("for 1 windows (71 frames)", &|c| c["input"]["frames"] = 71.into()),
        ("for 2 windows", &|c| c["input"]["hop_frames"] = 16.into()),
        ("not [1] and 16 tags", &|c| c["input"]["sliding"] = false.into()),
        ("cannot prepare the network", &|c| c["front_end"]["mel_bands"] = 40.into()),
        ("card.json: input.frames is 0", &|c| c["input"]["frames"] = 0.into()),
        ("card.json: not a card", &|c| *c = "hello".into()),
        ("front_end.window is \"kaiser\"", &|c| c["front_end"]["window"] = "kaiser".into()),
    ];
    for (message, change) in cases {
        let error = with_card(change).expect_err(message).to_string();
        assert!(error.contains(message), "{error:?} should contain {message:?}");
    }
}

#[test]
fn files_that_are_no_models_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let error = |path: &Path| Tagger::load(path).unwrap_err();
    assert!(matches!(error(&path("nowhere")), TaggerError::Io { .. }));
    assert!(error(&path("nowhere")).to_string().contains("nowhere"));
    assert!(matches!(error(folder.path()), TaggerError::NoModel { .. }));
    for (name, bytes) in [("empty.onnx", &b""[..]), ("text.onnx", b"not a model"), ("zero.onnx", &[0; 4096])]
    {
        std::fs::write(path(name), bytes).unwrap();
        assert!(matches!(error(&path(name)), TaggerError::NotOnnx { .. }), "{name}");
    }
    // Its card is in the metadata; without them and without a file beside it there is none.
    let bytes = std::fs::read(models().join("tiny-fixed.onnx")).unwrap();
    let place = bytes.windows(10).position(|window| window == b"minim.card").unwrap();
    let mut without = bytes.clone();
    without[place] = b'x';
    std::fs::write(path("without.onnx"), without).unwrap();
    assert!(matches!(error(&path("without.onnx")), TaggerError::NoCard { .. }));
    let huge = std::fs::File::create(path("huge.onnx")).unwrap();
    huge.set_len(600 << 20).unwrap();
    assert!(matches!(error(&path("huge.onnx")), TaggerError::TooLarge { .. }));
}
