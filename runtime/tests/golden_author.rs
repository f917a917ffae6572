//! The front end against log-mels that the author of the compact CRNN computed of real songs.
//!
//! `MINIM_GOLDEN_AUDIO` names a folder of pairs `SONG.mp3`, `SONG.npy`; the latter are float64 `[1, 1, 96, 1366]`:
//! `20 log10(mel power)`, cut off 80 below the clip's maximum, of the 29.12 s in the middle of the song. That is
//! twice the decibels of a power; here they are halved, and all numbers are dB as `MelConfig::MINIM` has them. His decoder and resampler were others, so the clips may lie some hundred samples apart; the
//! test looks for the shift, and leaves out the frames at both ends.
#![cfg(all(feature = "onnx", feature = "decode"))]

use std::path::{Path, PathBuf};

use runtime::decode::decode_file;
use runtime::mel::{MelConfig, log_mel};
use runtime::pcm::Pcm;
use runtime::resample::resample;

const BANDS: usize = 96;
const FRAMES: usize = 1366;
const SAMPLES: usize = 349_440;
/// Frames left out at either end.
const ENDS: usize = 50;
/// Largest shift that is tried, in samples at 12 kHz: LAME's delay is 301 of them, a second decoder's as much again.
const LARGEST_SHIFT: i64 = 640;
/// Mean absolute difference allowed, in dB.
const TOLERANCE: f64 = 0.1;

/// The author's values in dB, frame after frame.
fn golden(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (head, data) = bytes.split_at(bytes.len() - 8 * BANDS * FRAMES);
    let head = String::from_utf8_lossy(head);
    assert!(head.contains("'<f8'") && head.contains("(1, 1, 96, 1366)"), "{}: {head}", path.display());
    let values: Vec<f64> = data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect();
    (0..FRAMES * BANDS).map(|i| values[i % BANDS * FRAMES + i / BANDS] / 2.0).collect()
}

/// Mean and mean absolute difference, in dB, to the clip that begins at sample `start`.
fn difference(song: &[f32], start: i64, golden: &[f64]) -> Option<(f64, f64)> {
    let clip = song.get(usize::try_from(start).ok()?..)?.get(..SAMPLES)?;
    let ours = log_mel(&MelConfig::MINIM, Pcm::new(12_000, clip)).unwrap();
    let floor = f64::from(ours.iter().copied().fold(f32::MIN, f32::max)) - 40.0;
    let middle = ENDS * BANDS..(FRAMES - ENDS) * BANDS;
    let differences = || {
        let pairs = ours.iter().zip(golden).skip(middle.start).take(middle.len());
        pairs.map(|(&ours, golden)| f64::from(ours).max(floor) - golden)
    };
    let mean = differences().sum::<f64>() / middle.len() as f64;
    Some((mean, differences().map(f64::abs).sum::<f64>() / middle.len() as f64))
}

fn check(mp3: &Path) {
    let golden = golden(&mp3.with_extension("npy"));
    let decoded = decode_file(mp3).unwrap();
    let song = resample(decoded.pcm(), 12_000).unwrap();
    let centre = (song.len() as i64 - SAMPLES as i64) / 2;
    let best = |shifts: &mut dyn Iterator<Item = i64>| {
        let tried = shifts.filter_map(|shift| Some((shift, difference(&song, centre + shift, &golden)?)));
        tried.min_by(|a, b| a.1.1.total_cmp(&b.1.1)).expect("a song of half a minute")
    };
    let (coarse, _) = best(&mut (-LARGEST_SHIFT..=LARGEST_SHIFT).step_by(16));
    let (shift, (mean, absolute)) = best(&mut (coarse - 16..=coarse + 16));
    let song = mp3.display();
    println!("{song}: shifted by {shift} samples, mean difference {mean:.3} dB, absolute {absolute:.3} dB");
    assert!(absolute <= TOLERANCE, "{song}: mean absolute difference {absolute}");
}

#[test]
fn real_songs_agree_with_the_authors_log_mels() {
    let Some(folder) = std::env::var_os("MINIM_GOLDEN_AUDIO").map(PathBuf::from) else {
        eprintln!("skipped: set MINIM_GOLDEN_AUDIO=folder of mp3 and npy pairs");
        return;
    };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut songs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    songs.retain(|path| path.extension().is_some_and(|extension| extension == "mp3"));
    assert!(!songs.is_empty(), "{}: no mp3 files", folder.display());
    songs.iter().for_each(|song| check(song));
}
