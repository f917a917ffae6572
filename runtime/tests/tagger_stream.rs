//! Songs that come in pieces are tagged as whole ones.
#![cfg(feature = "onnx")]

use proptest::prelude::*;
use runtime::pcm::Pcm;
use runtime::tagger::{EngineChoice, Pace, TagStream, Tagger, TaggerError, TaggerOptions};
use std::path::Path;
use std::sync::{Arc, LazyLock};

fn load(name: &str, engine: EngineChoice) -> Tagger {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    Tagger::load_with(path, &TaggerOptions { engine, ..Default::default() }).unwrap()
}

static PACKED: LazyLock<Tagger> = LazyLock::new(|| load("models/k2c1-msd50-0.1m", EngineChoice::Int8));
static TRACT: LazyLock<Tagger> =
    LazyLock::new(|| load("tests/fixtures/models/tiny-k2c1", EngineChoice::Tract));

/// Noise that swells, so that windows differ.
fn music(seconds: f64, sample_rate: u32) -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let length = (seconds * f64::from(sample_rate)) as usize;
    (0..length).map(|i| noise() * (1.0 + (i as f32 * 1e-4).sin()) * 0.4).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_do_not_matter(
        seconds in 0.1f64..30.0,
        sample_rate in proptest::sample::select(&[8_000u32, 12_000, 44_100][..]),
        pieces in proptest::collection::vec(1usize..60_000, 1..5),
        live in any::<bool>(),
        packed in any::<bool>(),
    ) {
        let tagger = if packed { &*PACKED } else { &*TRACT };
        let samples = music(seconds, sample_rate);
        let whole = tagger.tag(Pcm::new(sample_rate, &samples)).unwrap();
        let mut stream = TagStream::new(tagger, if live { Pace::Live } else { Pace::Steady });
        let mut rest = &samples[..];
        for &piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            stream.push(Pcm::new(sample_rate, now)).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let before_the_end = stream.so_far();
        let song = stream.finish().unwrap();
        prop_assert_eq!((song.windows, song.seconds), (whole.windows, whole.seconds));
        if let Some(before) = before_the_end {
            prop_assert!(before.windows <= song.windows);
            prop_assert_eq!(&song.probabilities[..before.probabilities.len()], &before.probabilities[..]);
        }
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let limit = if packed { 0.0 } else { 1e-5 };
        prop_assert!(far(&song.probabilities, &whole.probabilities) <= limit);
        prop_assert!(far(&song.mean, &whole.mean) <= limit);
        prop_assert!(far(song.embedding.as_deref().unwrap(), whole.embedding.as_deref().unwrap()) <= limit * 100.0);
    }
}

#[test]
fn live_windows_come_while_the_music_does() {
    let tagger = Arc::new(load("models/k2c1-msd50", EngineChoice::Int8));
    let samples = music(12.0, 44_100);
    let mut stream = TagStream::new(tagger.clone(), Pace::Live);
    for (second, piece) in samples.chunks(44_100).enumerate() {
        stream.push(Pcm::new(44_100, piece)).unwrap();
        let heard = (second + 1) as f64;
        // The resampler, the spectrogram and a window that is not whole yet lag.
        let due = ((heard - 0.3 - tagger.window_seconds()) / tagger.hop_seconds()).floor() + 1.0;
        let most = ((heard - tagger.window_seconds()) / tagger.hop_seconds()).floor() + 1.0;
        let windows = stream.windows() as f64;
        assert!((due.max(0.0)..=most.max(0.0)).contains(&windows), "{windows} windows after {heard} s");
    }
    assert_eq!(stream.probabilities(stream.windows() - 1).len(), 50);
    assert!((stream.seconds() - 12.0).abs() < 1e-9);
}

#[test]
fn what_cannot_be_heard_says_so() {
    let tagger = &*PACKED;
    let new = || TagStream::new(tagger, Pace::Steady);
    assert!(matches!(new().finish(), Err(TaggerError::Empty)));
    let mut silent = new();
    silent.push(Pcm::new(12_000, &[0.0; 12_000])).unwrap();
    assert!(matches!(silent.finish(), Err(TaggerError::Silent { .. })));
    let mut broken = new();
    broken.push(Pcm::new(12_000, &[0.5; 10])).unwrap();
    assert!(matches!(
        broken.push(Pcm::new(12_000, &[0.0, f32::NAN])),
        Err(TaggerError::NotFinite { index: 11 })
    ));
    assert!(matches!(broken.push(Pcm::new(16_000, &[0.5; 10])), Err(TaggerError::FrontEnd(_))));
    assert!(matches!(new().push(Pcm::new(10, &[0.5; 10])), Err(TaggerError::Resample(_))));
}

#[test]
fn one_stream_hears_song_after_song() {
    let tagger = &*PACKED;
    let alone = |rate: u32, samples: &[f32]| tagger.tag(Pcm::new(rate, samples)).unwrap();
    let mut stream = TagStream::new(tagger, Pace::Steady);
    let songs = [(44_100, 9.0), (44_100, 1.0), (16_000, 7.0), (12_000, 5.0), (44_100, 6.0)];
    for (i, (rate, seconds)) in songs.into_iter().enumerate() {
        let samples = music(seconds, rate);
        stream.push(Pcm::new(rate, &samples)).unwrap();
        assert_eq!(stream.finish().unwrap(), alone(rate, &samples), "song {i}");
        // What goes wrong with a song, or is left of it, is not heard in the next.
        match i {
            1 => assert!(matches!(stream.finish(), Err(TaggerError::Empty))),
            2 => {
                stream.push(Pcm::new(rate, &samples)).unwrap();
                assert!(stream.push(Pcm::new(rate, &[f32::NAN])).is_err());
                stream.restart();
                assert_eq!((stream.windows(), stream.so_far()), (0, None));
            }
            3 => {
                stream.push(Pcm::new(rate, &[0.0; 9999])).unwrap();
                assert!(matches!(stream.finish(), Err(TaggerError::Silent { .. })));
            }
            _ => {}
        }
    }
}
