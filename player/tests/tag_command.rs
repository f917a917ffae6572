//! `player tag` as a program, with a small network with random weights (tests/fixtures/models).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

fn model() -> PathBuf {
    fixtures().join("models/tiny-k2c1")
}

fn audio(name: &str) -> String {
    fixtures().join("audio").join(name).to_str().unwrap().into()
}

fn tag(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_player"));
    command.arg("tag").args(args).env("MINIM_MODEL", model()).output().unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_format_is_tagged() {
    let names = [
        "mono-16000.flac",
        "mono-22050.mp3",
        "mono-24000.ogg",
        "mono-32000.m4a",
        "mono-8000-s16.wav",
        "stereo-44100.mp3",
        "stereo-48000.ogg",
    ];
    let files = names.map(audio);
    let output = tag(&[&["--json"][..], &files.each_ref().map(|file| &**file)].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let lines = lines(&output);
    assert_eq!(lines.len(), names.len());
    for (line, file) in lines.iter().zip(&files) {
        assert_eq!(line["path"], **file);
        assert!(line["seconds"].as_f64().unwrap() > 0.5 && line["windows"].as_u64().unwrap() >= 1);
        let tags = line["tags"].as_array().unwrap();
        let p: Vec<f64> = tags.iter().map(|tag| tag["p"].as_f64().unwrap()).collect();
        assert_eq!(p.len(), 5);
        assert!(p.is_sorted_by(|a, b| a >= b) && p.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(tags.iter().all(|tag| tag["tag"].as_str().unwrap().starts_with("synthetic ")));
    }
}

#[test]
fn json_keys_keep_their_order() {
    let output = tag(&["--json", "--top", "1", &audio("mono-16000.flac"), "no-such-file.mp3"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (song, failed) = text.trim_end().split_once('\n').unwrap();
    let places = |line: &str, keys: &[&str]| -> Vec<usize> {
        keys.iter()
            .map(|key| line.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {line}")))
            .collect()
    };
    let places_of_song = places(song, &["path", "seconds", "windows", "tags", "tag", "p"]);
    // "tag" and "p" come within "tags".
    assert!(places_of_song.is_sorted(), "{song}");
    assert_eq!(song.matches("\":").count(), 6, "{song}");
    assert!(places(failed, &["path", "error"]).is_sorted(), "{failed}");
    assert_eq!(failed.matches("\":").count(), 2, "{failed}");
}

#[test]
fn bad_files_are_named_and_the_others_are_tagged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("text.mp3"), "this is no music").unwrap();
    std::fs::write(path("empty.wav"), "").unwrap();
    std::fs::write(path("silent.wav"), silent_wav()).unwrap();
    let bad = [path("text.mp3"), path("empty.wav"), path("silent.wav"), path("missing.ogg"), path("")];
    let good = audio("mono-16000.flac");
    let mut args: Vec<&str> = bad.iter().map(|file| &**file).collect();
    args.insert(2, &good);

    let output = tag(&args);
    assert_eq!(output.status.code(), Some(1));
    let (text, errors) = (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output));
    assert!(text.starts_with(&good) && text.matches("synthetic ").count() == 5, "{text}");
    assert_eq!(errors.lines().count(), bad.len(), "{errors}");
    for (line, file) in errors.lines().zip(&bad) {
        let reason = line.strip_prefix(&format!("{file}: ")).unwrap_or_else(|| panic!("{line}"));
        assert!(reason.len() > 5 && !reason.contains(&**file), "{line}");
    }
    assert!(errors.contains("silent.wav: the audio is silent") && errors.contains("is a folder"), "{errors}");

    let output = tag(&[&["--json"], &args[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines.len(), args.len());
    assert_eq!(lines.iter().filter(|line| line["error"].is_string()).count(), bad.len());
}

/// One second of nothing: 8 kHz, 16 bits, mono.
fn silent_wav() -> Vec<u8> {
    let data = 16_000u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend([16, 0, 0, 0, 1, 0, 1, 0]);
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(data.to_le_bytes());
    wav.resize(wav.len() + data as usize, 0);
    wav
}

#[test]
fn the_model_may_be_a_folder_or_a_file() {
    let model = model();
    let file = audio("mono-16000.flac");
    for model in [model.clone(), model.join("model.onnx"), fixtures().join("models/tiny-fixed.onnx")] {
        let output = tag(&["--model", model.to_str().unwrap(), "--json", "--top", "99", &file]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(lines(&output)[0]["tags"].as_array().unwrap().len(), 16);
    }
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let output = tag(&["--model", "no/such/model", &audio("mono-16000.flac")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no/such/model"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_arguments_are_code_2_and_help_explains() {
    assert_eq!(tag(&[]).status.code(), Some(2));
    assert_eq!(tag(&["--top", "many", "x.mp3"]).status.code(), Some(2));
    let help = tag(&["--help"]);
    let help_text = String::from_utf8(help.stdout).unwrap();
    for word in ["--model", "--top", "--json", "MINIM_MODEL", "Exit code"] {
        assert!(help_text.contains(word), "{word} in {help_text}");
    }
}
