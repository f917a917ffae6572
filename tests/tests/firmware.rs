//! The firmware in QEMU, the engine on this computer and tract: three clips, the same tags.
//!
//! Without firmware and QEMU the test that runs them says so and is passed over: set MINIM_FIRMWARE to the program that
//! `firmware-demo/build.sh` built. The others always run.

use runtime::decode::decode_file;
use runtime::frames::{Decoder, Message};
use runtime::listen::{Listener, memory_words};
use runtime::packed::PackedModel;
use runtime::resample::Source;
use runtime::tagger::{EngineChoice, Tagger, TaggerOptions};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CLIPS: [&str; 3] = ["warm-ink", "mainscreen", "pulse"];
const BOARDS: [&str; 2] = ["mps2-an386", "mps2-an500"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn clip(name: &str) -> PathBuf {
    root().join("firmware-demo/clips").join(name).with_extension("wav")
}

fn model() -> PathBuf {
    root().join("models/k2c1-msd50-0.1m")
}

/// An answer as a line says it: its window, its probabilities and the means so far.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    window: u32,
    probabilities: Vec<f32>,
    means: Vec<f32>,
}

/// The same listener on this computer, fed with the same pieces.
fn on_this_computer(name: &str) -> Vec<Said> {
    let bytes = std::fs::read(model().join("model.bin")).unwrap();
    let model = PackedModel::parse(&bytes).unwrap();
    let wav = std::fs::read(clip(name)).unwrap();
    let data = wav.windows(4).position(|four| four == b"data").unwrap() + 8;
    let samples: Vec<i16> = wav[data..].as_chunks().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
    let mut memory = vec![0; memory_words(&model, model.stride()).unwrap()];
    let mut listener = Listener::new(&model, Source::mono(48_000), &mut memory).unwrap();
    listener.spread();
    let (mut said, mut newest) = (Vec::new(), None);
    let tags = model.tags().len();
    for piece in samples.chunks(480) {
        listener.push(piece, |answer| {
            newest = Some((answer.window(), (0..tags).map(|tag| answer.probability(tag)).collect()));
        });
        push_newest(&mut said, &mut newest, &listener, tags);
    }
    listener.flush(|answer| {
        newest = Some((answer.window(), (0..tags).map(|tag| answer.probability(tag)).collect()));
    });
    push_newest(&mut said, &mut newest, &listener, tags);
    said
}

fn push_newest(
    said: &mut Vec<Said>,
    newest: &mut Option<(u32, Vec<f32>)>,
    listener: &Listener<'_, '_>,
    tags: usize,
) {
    if let Some((window, probabilities)) = newest.take() {
        let means = (0..tags).map(|tag| listener.scores().mean(tag)).collect();
        said.push(Said { window, probabilities, means });
    }
}

/// What the snapshot has of a clip.
fn snapshot(name: &str, said: &[Said], tags: &[String]) -> String {
    let mut text = String::new();
    for Said { window, means, .. } in said {
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
        let _ = write!(text, "{name} {window}:");
        for &tag in &order[..5] {
            let _ = write!(text, " {} {:.3};", tags[tag], means[tag]);
        }
        text.push('\n');
    }
    text
}

fn tags() -> Vec<String> {
    let bytes = std::fs::read(model().join("model.bin")).unwrap();
    PackedModel::parse(&bytes).unwrap().tags().map(|tag| tag.name.to_owned()).collect()
}

