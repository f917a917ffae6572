//! Decoding of the generated fixtures, whole and damaged. `tests/fixtures/audio/make.sh` says what they hold.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use runtime::decode::{
    AudioStream, DecodeError, DecodedAudio, decode_file, decode_file_limited, decode_file_part,
    stated_seconds,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio").join(name)
}

/// Amplitude of one frequency in the middle of the clip (Goertzel's sum, by its definition).
fn amplitude(audio: &DecodedAudio, hertz: f64) -> f64 {
    let rate = f64::from(audio.sample_rate);
    // A whole number of periods of both tones: 440 and 1000 Hz meet every 25 ms.
    let length = (rate * 0.8).round() as usize;
    let start = (audio.samples.len() - length) / 2;
    let step = std::f64::consts::TAU * hertz / rate;
    let (mut re, mut im) = (0.0, 0.0);
    for (i, &sample) in audio.samples[start..start + length].iter().enumerate() {
        re += f64::from(sample) * (step * i as f64).cos();
        im += f64::from(sample) * (step * i as f64).sin();
    }
    2.0 * re.hypot(im) / length as f64
}

#[test]
fn every_format_gives_its_rate_length_and_tones() {
    // (file, rate, channels, seconds, extra samples that the codec may leave at the ends)
    for (name, rate, channels, seconds, slack) in [
        ("stereo-44100.mp3", 44_100, 2, 2.5, 0),
        ("mono-22050.mp3", 22_050, 1, 3.0, 0),
        ("mono-16000.flac", 16_000, 1, 2.0, 0),
        ("stereo-12000.flac", 12_000, 2, 1.3, 0),
        ("stereo-48000.ogg", 48_000, 2, 2.5, 0),
        ("mono-24000.ogg", 24_000, 1, 3.0, 0),
        ("mono-8000-s16.wav", 8_000, 1, 1.5, 0),
        ("stereo-8000-s16.wav", 8_000, 2, 1.0, 0),
        ("mono-8000-f32.wav", 8_000, 1, 1.0, 0),
        ("mono-8000-s24.wav", 8_000, 1, 1.2, 0),
        ("stereo-44100.m4a", 44_100, 2, 2.0, 2112),
        ("mono-32000.m4a", 32_000, 1, 2.5, 2112),
        ("mono-48000.opus", 48_000, 1, 1.0, 0),
        ("stereo-48000.opus", 48_000, 2, 2.0, 0),
    ] {
        let audio = decode_file(&fixture(name)).unwrap();
        assert_eq!((audio.sample_rate, audio.channels), (rate, channels), "{name}");
        let expected = (seconds * f64::from(rate)).round() as usize;
        assert!(
            (expected..=expected + slack).contains(&audio.samples.len()),
            "{name}: {} samples, expected {expected}",
            audio.samples.len()
        );
        assert_eq!((audio.skipped_packets, audio.limited), (0, false), "{name}");
        // The mean of left and right has each tone at half its amplitude.
        let (at_440, at_1000) = if channels == 2 { (0.25, 0.25) } else { (0.5, 0.0) };
        for (hertz, expected) in [(440.0, at_440), (1000.0, at_1000), (700.0, 0.0)] {
            let found = amplitude(&audio, hertz);
            assert!((found - expected).abs() < 0.03, "{name}: {hertz} Hz at {found}, expected {expected}");
        }
    }
}

const FORMATS: [(&str, f64); 11] = [
    ("stereo-44100.mp3", 2.5),
    ("mono-22050.mp3", 3.0),
    ("mono-16000.flac", 2.0),
    ("stereo-12000.flac", 1.3),
    ("stereo-48000.ogg", 2.5),
    ("mono-24000.ogg", 3.0),
    ("mono-8000-s16.wav", 1.5),
    ("mono-8000-f32.wav", 1.0),
    ("stereo-44100.m4a", 2.0),
    ("mono-32000.m4a", 2.5),
    ("stereo-48000.opus", 2.0),
];

