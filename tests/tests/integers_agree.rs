//! One suite over every engine: tract, the integer engine on whole songs and as a stream, and onnxruntime, on the shipped
//! int8 models and real music, to the step of the last layer's integers.
//!
//! Songs are the firmware's clips and, where MINIM_MUSIC names a folder, what lies in it (ten files at most). Python with
//! onnxruntime takes part where MINIM_PYTHON names it. (candle's network is held to these in `engines_agree`: it needs a
//! trained network, which no file holds.)

use runtime::decode::decode_file;
use runtime::engine::{Engine, state_words};
use runtime::mel::{FrameCodes, log_mel_codes};
use runtime::packed::PackedModel;
use runtime::pcm::Pcm;
use runtime::resample::resample;
use runtime::tagger::{EngineChoice, Precision, Tagger, TaggerOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

const MODELS: [&str; 3] = ["k2c1-msd50", "k2c1-msd50-0.1m", "synth-k2c1"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn songs() -> Vec<PathBuf> {
    let mut folders = vec![root().join("firmware-demo/clips")];
    folders.extend(std::env::var_os("MINIM_MUSIC").map(PathBuf::from));
    let mut songs = Vec::new();
    for folder in folders {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        let audio = |path: &PathBuf| {
            path.extension()
                .is_some_and(|end| ["wav", "mp3", "ogg", "flac"].iter().any(|known| end == *known))
        };
        files.retain(audio);
        files.sort();
        songs.extend(files.into_iter().take(10));
    }
    songs
}

/// An engine's answers, `[windows, tags]`.
struct Answers {
    engine: &'static str,
    integers: Vec<f32>,
    top: Vec<usize>,
}

impl Answers {
    /// From probabilities, by the inverse of the sigmoid.
    fn of(engine: &'static str, model: &PackedModel<'_>, probabilities: &[f32]) -> Self {
        let last = model.layers().last().unwrap().pooled;
        let integer = |&p: &f32| {
            let logit = (f64::from(p) / (1.0 - f64::from(p))).ln();
            (logit / f64::from(last.scale)) as f32 + f32::from(last.zero_point)
        };
        let tags = model.tags().len();
        let mean =
            |tag: usize| probabilities.iter().skip(tag).step_by(tags).map(|&p| f64::from(p)).sum::<f64>();
        let mut order: Vec<usize> = (0..tags).collect();
        // Means that differ in their last bits only are one.
        let key = |tag: usize| (mean(tag) * 1e7).round();
        order.sort_by(|&a, &b| key(b).total_cmp(&key(a)));
        order.truncate(5);
        Self { engine, integers: probabilities.iter().map(integer).collect(), top: order }
    }
}

#[test]
fn every_engine_gives_the_same_integers() {
    let python = std::env::var_os("MINIM_PYTHON");
    if python.is_none() {
        eprintln!(
            "every_engine_gives_the_same_integers: onnxruntime is left out: MINIM_PYTHON names no Python"
        );
    }
    let songs = songs();
    for name in MODELS {
        let folder = root().join("models").join(name);
        let bytes = std::fs::read(folder.join("model.bin")).unwrap();
        let model = PackedModel::parse(&bytes).unwrap();
        let load = |engine, precision| {
            let options = TaggerOptions { engine, precision, ..Default::default() };
            Tagger::load_with(&folder, &options).unwrap()
        };
        let tract = load(EngineChoice::Tract, Precision::Int8);
        let int8 = load(EngineChoice::Auto, Precision::Auto);
        assert_eq!((int8.engine(), tract.engine()), (EngineChoice::Int8, EngineChoice::Tract));
        let mut farthest = 0.0f32;
        for song in &songs {
            let codes = codes(song, &model);
            let bands = model.mel_config().mel_bands;
            let frames: Vec<f32> = codes.iter().map(|&code| FrameCodes::DECIBEL.decode(code)).collect();
            let tagged = tract.tag_frames(&frames).unwrap();
            let mut all = vec![Answers::of("tract", &model, &tagged.probabilities)];
            let song_tags = int8.tag_frames(&frames).unwrap();
            all.push(Answers::of("integer engine, whole song", &model, &song_tags.probabilities));
            let (a, b) = (tagged.embedding.unwrap(), song_tags.embedding.unwrap());
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4), "{name}: embeddings");
            all.push(Answers::of("integer engine, stream", &model, &stream(&model, &codes, bands)));
            if let Some(python) = &python {
                let probabilities = onnxruntime(python, &folder.join("model.int8.onnx"), &frames, bands);
                all.push(Answers::of("onnxruntime", &model, &probabilities));
            }
            for other in &all[1..] {
                let at = format!("{name}, {}, {} beside tract", song.display(), other.engine);
                assert_eq!(other.integers.len(), all[0].integers.len(), "{at}");
                let apart = other.integers.iter().zip(&all[0].integers).map(|(a, b)| (a - b).abs());
                let apart = apart.fold(0.0, f32::max);
                farthest = farthest.max(apart);
                assert!(apart < 1.01, "{at}: {apart} steps");
                assert_eq!(other.top, all[0].top, "{at}");
            }
        }
        println!("{name}: {} songs, at most {farthest:.3} steps apart", songs.len());
    }
}

/// The song as the front end has it, repeated until it fills a window.
fn codes(song: &Path, model: &PackedModel<'_>) -> Vec<u8> {
    let config = model.mel_config();
    let audio = decode_file(song).unwrap();
    let samples = resample(audio.pcm(), config.sample_rate).unwrap();
    let codes = log_mel_codes(config, Pcm::new(config.sample_rate, &samples)).unwrap();
    let wanted = (model.receptive_field() * config.mel_bands).max(codes.len());
    codes.iter().copied().cycle().take(wanted).collect()
}

fn stream(model: &PackedModel<'_>, codes: &[u8], bands: usize) -> Vec<f32> {
    let mut state = vec![0; state_words(model, model.stride()).unwrap()];
    let mut engine = Engine::new(model, &mut state).unwrap();
    let mut probabilities = Vec::new();
    for frame in codes.chunks(bands) {
        engine.push(frame, |answer| {
            probabilities.extend((0..model.tags().len()).map(|tag| answer.probability(tag)));
        });
    }
    probabilities
}

fn onnxruntime(python: &std::ffi::OsStr, file: &Path, frames: &[f32], bands: usize) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("frames.f32");
    let bytes: Vec<u8> = frames.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(&input, bytes).unwrap();
    let script = root().join("tests/parity/run_onnxruntime.py");
    let output =
        Command::new(python).arg(script).arg(file).arg(&input).arg(bands.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}