#[test]
fn this_computer_says_what_is_expected() {
    let tags = tags();
    let text: String = CLIPS.iter().map(|name| snapshot(name, &on_this_computer(name), &tags)).collect();
    let path = root().join("firmware-demo/clips/expected.txt");
    if std::env::var_os("MINIM_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "MINIM_BLESS=1 writes it anew");
}

/// Other resamplers and decoders: the one of whole clips, in floating point. The tags are the same, and no probability is far.
#[test]
fn tract_hears_the_same() {
    let options = TaggerOptions { engine: EngineChoice::Tract, ..Default::default() };
    let tract = Tagger::load_with(model(), &options).unwrap();
    for name in CLIPS {
        let audio = decode_file(&clip(name)).unwrap();
        let song = tract.tag(audio.pcm()).unwrap();
        let said = on_this_computer(name);
        // A song that ends, as the tagger has it, has no more windows than a stream.
        assert_eq!(song.windows, said.len(), "{name}");
        let means = &said.last().unwrap().means;
        let far = means.iter().zip(&song.mean).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: at most {far:.4} from tract");
        assert!(far < 0.02, "{name}: {far}");
        let best = |p: &[f32]| (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
        assert_eq!(best(means), best(&song.mean), "{name}");
    }
}

#[test]
fn firmware_says_what_this_computer_says() {
    let Some(firmware) = firmware() else {
        eprintln!("firmware_says_what_this_computer_says: skipped: MINIM_FIRMWARE names no program");
        return;
    };
    let tags = tags();
    for board in BOARDS {
        for name in CLIPS {
            let said = in_qemu(&firmware, board, &clip(name), &tags);
            let want = on_this_computer(name);
            assert_eq!(said.len(), want.len(), "{board}, {name}");
            for (said, want) in said.iter().zip(&want) {
                assert_eq!(said.window, want.window, "{board}, {name}");
                let pairs = said.probabilities.iter().zip(&want.probabilities);
                let pairs = pairs.chain(said.means.iter().zip(&want.means));
                // A line's steps are of 1/65535.
                let far = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(far < 1.0 / 65_535.0, "{board}, {name}: {far}");
            }
        }
    }
}

#[test]
fn firmware_names_what_is_wrong_with_a_file() {
    let Some(firmware) = firmware() else {
        eprintln!("firmware_names_what_is_wrong_with_a_file: skipped: MINIM_FIRMWARE names no program");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let wav = std::fs::read(clip("pulse")).unwrap();
    let mut slow = wav.clone();
    slow[24..28].copy_from_slice(&11_025u32.to_le_bytes());
    let mut deep = wav.clone();
    deep[34] = 24;
    for (bytes, reason) in [
        (&b"no music"[..], "error: the file is no WAV file"),
        (&wav[..20], "error: the WAV file is cut"),
        (&wav[..4000], "error: the WAV file is cut"),
        (&slow, "error: no filter for this rate: see any-rate"),
        (&deep, "error: the WAV file is not in 16-bit PCM"),
    ] {
        let path = folder.path().join("a.wav");
        std::fs::write(&path, bytes).unwrap();
        let output = run(&firmware, BOARDS[0], &path);
        assert!(!output.status.success(), "{reason}");
        let mut decoder = Box::new(Decoder::<1024>::new());
        let mut logs = Vec::new();
        for &byte in &output.stdout {
            if let Some(Ok(Message::Log { text })) = decoder.push(byte) {
                logs.push(text.to_owned());
            }
        }
        assert_eq!(logs.last().map(String::as_str), Some(reason));
    }
}

fn firmware() -> Option<PathBuf> {
    std::env::var_os("MINIM_FIRMWARE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn run(firmware: &Path, board: &str, wav: &Path) -> std::process::Output {
    let script = root().join("firmware-demo/qemu.sh");
    let mut command = Command::new(script);
    command.arg(firmware).arg(wav).env("MINIM_BOARD", board).stdin(Stdio::null());
    command.output().unwrap()
}

fn in_qemu(firmware: &Path, board: &str, wav: &Path, tags: &[String]) -> Vec<Said> {
    let output = run(firmware, board, wav);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut decoder = Box::new(Decoder::<1024>::new());
    let (mut said, mut names, mut ended) = (Vec::new(), Vec::new(), false);
    for &byte in &output.stdout {
        match decoder.push(byte) {
            None => {}
            Some(Ok(Message::Scores { window, probabilities, means, .. })) => said.push(Said {
                window,
                probabilities: probabilities.iter().collect(),
                means: means.iter().collect(),
            }),
            Some(Ok(Message::Tag { name, .. })) => names.push(name.to_owned()),
            Some(Ok(Message::End { windows, .. })) => ended = windows as usize == said.len(),
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    assert!(ended, "every answer was said");
    assert_eq!(names, tags);
    said
}
