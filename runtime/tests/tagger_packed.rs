//! Packed models in the tagger: which file runs, and what does not belong together.
#![cfg(feature = "onnx")]

use runtime::pcm::Pcm;
use runtime::tagger::{EngineChoice, Precision, Tagger, TaggerError, TaggerOptions};
use std::path::{Path, PathBuf};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn load(path: &Path, engine: EngineChoice, precision: Precision) -> Result<Tagger, TaggerError> {
    Tagger::load_with(path, &TaggerOptions { engine, precision, ..Default::default() })
}

/// Two seconds of a chord: shorter than a window, so repeated.
fn chord() -> Vec<f32> {
    let at = |i: usize| (1..=5).map(|n| (i as f32 * 0.04 * n as f32).sin() * 0.1).sum();
    (0..24_000).map(at).collect()
}

#[test]
fn the_packed_model_runs_where_it_is_and_where_it_may() {
    let folder = models().join("k2c1-msd50-0.1m");
    let file = |name: &str| folder.join(name);
    use EngineChoice::{Auto, Int8, Tract};
    for (path, engine, precision, runs) in [
        (folder.clone(), Auto, Precision::Auto, Int8),
        (folder.clone(), Int8, Precision::Auto, Int8),
        (folder.clone(), Auto, Precision::Int8, Int8),
        (folder.clone(), Tract, Precision::Auto, Tract),
        (folder.clone(), Auto, Precision::Float, Tract),
        (file("model.bin"), Auto, Precision::Auto, Int8),
        (file("model.int8.onnx"), Auto, Precision::Auto, Tract),
    ] {
        let tagger = load(&path, engine, precision).unwrap();
        assert_eq!(tagger.engine(), runs, "{}, {engine:?}, {precision:?}", path.display());
    }
    for (path, engine, needs) in [("model.bin", Tract, Int8), ("model.onnx", Int8, Tract)] {
        let error = load(&file(path), engine, Precision::Auto).unwrap_err();
        assert!(matches!(error, TaggerError::OtherEngine { needs: n, .. } if n == needs), "{error}");
    }
    let error = load(&folder, Int8, Precision::Float).unwrap_err();
    assert!(matches!(error, TaggerError::NoModel { .. }), "{error}");
}

#[test]
fn both_engines_tag_a_short_song_alike() {
    let folder = models().join("k2c1-msd50");
    let chord = chord();
    let [int8, tract] = [EngineChoice::Int8, EngineChoice::Tract]
        .map(|engine| load(&folder, engine, Precision::Int8).unwrap().tag(Pcm::new(12_000, &chord)).unwrap());
    assert_eq!((int8.windows, tract.windows), (1, 1));
    let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far(&int8.mean, &tract.mean) < 1e-6);
    let (a, b) = (int8.embedding.unwrap(), tract.embedding.unwrap());
    assert!(a.len() == b.len() && far(&a, &b) < 1e-5);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, name: &str| {
        std::fs::copy(models().join(from).join(name), folder.path().join(name)).unwrap();
    };
    copy("k2c1-msd50", "card.json");
    for (other, reason) in [("k2c1-msd50-0.1m", "names"), ("synth-k2c1", "names")] {
        copy(other, "model.bin");
        let error = Tagger::load(folder.path()).unwrap_err();
        assert!(matches!(&error, TaggerError::Mismatch { reason: r, .. } if r.contains(reason)), "{error}");
    }
    copy("k2c1-msd50", "model.bin");
    assert!(Tagger::load(folder.path()).is_ok());
    let path = folder.path().join("model.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[9_999] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let error = Tagger::load(folder.path()).unwrap_err();
    assert!(matches!(error, TaggerError::Packed { .. }), "{error}");
    assert!(error.to_string().contains("model.bin: damaged: the CRC-32"));
    std::fs::remove_file(folder.path().join("card.json")).unwrap();
    assert!(matches!(Tagger::load(folder.path()), Err(TaggerError::NoCard { .. })));
}
