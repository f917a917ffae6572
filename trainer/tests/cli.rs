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
    for name in [
        "model.onnx",
        "model.int8.onnx",
        "card.json",
        "run.json",
        "run.toml",
        "checkpoint.safetensors",
        "example.wav",
    ] {
        assert!(run_folder.join(name).exists(), "{name}");
    }
    let told: Value = serde_json::from_slice(&std::fs::read(run_folder.join("run.json")).unwrap()).unwrap();
    for part in ["waiting", "forward", "backward", "step", "reading"] {
        assert!(told["history"][1]["time"][part].as_f64().unwrap() >= 0.0, "{part}");
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
    // By the file that the run wrote, with a flag that changes nothing of the result.
    let args = [
        "train",
        "--config",
        "runs/small/run.toml",
        "--out",
        "runs/again",
        "--device",
        "cpu",
        "--corpus-in",
        "device",
    ];
    let out = run(folder.path(), &args);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("waiting "), "where the time went is not told");
    for name in ["model.onnx", "model.int8.onnx", "card.json", "run.toml"] {
        let of = |run: &str| std::fs::read(folder.path().join("runs").join(run).join(name)).unwrap();
        assert!(of("small") == of("again"), "{name} differs between two runs of one seed");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<&str> = SMALL
        .iter()
        .map(|&a| if a == "2" { "60" } else { a })
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
    let stopped = trainer::train::Checkpoint::read(&checkpoint).unwrap();
    assert!(stopped.state.epoch < 60);
    // The same command with --resume ends the run.
    let again: Vec<&str> = args.iter().copied().chain(["--resume"]).collect();
    let resumed = run(folder.path(), &again);
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    assert_eq!(trainer::train::Checkpoint::read(&checkpoint).unwrap().state.epoch, 60);
    assert!(folder.path().join("runs/i/model.int8.onnx").exists());
}