#[test]
fn a_part_is_what_lies_there_in_the_whole() {
    for (name, seconds) in FORMATS {
        let whole = decode_file(&fixture(name)).unwrap();
        let rate = f64::from(whole.sample_rate);
        let part = decode_file_part(&fixture(name), 0.6 * seconds, 0.2).unwrap();
        assert_eq!((part.sample_rate, part.skipped_packets), (whole.sample_rate, 0), "{name}");
        assert_eq!(part.samples.len(), (0.2 * rate).ceil() as usize, "{name}");
        assert_eq!(part, decode_file_part(&fixture(name), 0.6 * seconds, 0.2).unwrap(), "{name}");
        // Somewhere within a packet or two of that place the same samples lie.
        let at = (0.6 * seconds * rate) as usize;
        let near = |from: usize| {
            let there = whole.samples[from..].iter().zip(&part.samples[..1000]);
            there.map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max)
        };
        let nearest = (at.saturating_sub(2200)..at + 2200)
            .filter(|from| from + 1000 <= whole.samples.len())
            .map(near)
            .fold(f32::MAX, f32::min);
        assert!(nearest < 0.02, "{name}: differs by {nearest}");
    }
    let past = decode_file_part(&fixture("mono-16000.flac"), 60.0, 1.0).unwrap_err();
    assert!(matches!(past, DecodeError::NothingDecoded { .. }), "{past}");
}

#[test]
fn a_stream_gives_what_the_whole_holds_and_seeks() {
    for (name, seconds) in FORMATS {
        let whole = decode_file(&fixture(name)).unwrap();
        let sums = [0; 2].map(|_| std::sync::Arc::new(std::sync::Mutex::new((0usize, 0u64))));
        let observe = |audio: &mut AudioStream, sum: &std::sync::Arc<std::sync::Mutex<(usize, u64)>>| {
            let sum = sum.clone();
            audio.observe(move |bytes| {
                let mut sum = sum.lock().unwrap();
                sum.0 += 1;
                sum.1 = bytes.iter().fold(sum.1, |sum, &byte| sum.wrapping_mul(31) + u64::from(byte));
            });
        };
        let mut audio = AudioStream::open(&fixture(name)).unwrap();
        observe(&mut audio, &sums[0]);
        let mut mono = Vec::new();
        while let Some(block) = audio.next().unwrap() {
            let mut interleaved = vec![9.0];
            block.append_interleaved(&mut interleaved);
            assert_eq!((block.sample_rate, block.channels), (whole.sample_rate, whole.channels));
            assert_eq!(interleaved.len(), 1 + block.frames() * block.channels);
            let frames = interleaved[1..].chunks_exact(block.channels);
            let means = frames.map(|frame| frame.iter().sum::<f32>() / block.channels as f32);
            assert!(means.zip(block.mono).all(|(mean, &mono)| (mean - mono).abs() < 1e-6), "{name}");
            mono.extend_from_slice(block.mono);
        }
        assert_eq!(mono, whole.samples, "{name}");
        assert!((audio.stated_seconds().unwrap() - seconds).abs() < 0.15, "{name}");

        // The same packets, without decoding them.
        let mut passed = AudioStream::open(&fixture(name)).unwrap();
        observe(&mut passed, &sums[1]);
        passed.pass_over_rest().unwrap();
        assert_eq!(*sums[0].lock().unwrap(), *sums[1].lock().unwrap(), "{name}");
        assert!(sums[0].lock().unwrap().0 > 0, "{name}");

        // Back from the end.
        assert!(audio.seek(0.5 * seconds).unwrap(), "{name}");
        let mut rest = 0;
        while let Some(block) = audio.next().unwrap() {
            rest += block.frames();
        }
        let expected = whole.samples.len() as f64 - 0.5 * seconds * f64::from(whole.sample_rate);
        assert!((rest as f64 - expected).abs() < 2500.0, "{name}: {rest} of {expected}");
    }
}

#[test]
fn headers_state_lengths() {
    for (name, seconds) in FORMATS {
        let stated = stated_seconds(&fixture(name)).unwrap().unwrap();
        assert!((stated - seconds).abs() < 0.15, "{name}: {stated} s, not {seconds}");
    }
}

