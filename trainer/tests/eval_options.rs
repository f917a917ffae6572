//! `trainer eval`: windows by mean or by maximum, tags under other names, artists drawn together.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use trainer::corpus::ClipSource;
use trainer::corpus::synth::{SynthSpec, corpus, write_wav};
use trainer::deliver::Aggregate;

fn eval(folder: &Path, more: &[&str]) -> Output {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args([
        "eval",
        "--corpus",
        "manifest:songs.csv",
        "--split",
        "all",
        "--json",
        "--model",
    ]);
    command.arg(model).args(more).output().unwrap()
}

fn json(out: &Output) -> Value {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn windows_are_aggregated_and_tags_scored_under_other_names() {
    let folder = TempDir::new().unwrap();
    let clips = corpus(&SynthSpec { clips: 24, seconds: 9.0, seed: 3 });
    let mut manifest = String::from("path,artist,jazz,Rocking\n");
    for (number, clip) in clips.clips.iter().enumerate() {
        let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
        write_wav(synth, &folder.path().join(format!("{number}.wav"))).unwrap();
        manifest += &format!("{number}.wav,Band {},{},{}\n", number % 6, clip.labels[0], clip.labels[1]);
    }
    fs::write(folder.path().join("songs.csv"), manifest).unwrap();
    let mean = json(&eval(folder.path(), &[]));
    let tags = |report: &Value| -> Vec<String> {
        report["tags"].as_array().unwrap().iter().map(|tag| tag["tag"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(tags(&mean), ["jazz"]);
    assert_eq!(mean["mean_auc_ci_method"], "bootstrap_over_groups");
    let max = json(&eval(folder.path(), &["--aggregate", "max"]));
    assert_ne!(mean["tags"][0]["threshold"], Value::Null);
    assert_ne!((&mean["mean_auc"], &mean["tags"]), (&max["mean_auc"], &max["tags"]));
    fs::write(folder.path().join("tags.csv"), "corpus,model\nrocking,rock\n").unwrap();
    let out = eval(folder.path(), &["--tags", "tags.csv"]);
    assert_eq!(tags(&json(&out)), ["Rocking", "jazz"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("rock as Rocking"));
    for (table, why) in [
        ("model,corpus\npolka,jazz\n", "line 2: the model has no tag \"polka\""),
        ("model,corpus\nrock,polka\n", "line 2: the corpus has no tag \"polka\""),
        ("a,b\nrock,jazz\n", "there is no column \"model\""),
        ("model,corpus\nrock,jazz\n", "rock and jazz would both be scored as jazz"),
    ] {
        fs::write(folder.path().join("tags.csv"), table).unwrap();
        let out = eval(folder.path(), &["--tags", "tags.csv"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && said.contains(why), "{why} in {said}");
    }
}

#[test]
fn windows_make_a_value_for_each_tag() {
    let windows = [0.1, 0.8, 0.3, 0.2];
    assert_eq!(Aggregate::Max.of(&windows, 2), [0.3, 0.8]);
    assert_eq!(Aggregate::Mean.of(&windows, 2), [0.2, 0.5]);
    assert!(Aggregate::Mean.of(&[], 2).is_empty());
}
