//! Another project's network, where a folder with it is named: MINIM_TEACHER=DIR (model.onnx and card.json), and
//! MINIM_TEACHER_MUSIC=FILE (any recording of real music) for more.
#![cfg(all(feature = "onnx", feature = "decode"))]

use runtime::decode::decode_file;
use runtime::mel::MelConfig;
use runtime::tagger::{Precision, Tagger};
use std::path::{Path, PathBuf};

fn teacher() -> Option<Tagger> {
    let Some(folder) = std::env::var_os("MINIM_TEACHER") else {
        eprintln!("skipped: set MINIM_TEACHER=folder of the teacher");
        return None;
    };
    Some(Tagger::load(PathBuf::from(folder)).unwrap())
}

#[test]
fn it_loads_and_tags_a_fixture() {
    let Some(teacher) = teacher() else { return };
    assert_eq!(*teacher.mel_config(), MelConfig::MUSICNN);
    assert_eq!((teacher.tags().len(), teacher.precision()), (50, Precision::Float));
    let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio/stereo-44100.mp3");
    let song = teacher.tag(decode_file(&audio).unwrap().pcm()).unwrap();
    assert_eq!(song.windows, 1);
    assert_eq!(song.embedding.as_ref().map(Vec::len), Some(200));
    assert!(song.mean.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn it_hears_something_in_music() {
    let Some(teacher) = teacher() else { return };
    let Some(file) = std::env::var_os("MINIM_TEACHER_MUSIC") else {
        return eprintln!("skipped: set MINIM_TEACHER_MUSIC=file of real music");
    };
    let audio = decode_file(Path::new(&file)).unwrap();
    let song = teacher.tag(audio.pcm()).unwrap();
    // 50 tags of which a song has a handful: sure of a few, and of few.
    let sum: f32 = song.mean.iter().sum();
    assert!(song.top::<1>()[0].p > 0.2 && (0.5..10.0).contains(&sum), "{:?}, sum {sum}", song.top::<5>());
    assert!((song.windows as f64 - (song.seconds / 2.992).floor()).abs() <= 1.0);
}
