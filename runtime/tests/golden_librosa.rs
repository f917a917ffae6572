//! The front end against librosa 0.11, on the files that `tests/golden/librosa/make_golden.py` made.
#![cfg(feature = "std")]

use std::path::PathBuf;

use runtime::mel::{Compression, MelConfig, MelNorm, MelScale, PadMode, log_mel};
use runtime::pcm::Pcm;

/// Largest error allowed above the floor, in dB.
const TOLERANCE_DB: f32 = 0.01;

/// The floor, in dB below the clip's loudest band: 10 dB below that of librosa's `power_to_db`, whose `top_db` is 80
/// unless told otherwise.
const FLOOR_DB: f32 = 90.0;

/// Largest error allowed below the floor, where an `f32` FFT's rounding shows: half a step of our 8-bit codes.
const TOLERANCE_BELOW_DB: f32 = 0.25;

const HTK: MelConfig = MelConfig {
    sample_rate: 22_050,
    n_fft: 2048,
    hop_length: 700,
    mel_bands: 128,
    f_min: 30.0,
    f_max: 11_000.0,
    mel_scale: MelScale::Htk,
    norm: MelNorm::None,
    pad_mode: PadMode::Reflect,
    compression: Compression::Decibel,
};

fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/librosa").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn samples(signal: &str) -> Vec<f32> {
    let bytes = read(&format!("{signal}.i16"));
    bytes.as_chunks().0.iter().map(|&b| f32::from(i16::from_le_bytes(b)) / 32_768.0).collect()
}

/// Our values beside librosa's.
fn both(convention: &str, config: &MelConfig, signal: &str) -> Vec<(f32, f32)> {
    let samples = samples(signal);
    let ours = log_mel(config, Pcm::new(config.sample_rate, &samples)).unwrap();
    let bytes = read(&format!("{convention}_{signal}.f32"));
    let golden: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    assert_eq!(ours.len(), golden.len(), "{convention} {signal}: number of values");
    assert_eq!(ours.len(), config.frames(samples.len()) * config.mel_bands);
    ours.into_iter().zip(golden).collect()
}

fn largest_error(pairs: impl IntoIterator<Item = (f32, f32)>) -> f32 {
    pairs.into_iter().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn check(convention: &str, config: &MelConfig, signals: &[&str]) {
    for signal in signals {
        let pairs = both(convention, config, signal);
        let (above, below) = match config.compression {
            Compression::Decibel => {
                let floor = pairs.iter().map(|pair| pair.1).fold(f32::MIN, f32::max) - FLOOR_DB;
                pairs.iter().partition(|pair| pair.1 >= floor)
            }
            // In bels, and nothing is below the floor, which is the bias.
            Compression::Log10 { .. } => {
                (pairs.iter().map(|(a, b)| (10.0 * a, 10.0 * b)).collect(), Vec::new())
            }
        };
        let (above, below) = (largest_error(above), largest_error(below));
        println!("{convention} {signal}: largest error {above:.1e} dB above the floor, {below:.1e} dB below");
        assert!(above <= TOLERANCE_DB, "{convention} {signal}: largest error above the floor {above} dB");
        assert!(
            below <= TOLERANCE_BELOW_DB,
            "{convention} {signal}: largest error below the floor {below} dB"
        );
    }
}

const ALL: &[&str] = &["noise", "chirp", "silence", "impulse", "mix"];
const SOME: &[&str] = &["noise", "mix"];

#[test]
fn minim_is_librosas_melspectrogram_in_decibels() {
    check("minim", &MelConfig::MINIM, ALL);
    check("minim-zeros", &MelConfig { pad_mode: PadMode::Zeros, ..MelConfig::MINIM }, SOME);
}

#[test]
fn musicnn_is_librosas_melspectrogram_in_log10() {
    check("musicnn", &MelConfig::MUSICNN, ALL);
    check("musicnn-reflect", &MelConfig { pad_mode: PadMode::Reflect, ..MelConfig::MUSICNN }, SOME);
}

#[test]
fn htk_bands_without_norm_and_a_long_window_are_librosas_too() {
    check("htk", &HTK, SOME);
}

#[test]
fn the_golden_files_tell_conventions_apart() {
    let other_scale = MelConfig { mel_scale: MelScale::Htk, ..MelConfig::MINIM };
    let other_norm = MelConfig { norm: MelNorm::None, ..MelConfig::MINIM };
    let other_ends = MelConfig { pad_mode: PadMode::Zeros, ..MelConfig::MINIM };
    for config in [other_scale, other_norm, other_ends] {
        assert!(largest_error(both("minim", &config, "noise")) > 1.0, "{config:?}");
    }
}
