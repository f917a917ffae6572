//! `trainer compare` and `trainer sweep` as people and scripts use them.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn check_plot(stem: &Path) {
    let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
    assert!(svg.contains("<svg") && svg.contains("polyline"));
    assert!(std::fs::read(stem.with_extension("png")).unwrap().starts_with(b"\x89PNG"));
}

const COMPARE: [&str; 17] = [
    "compare",
    "--corpus",
    "synth:20",
    "--models",
    "k2c1",
    "--budgets",
    "0.1M,0.25M",
    "--seeds",
    "2",
    "--epochs",
    "2",
    "--batch-size",
    "8",
    "--device",
    "cpu",
    "--out",
    "c",
];

#[test]
fn compare_makes_every_run_once_and_tells_of_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let json = |more: &[&str]| {
        let args: Vec<&str> = COMPARE.iter().chain(more).copied().chain(["--json"]).collect();
        let out = run(folder.path(), &args);
        assert!(out.status.success(), "{}", text(&out.stderr));
        (serde_json::from_slice::<Value>(&out.stdout).unwrap(), text(&out.stderr))
    };
    let (first, _) = json(&[]);
    assert_eq!(first["about"]["clips"], serde_json::json!([14, 2, 4]));
    assert_eq!(first["about"]["is_papers_corpus"], false);
    let rows = first["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, weights) in rows.iter().zip([93_335, 239_785]) {
        let result = &row["result"];
        let aucs: Vec<f64> =
            result["auc_by_seed"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(aucs.len(), 2);
        assert!((result["mean_auc"].as_f64().unwrap() - (aucs[0] + aucs[1]) / 2.0).abs() < 1e-12);
        assert_eq!(result["auc_ci95_over_seeds"].as_array().unwrap().len(), 2);
        assert!(result["seconds_per_2500"].as_f64().unwrap() > 0.0);
        assert_eq!((&result["rank"], &row["failed"]), (&1.into(), &serde_json::json!([])));
        assert_eq!(row["weights"], weights);
    }
    let out = folder.path().join("c");
    assert_eq!(std::fs::read_dir(out.join("runs")).unwrap().count(), 4);
    check_plot(&out.join("compare"));
    let table = std::fs::read_to_string(out.join("compare.md")).unwrap();
    assert!(table.contains("| k2c1    | 0.25M |"), "{table}");

    // A run that was lost is made again, the same; the rest is not touched.
    let written =
        |name: &str| std::fs::metadata(out.join("runs").join(name).join("result.json")).unwrap().modified();
    let before = written("k2c1-0.25M-s1").unwrap();
    std::fs::remove_dir_all(out.join("runs/k2c1-0.1M-s2")).unwrap();
    let (again, said) = json(&[]);
    assert!(said.contains("3 of 4 runs are there already"), "{said}");
    assert_eq!(again["rows"][0]["result"]["auc_by_seed"], first["rows"][0]["result"]["auc_by_seed"]);
    assert_eq!(written("k2c1-0.25M-s1").unwrap(), before);
    // Other settings are not mixed with these.
    let other: Vec<&str> = COMPARE.iter().map(|&a| if a == "8" { "4" } else { a }).collect();
    let refused = run(folder.path(), &other);
    assert!(!refused.status.success());
    assert!(
        text(&refused.stderr).contains("run.recipe.batch_size: there 8, now 4"),
        "{}",
        text(&refused.stderr)
    );
    // A run that fails is told and no reason to end; if all do, the exit status says so.
    let spoil = |name: String| {
        std::fs::remove_file(out.join("runs").join(&name).join("result.json")).unwrap();
        std::fs::write(out.join("runs").join(&name).join("checkpoint.safetensors"), "spoilt").unwrap();
    };
    spoil("k2c1-0.1M-s1".into());
    let (one_failed, said) = json(&[]);
    assert!(said.contains("1 of 4 runs failed"), "{said}");
    assert_eq!(one_failed["rows"][0]["result"]["seeds"], serde_json::json!([2]));
    assert!(one_failed["rows"][0]["failed"][0]["reason"].as_str().unwrap().contains("checkpoint"));
    let table = std::fs::read_to_string(out.join("compare.md")).unwrap();
    assert!(table.contains("- k2c1 0.1M, seed 1: ") && table.contains("| 1 of 2 |"), "{table}");
    for name in ["0.1M-s2", "0.25M-s1", "0.25M-s2"] {
        spoil(format!("k2c1-{name}"));
    }
    let failed = run(folder.path(), &COMPARE);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("4 of 4 runs failed"), "{}", text(&failed.stderr));
}