/// Real files in a manifest without splits: what training left out of the test is not scored as one by eval, one
/// class is no reason to lose the model, and a single file has no other to be compared with.
#[test]
fn odd_corpora_end_in_a_model_and_in_honest_figures() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        run(folder.path(), &["synth", "--to", "wav", "--clips", "24", "--seconds", "8"]).status.success()
    );
    let rows = |keep: &dyn Fn(&str) -> String| -> String {
        let all = std::fs::read_to_string(folder.path().join("wav/manifest.csv")).unwrap();
        all.lines().skip(1).map(keep).collect()
    };
    let write =
        |name: &str, text: String| std::fs::write(folder.path().join("wav").join(name), text).unwrap();
    let fields = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    write("nosplit.csv", format!("path,tags\n{}", rows(&|l| format!("{},{}\n", fields(l)[0], fields(l)[2]))));
    write("one.csv", format!("path,music\n{}", rows(&|l| format!("{},1\n", fields(l)[0]))));
    let train = |corpus: &str, out: &str, more: &[&str]| {
        let args = [
            "train", "--corpus", corpus, "--pools", "4,4,2,1", "--epochs", "1", "--device", "cpu", "--out",
            out,
        ];
        let out = run(folder.path(), &args.iter().chain(more).copied().collect::<Vec<_>>());
        assert!(out.status.success(), "{}", text(&out.stderr));
        text(&out.stderr)
    };
    let counts = |printed: &str| -> String {
        let line = printed.lines().find(|l| l.contains(" train, ")).unwrap();
        line.split("tags; ").nth(1).unwrap().split(" (").next().unwrap().to_string()
    };
    let trained = train("manifest:wav/nosplit.csv", "n", &["--max-tags", "2", "--seed", "5"]);
    let eval = |model: &str| {
        run(folder.path(), &["eval", "--model", model, "--corpus", "manifest:wav/nosplit.csv", "--json"])
    };
    let evaluated = eval("n");
    assert!(evaluated.status.success(), "{}", text(&evaluated.stderr));
    assert_eq!(counts(&trained), counts(&text(&evaluated.stderr)));

    let single: Value = serde_json::from_slice(&eval("n/model.onnx").stdout).unwrap();
    assert!(single.get("int8").is_none(), "one file was compared with itself");
    let whole = std::fs::read(folder.path().join("n/model.onnx")).unwrap();
    std::fs::write(folder.path().join("n/model.onnx"), &whole[..1000]).unwrap();
    assert!(!eval("n").status.success(), "a damaged float model went unnoticed");

    let printed = train("manifest:wav/one.csv", "o", &[]);
    assert!(printed.contains("nothing is scored"), "{printed}");
    for name in ["model.onnx", "model.int8.onnx", "card.json", "run.json", "learning.svg"] {
        assert!(folder.path().join("o").join(name).exists(), "{name}");
    }
    // A model without a run is not overwritten either.
    std::fs::remove_file(folder.path().join("o/checkpoint.safetensors")).unwrap();
    let refused = run(folder.path(), &["train", "--corpus", "synth:10", "--out", "o"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--overwrite"));
}

/// A run that ended before its first checkpoint (killed, or its loss no number in the first epoch) leaves its run.toml,
/// which is nothing to be kept and must not be in the way of the next try.
#[test]
fn a_run_that_left_only_its_file_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("o")).unwrap();
    std::fs::write(folder.path().join("o/run.toml"), "budget = \"0.1M\"\n").unwrap();
    let train = || text(&run(folder.path(), &["train", "--corpus", "folder:nowhere", "--out", "o"]).stderr);
    assert!(train().contains("nowhere"), "{}", train());
    std::fs::write(folder.path().join("o/card.json"), "{}").unwrap();
    assert!(train().contains("--overwrite"), "{}", train());
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.csv"), "path,jazz\nnothing.mp3,1\n").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::write(folder.path().join("wrong.toml"), "[recipe]\nlerning_rate = 1.0\n").unwrap();
    std::fs::write(folder.path().join("wild.toml"), "[recipe]\nema = 2.0\n").unwrap();
    for (args, words) in [
        (&["train", "--corpus", "folder:nowhere"][..], "nowhere"),
        (&["train", "--corpus", "folder:empty"], "empty"),
        (&["train", "--corpus", "manifest:broken.csv"], "nothing.mp3"),
        (&["train", "--corpus", "magic"], "magic"),
        (&["train", "--budget", "7M"], "0.25M"),
        (&["train", "--pools", "4,99"], "pools"),
        (&["train", "--crop-seconds", "3", "--corpus", "synth:10"], "27.29"),
        (&["train", "--resume", "--out", "runs/none"], "runs/none"),
        (&["train", "--learning-rate=-1"], "learning-rate"),
        (&["train", "--config", "nowhere.toml"], "nowhere.toml"),
        (&["train", "--config", "wrong.toml"], "wrong.toml"),
        (&["train", "--config", "wrong.toml"], "lerning_rate"),
        (&["train", "--config", "wild.toml"], "ema"),
        (&["train", "--config", "wild.toml", "--ema", "0", "--corpus", "folder:nowhere"], "nowhere"),
        (&["train", "--augment", "gain=6,louder"], "spec-augment=BANDS"),
        (
            &["train", "--precision", "bf16", "--corpus", "synth:10", "--device", "cpu", "--out", "p"],
            "needs a GPU",
        ),
        (&["eval", "--model", "nowhere", "--corpus", "synth:10"], "nowhere"),
    ] {
        let out = run(folder.path(), args);
        assert!(!out.status.success(), "{args:?}");
        assert!(text(&out.stderr).contains(words), "{args:?}: {}", text(&out.stderr));
        assert!(!text(&out.stderr).contains("panicked"), "{args:?}: {}", text(&out.stderr));
    }
}

#[test]
fn a_network_without_attention_says_so_before_anything_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/synth-k2c1");
    let output = run(folder.path(), &["attention", "--model", model.to_str().unwrap(), "song.mp3"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("has no attention to draw") && said.contains("--model crnn-attention"), "{said}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// On a CPU as on a GPU the codes' place changes nothing.
#[test]
fn the_devices_memory_may_be_named_as_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = |out: &str, more: &[&str]| {
        let done = run(folder.path(), &[&SMALL[..], &["--out", out], more].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let mut metrics: Value = serde_json::from_slice(&done.stdout).unwrap();
        metrics.as_object_mut().unwrap().remove("seconds");
        metrics
    };
    let host = metrics("host", &[]);
    assert_eq!(metrics("short", &["--cache", "device"]), host);
    assert!(!folder.path().join("device").exists() && folder.path().join("runs/features").is_dir());
    assert_eq!(metrics("folder", &["--cache", "./device"]), host);
    assert!(folder.path().join("device").is_dir());
}
