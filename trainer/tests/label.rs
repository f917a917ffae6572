//! `trainer label` from end to end: the committed model teaches on generated files.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Float teaches; its first line of the card stays what it is.
fn teacher() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/synth-k2c1")
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).output().unwrap()
}

fn label(folder: &Path, corpus: &str, out: &str, more: &[&str]) -> Output {
    let teacher = teacher();
    let args = ["label", "--teacher", teacher.to_str().unwrap(), "--corpus", corpus, "--out", out, "--json"];
    run(folder, &[&args, more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn printed(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Six clips: `corpus/synthetic-00000.wav` of 35 s and so on, and a list that gives splits and artists.
fn corpus() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = run(folder.path(), &["synth", "--to", "corpus", "--clips", "6", "--seconds", "35"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let splits = ["train", "train", "validation", "test", "train", "test"];
    let rows = splits
        .iter()
        .enumerate()
        .map(|(i, split)| format!("synthetic-{i:05}.wav,{split},\"Ann, {}\"\n", i / 2));
    let list = format!("path,split,artist\n{}", rows.collect::<String>());
    std::fs::write(folder.path().join("corpus/list.csv"), list).unwrap();
    folder
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn rows(csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.records().map(|record| record.unwrap().iter().map(String::from).collect()).collect()
}

#[test]
fn every_window_of_every_file_has_a_row() {
    let folder = corpus();
    let report = printed(&label(folder.path(), "manifest:corpus/list.csv", "labels.csv", &["--jobs", "1"]));
    let csv = read(folder.path(), "labels.csv");
    let rows = rows(&csv);
    let tagger = runtime::tagger::Tagger::load(teacher().join("model.onnx")).unwrap();
    let header: Vec<&str> = ["path", "start", "seconds", "split", "artist"]
        .into_iter()
        .chain(tagger.tags().iter().map(String::as_str))
        .collect();
    assert_eq!(rows[0], header);

    let mut expected = Vec::new();
    for i in 0..6 {
        let path = format!("corpus/synthetic-{i:05}.wav");
        let audio = runtime::decode::decode_file(&folder.path().join(&path)).unwrap();
        let song = tagger.tag(audio.pcm()).unwrap();
        assert!(song.windows > 1);
        for (w, p) in song.probabilities.chunks_exact(tagger.tags().len()).enumerate() {
            expected.push((path.clone(), w, i, p.to_vec()));
        }
    }
    assert_eq!(rows.len() - 1, expected.len());
    let splits = ["train", "train", "validation", "test", "train", "test"];
    for (row, (path, w, i, p)) in rows[1..].iter().zip(&expected) {
        assert_eq!(&row[0], path);
        let number = |cell: usize| row[cell].parse::<f64>().unwrap();
        assert!((number(1) - *w as f64 * tagger.hop_seconds()).abs() < 1e-6);
        assert!((number(2) - tagger.window_seconds()).abs() < 1e-6);
        assert_eq!((&*row[3], &*row[4]), (splits[*i], &*format!("ann, {}", i / 2)));
        for (cell, p) in row[5..].iter().zip(p) {
            assert!((cell.parse::<f32>().unwrap() - p).abs() <= 6e-4 * p, "{cell} {p}");
        }
    }
    assert_eq!((report["files"].as_u64(), report["labelled_now"].as_u64()), (Some(6), Some(6)));
    assert_eq!(report["windows"].as_u64(), Some(expected.len() as u64));
    assert_eq!(report["splits"], serde_json::json!({"train": 3, "validation": 1, "test": 2}));
    let beside: Value = serde_json::from_slice(&read(folder.path(), "labels.json")).unwrap();
    assert_eq!(beside["teacher"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(beside["teacher"], report["teacher"]);
    assert_eq!(beside["corpora"], serde_json::json!(["manifest:corpus/list.csv"]));
    assert!(!folder.path().join("labels.csv.part").exists());

    // Nothing is left to do, and nothing changes.
    let again = printed(&label(folder.path(), "manifest:corpus/list.csv", "labels.csv", &[]));
    assert_eq!((again["files"].as_u64(), again["labelled_now"].as_u64()), (Some(6), Some(0)));
    assert_eq!(read(folder.path(), "labels.csv"), csv);

    // Three jobs, in another order of finishing, give the same bytes.
    printed(&label(folder.path(), "manifest:corpus/list.csv", "three.csv", &["--jobs", "3"]));
    assert_eq!(read(folder.path(), "three.csv"), csv);
}

#[test]
fn an_interrupted_run_goes_on_and_gives_the_same_bytes() {
    let folder = corpus();
    printed(&label(folder.path(), "manifest:corpus/list.csv", "whole.csv", &[]));
    // What a run leaves that was killed within its fourth file: the first three, from a run on them alone.
    let list = text(&read(folder.path(), "corpus/list.csv"));
    let first: String = list.lines().take(4).map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.path().join("corpus/first.csv"), first).unwrap();
    printed(&label(folder.path(), "manifest:corpus/first.csv", "labels.csv", &[]));
    let kept = read(folder.path(), "labels.csv");
    // The last file cannot be decoded yet, so the part is still at hand when this run ends without labels.
    let part = part_of(&kept, &read(folder.path(), "labels.json"));
    std::fs::remove_file(folder.path().join("labels.csv")).unwrap();
    std::fs::remove_file(folder.path().join("labels.json")).unwrap();
    let torn = [&part[..], b"{\"path\":\"corpus/synthetic-00003.wav\",\"rows\":\"0,27"].concat();
    std::fs::write(folder.path().join("labels.csv.part"), torn).unwrap();
    let report = printed(&label(folder.path(), "manifest:corpus/list.csv", "labels.csv", &["--jobs", "2"]));
    assert_eq!(report["labelled_now"].as_u64(), Some(3));
    assert_eq!(read(folder.path(), "labels.csv"), read(folder.path(), "whole.csv"));
    assert_eq!(read(folder.path(), "labels.json"), read(folder.path(), "whole.json"));
}

/// The part file that holds these labels.
fn part_of(csv: &[u8], report: &[u8]) -> Vec<u8> {
    let report: Value = serde_json::from_slice(report).unwrap();
    let mut lines = vec![serde_json::json!({"part": 1, "teacher": report["teacher"]}).to_string()];
    for group in rows(csv)[1..].chunk_by(|a, b| a[0] == b[0]) {
        let numbers: Vec<String> =
            group.iter().map(|row| [&row[1..3], &row[5..]].concat().join(",")).collect();
        lines.push(serde_json::json!({"path": group[0][0], "rows": numbers.join("\n")}).to_string());
    }
    (lines.join("\n") + "\n").into_bytes()
}

#[test]
fn new_files_are_added_to_what_is_there() {
    let folder = corpus();
    let list = text(&read(folder.path(), "corpus/list.csv"));
    let lines: Vec<&str> = list.lines().collect();
    for (name, range) in [("a.csv", 1..3), ("b.csv", 2..5)] {
        let text = [&[lines[0]], &lines[range]].concat().join("\n");
        std::fs::write(folder.path().join("corpus").join(name), text).unwrap();
    }
    printed(&label(folder.path(), "manifest:corpus/a.csv", "labels.csv", &[]));
    let report = printed(&label(folder.path(), "manifest:corpus/b.csv", "labels.csv", &[]));
    assert_eq!((report["files"].as_u64(), report["labelled_now"].as_u64()), (Some(4), Some(2)));
    assert_eq!(report["corpora"], serde_json::json!(["manifest:corpus/a.csv", "manifest:corpus/b.csv"]));
    // The same as both at once.
    let both =
        label(folder.path(), "manifest:corpus/a.csv", "both.csv", &["--corpus", "manifest:corpus/b.csv"]);
    printed(&both);
    assert_eq!(read(folder.path(), "labels.csv"), read(folder.path(), "both.csv"));
    assert_eq!(read(folder.path(), "labels.json"), read(folder.path(), "both.json"));
}

#[test]
fn another_teacher_is_refused_and_force_replaces() {
    let folder = corpus();
    let list = "path\nsynthetic-00000.wav\n";
    std::fs::write(folder.path().join("corpus/one.csv"), list).unwrap();
    printed(&label(folder.path(), "manifest:corpus/one.csv", "labels.csv", &[]));
    // The int8 file is another teacher.
    let int8 = teacher().join("model.int8.onnx");
    let args = ["label", "--teacher", int8.to_str().unwrap(), "--corpus", "manifest:corpus/one.csv"];
    let args = [&args[..], &["--out", "labels.csv"]].concat();
    let refused = run(folder.path(), &args);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("labels.csv") && said.contains("another teacher") && said.contains("--force"),
        "{said}"
    );
    let forced = run(folder.path(), &[&args[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", text(&forced.stderr));

    // Labels of which nothing says who made them.
    std::fs::remove_file(folder.path().join("labels.json")).unwrap();
    // Twice: the first refusal leaves nothing behind that would vouch for them.
    for _ in 0..2 {
        let refused = label(folder.path(), "manifest:corpus/one.csv", "labels.csv", &[]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("does not say who made it"), "{}", text(&refused.stderr));
        assert!(!folder.path().join("labels.csv.part").exists());
    }
}

#[test]
fn tags_and_splits_can_be_left_to_another_teacher() {
    let folder = corpus();
    printed(&label(folder.path(), "manifest:corpus/list.csv", "all.csv", &[]));
    let tags = runtime::tagger::Tagger::load(teacher().join("model.onnx")).unwrap().tags().to_vec();
    let without = format!("{},{}", tags[3], tags[0]);
    let more = ["--split", "validation", "--without-tags", &without];
    let report = printed(&label(folder.path(), "manifest:corpus/list.csv", "some.csv", &more));
    assert_eq!(report["splits"], serde_json::json!({"train": 0, "validation": 1, "test": 0}));
    // What was left out is gone, and nothing else has moved.
    let of_validation =
        rows(&read(folder.path(), "all.csv")).into_iter().filter(|row| row[3] != "train" && row[3] != "test");
    let kept = |row: Vec<String>| {
        let cells = row.into_iter().enumerate().filter(|(i, _)| *i != 5 && *i != 8);
        cells.map(|(_, cell)| cell).collect::<Vec<String>>()
    };
    assert_eq!(rows(&read(folder.path(), "some.csv")), of_validation.map(kept).collect::<Vec<_>>());
    // Other columns are another teacher's.
    let mixed = label(folder.path(), "manifest:corpus/list.csv", "some.csv", &[]);
    assert!(
        !mixed.status.success() && text(&mixed.stderr).contains("another teacher"),
        "{}",
        text(&mixed.stderr)
    );
    for (tags, said) in [("no such tag".to_owned(), "no tag"), (tags.join(","), "none of the teacher's tags")]
    {
        let refused =
            label(folder.path(), "manifest:corpus/list.csv", "none.csv", &["--without-tags", &tags]);
        assert!(
            !refused.status.success() && text(&refused.stderr).contains(said),
            "{}",
            text(&refused.stderr)
        );
    }
}

#[test]
fn broken_files_are_reported_and_only_they_are_left_out() {
    let folder = corpus();
    std::fs::write(folder.path().join("corpus/broken.wav"), b"RIFF\0\0\0\0WAVEjunk").unwrap();
    let list = "path,artist\nbroken.wav,\nsynthetic-00001.wav,Ann\ngone.wav,\n";
    std::fs::write(folder.path().join("corpus/some.csv"), list).unwrap();
    let output = label(folder.path(), "manifest:corpus/some.csv", "labels.csv", &[]);
    let report = printed(&output);
    let problems = report["problems"].as_array().unwrap();
    let named =
        |name: &str| problems.iter().any(|p| p["path"] == name && !p["reason"].as_str().unwrap().is_empty());
    assert!(problems.len() == 2 && named("broken.wav") && named("gone.wav"), "{problems:?}");
    assert!(text(&output.stderr).contains("broken.wav"));
    assert_eq!(report["files"].as_u64(), Some(1));

    // With nothing else, it is an error, and no file is written.
    std::fs::write(folder.path().join("corpus/none.csv"), "path\nbroken.wav\n").unwrap();
    let failed = label(folder.path(), "manifest:corpus/none.csv", "none.csv", &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("nothing could be labelled"), "{}", text(&failed.stderr));
    assert!(!folder.path().join("none.csv").exists());
}

#[test]
fn what_has_no_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let failed = label(folder.path(), "synth:10", "labels.csv", &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("trainer synth --to"), "{}", text(&failed.stderr));
    let failed = label(folder.path(), "folder:.", "labels.jsonl", &[]);
    assert!(text(&failed.stderr).contains(".csv"), "{}", text(&failed.stderr));
}
