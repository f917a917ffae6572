//! The program as people and scripts use it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn trainer(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    trainer(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SMALL: [&str; 12] = [
    "train",
    "--corpus",
    "synth:40",
    "--pools",
    "4,4,2,1",
    "--epochs",
    "2",
    "--batch-size",
    "8",
    "--device",
    "cpu",
    "--json",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Section by section the shape that docs/formats.md promises.
fn check_metrics(json: &Value, clips: u64) {
    for key in ["model", "corpus", "clips", "mean_auc", "mean_auc_ci95", "tags", "int8"] {
        assert!(keys(json).contains(&key), "{key} is missing");
    }
    assert_eq!(json["clips"].as_u64(), Some(clips));
    let [low, high] = [0, 1].map(|i| json["mean_auc_ci95"][i].as_f64().unwrap());
    let mean = json["mean_auc"].as_f64().unwrap();
    assert!(low <= mean && mean <= high);
    let tags = json["tags"].as_array().unwrap();
    assert!(!tags.is_empty());
    for tag in tags {
        assert!(tag["tag"].as_str().unwrap().starts_with("synthetic "));
        assert!(tag["above_chance"].is_boolean() && tag["positives"].is_u64());
        for key in ["auc", "ap", "balanced_accuracy"] {
            assert!((0.0..=1.0).contains(&tag[key].as_f64().unwrap()), "{key}");
        }
        assert_eq!(tag["ci95"].as_array().unwrap().len(), 2);
    }
    let mut int8 = keys(&json["int8"]);
    int8.sort_unstable();
    assert_eq!(int8, ["auc_difference", "max_abs_difference", "mean_auc"]);
}

#[test]
fn trains_evaluates_exports_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<&str> = SMALL.into_iter().chain(["--out", "runs/small"]).collect();
    let out = run(folder.path(), &args);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let printed: Value = serde_json::from_slice(&out.stdout).unwrap();
    check_metrics(&printed, 8);
    let run_folder = folder.path().join("runs/small");
    let written: Value =
        serde_json::from_slice(&std::fs::read(run_folder.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(printed, written);
    for name in
        ["model.onnx", "model.int8.onnx", "card.json", "run.json", "checkpoint.safetensors", "example.wav"]
    {
        assert!(run_folder.join(name).exists(), "{name}");
    }
    for plot in ["learning", "roc", "auc"] {
        let svg = std::fs::read_to_string(run_folder.join(format!("{plot}.svg"))).unwrap();
        assert!(svg.contains("<svg") && svg.contains("polyline") | svg.contains("circle"));
        assert!(std::fs::read(run_folder.join(format!("{plot}.png"))).unwrap().starts_with(b"\x89PNG"));
    }

    // Scored again from the exported files, with the thresholds chosen anew.
    let out = run(folder.path(), &["eval", "--model", "runs/small", "--corpus", "synth:40", "--json"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let evaluated: Value = serde_json::from_slice(&out.stdout).unwrap();
    check_metrics(&evaluated, 8);
    assert!((evaluated["mean_auc"].as_f64().unwrap() - printed["mean_auc"].as_f64().unwrap()).abs() < 1e-3);
    let all = run(
        folder.path(),
        &["eval", "--model", "runs/small", "--corpus", "synth:40", "--split", "all", "--json"],
    );
    check_metrics(&serde_json::from_slice(&all.stdout).unwrap(), 40);

    // The same seed gives the same file; nothing is overwritten unasked.
    let again = run(folder.path(), &args);
    assert!(!again.status.success() && text(&again.stderr).contains("--resume"));
    let args: Vec<&str> = SMALL.into_iter().chain(["--out", "runs/again"]).collect();
    assert!(run(folder.path(), &args).status.success());
    let bytes =
        |run: &str| std::fs::read(folder.path().join("runs").join(run).join("model.int8.onnx")).unwrap();
    let weights = |run: &str| {
        std::fs::read(folder.path().join("runs").join(run).join("checkpoint.safetensors")).unwrap().len()
    };
    assert_eq!(bytes("small").len(), bytes("again").len());
    assert_eq!(weights("small"), weights("again"));
    let card = |run: &str| -> Value {
        serde_json::from_slice(
            &std::fs::read(folder.path().join("runs").join(run).join("card.json")).unwrap(),
        )
        .unwrap()
    };
    assert_eq!(card("small")["quantisation"], card("again")["quantisation"]);
    assert_eq!(card("small")["metrics"], card("again")["metrics"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<&str> = SMALL
        .iter()
        .map(|&a| if a == "2" { "2000" } else { a })
        .chain(["--out", "runs/i", "--patience", "2000"])
        .collect();
    let child =
        trainer(folder.path()).args(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let checkpoint = folder.path().join("runs/i/checkpoint.safetensors");
    let started = std::time::Instant::now();
    while !checkpoint.exists() {
        assert!(started.elapsed().as_secs() < 300, "no checkpoint came");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("--resume"));
    // Other settings are refused; nothing is damaged by the refusal.
    let other: Vec<&str> = SMALL.into_iter().chain(["--out", "runs/i", "--resume"]).collect();
    let refused = run(folder.path(), &other);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("settings differ"),
        "{}",
        text(&refused.stderr)
    );
    assert!(trainer::train::Checkpoint::read(&checkpoint).is_ok());
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.csv"), "path,jazz\nnothing.mp3,1\n").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    for (args, words) in [
        (&["train", "--corpus", "folder:nowhere"][..], "nowhere"),
        (&["train", "--corpus", "folder:empty"], "empty"),
        (&["train", "--corpus", "manifest:broken.csv"], "nothing.mp3"),
        (&["train", "--corpus", "magic"], "magic"),
        (&["train", "--budget", "7M"], "0.25M"),
        (&["train", "--pools", "4,99"], "pools"),
        (&["train", "--crop-seconds", "3", "--corpus", "synth:10"], "27.28"),
        (&["train", "--resume", "--out", "runs/none"], "runs/none"),
        (&["train", "--learning-rate", "-1"], "learning-rate"),
        (&["eval", "--model", "nowhere", "--corpus", "synth:10"], "nowhere"),
    ] {
        let out = run(folder.path(), args);
        assert!(!out.status.success(), "{args:?}");
        assert!(text(&out.stderr).contains(words), "{args:?}: {}", text(&out.stderr));
        assert!(!text(&out.stderr).contains("panicked"), "{args:?}: {}", text(&out.stderr));
    }
}