#[test]
fn errors_name_the_file_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let error = |path: &Path| {
        let error = decode_file(path).unwrap_err();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(name), "{error} does not name {name}");
        error
    };
    assert!(matches!(error(&dir.path().join("missing.mp3")), DecodeError::Open { .. }));
    assert!(matches!(error(dir.path()), DecodeError::NotAFile { .. }));
    assert!(matches!(error(&at("empty.wav", b"")), DecodeError::Empty { .. }));
    assert!(matches!(error(&at("text.mp3", b"this is a text, not a song")), DecodeError::Format { .. }));
    assert!(matches!(
        error(&fixture("unsupported-alac.m4a")),
        DecodeError::UnsupportedCodec { .. } | DecodeError::NoAudioTrack { .. }
    ));
    let wav = std::fs::read(fixture("mono-8000-s16.wav")).unwrap();
    assert!(matches!(error(&at("header-only.wav", &wav[..44])), DecodeError::NothingDecoded { .. }));
    let mut absurd = wav.clone();
    absurd[24..28].copy_from_slice(&4_000_000_000_u32.to_le_bytes());
    assert!(matches!(error(&at("absurd.wav", &absurd)), DecodeError::SampleRate { rate: 4_000_000_000, .. }));
}

#[test]
fn a_damaged_middle_is_skipped_and_the_rest_kept() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["stereo-44100.mp3", "mono-16000.flac", "mono-24000.ogg"] {
        let whole = decode_file(&fixture(name)).unwrap();
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 600] {
            *byte = 0x55;
        }
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let damaged = decode_file(&path).unwrap();
        let kept = damaged.samples.len() as f64 / whole.samples.len() as f64;
        assert!((0.5..=1.0).contains(&kept), "{name}: {kept} of the samples kept");
        assert!(damaged.samples != whole.samples, "{name}: the damage had no effect");
    }
}

#[test]
fn a_truncated_file_gives_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["stereo-44100.mp3", "mono-16000.flac", "mono-24000.ogg", "mono-8000-s24.wav"] {
        let whole = decode_file(&fixture(name)).unwrap();
        let bytes = std::fs::read(fixture(name)).unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
        let part = decode_file(&path).unwrap();
        let kept = part.samples.len() as f64 / whole.samples.len() as f64;
        assert!((0.4..0.75).contains(&kept), "{name}: {kept} of the samples kept");
    }
}

#[test]
fn the_limit_cuts_and_says_so() {
    for name in ["stereo-44100.mp3", "mono-8000-s16.wav"] {
        let whole = decode_file(&fixture(name)).unwrap();
        let part = decode_file_limited(&fixture(name), 0.5).unwrap();
        assert!(part.limited);
        assert_eq!(part.samples.len(), part.sample_rate as usize / 2, "{name}");
        assert_eq!(part.samples[..], whole.samples[..part.samples.len()], "{name}");
        assert_eq!(decode_file_limited(&fixture(name), 60.0).unwrap(), whole, "{name}");
    }
}

#[test]
fn wav_floats_that_are_not_finite_become_silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nan.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    for pair in [[f32::NAN, 0.5], [0.25, f32::INFINITY], [0.5, 0.25]] {
        pair.into_iter().for_each(|sample| wav.write_sample(sample).unwrap());
    }
    wav.finalize().unwrap();
    assert_eq!(decode_file(&path).unwrap().samples, [0.25, 0.125, 0.375]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes are: an error or finite samples, and no panic that leaves the decoder.
    #[test]
    fn corrupted_files_never_panic(
        name in prop::sample::select(vec![
            "mono-22050.mp3", "stereo-12000.flac", "mono-24000.ogg", "stereo-8000-s16.wav", "stereo-44100.m4a",
        ]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..24),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (place, value, early) in edits {
            // Headers lie at the start: damage there half of the time.
            let reach = if early { bytes.len().min(400) } else { bytes.len() };
            bytes[place.index(reach)] = value;
        }
        if let Some(cut) = cut {
            let length = cut.index(bytes.len());
            bytes.truncate(length);
        }
        let file = tempfile::Builder::new().suffix(name).tempfile().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        if let Ok(audio) = decode_file_limited(file.path(), 20.0) {
            prop_assert!(!audio.samples.is_empty());
            prop_assert!(audio.samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