const SPACE: &str = r#"
trials = 3
eta = 3
max_epochs = 3
[space]
pools = [[4, 4, 2, 1], [4, 4, 4, 4]]
[space.recipe]
learning_rate = { min = 1e-3, max = 1e-2, log = true }
"#;

#[test]
fn sweep_chooses_a_run_that_train_takes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("space.toml"), SPACE).unwrap();
    let args =
        ["sweep", "--corpus", "synth:40", "--space", "space.toml", "--batch-size", "8", "--device", "cpu"];
    let json = |more: &[&str]| {
        let out = run(folder.path(), &args.iter().chain(more).copied().collect::<Vec<_>>());
        assert!(out.status.success(), "{}", text(&out.stderr));
        serde_json::from_slice::<Value>(&out.stdout).unwrap()
    };
    let swept = json(&["--out", "s", "--json"]);
    let best = &swept["trials"][0];
    assert_eq!((&swept["best"], best["rungs"].as_array().unwrap().len()), (&best["trial"], 2));
    assert_eq!((&best["rungs"][0]["epochs"], &best["rungs"][1]["trained"]), (&1.into(), &3.into()));
    check_plot(&folder.path().join("s/sweep"));
    let lines = std::fs::read_to_string(folder.path().join("s/sweep.csv")).unwrap();
    assert_eq!(lines.lines().count(), 4);
    // Again it has nothing to do; several at once come to the same.
    assert_eq!(json(&["--out", "s", "--json"]), swept);
    let of = |swept: &Value| -> Vec<f64> {
        let trials = swept["trials"].as_array().unwrap().iter();
        trials
            .map(|t| t["rungs"].as_array().unwrap().last().unwrap()["validation_auc"].as_f64().unwrap())
            .collect()
    };
    assert_eq!(of(&json(&["--out", "p", "--jobs", "2", "--json"])), of(&swept));

    // Trained without a pause the chosen run comes to the very same.
    let out =
        run(folder.path(), &["train", "--config", "s/best.toml", "--device", "cpu", "--out", "t", "--json"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let trained: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("t/run.json")).unwrap()).unwrap();
    let epochs = trained["history"].as_array().unwrap().iter();
    let auc = epochs.map(|e| e["validation_auc"].as_f64().unwrap()).fold(0.0, f64::max);
    assert_eq!(best["rungs"][1]["validation_auc"].as_f64(), Some(auc));
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("typo.toml", &SPACE.replace("learning_rate", "learning_rat"));
    write("seed.toml", &SPACE.replace("learning_rate", "seed"));
    for (args, words) in [
        (&["compare", "--models", "k3c1"][..], "crnn-attention"),
        (&["compare", "--budgets", "0.1M,7M"], "0.25M"),
        (&["compare", "--seeds", "0"], "--seeds"),
        (&["compare", "--jobs", "0"], "--jobs"),
        (&["compare", "--corpus", "magic"], "magic"),
        (&["compare", "--epochs", "0"], "--epochs"),
        (&["compare", "--crop-seconds", "3"], "too short"),
        (&["sweep", "--corpus", "synth:10"], "--space"),
        (&["sweep", "--space", "none.toml"], "none.toml"),
        (&["sweep", "--space", "typo.toml"], "learning_rat"),
        (&["sweep", "--space", "seed.toml"], "space.recipe.seed"),
        (&["sweep", "--space", "typo.toml", "--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        let out = run(folder.path(), args);
        assert!(!out.status.success(), "{args:?}");
        let said = text(&out.stderr);
        assert!(said.contains(words) && !said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn help_tells_their_own_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let help = |command: &str| text(&run(folder.path(), &[command, "--help"]).stdout);
    assert!(help("compare").contains("at most [default: 8]"), "{}", help("compare"));
    assert!(help("sweep").contains("max_epochs]"));
    assert!(help("train").contains("at most [default: 20]"));
}
