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
    let report = json(&out);
    assert_eq!(report["scored_as"], serde_json::json!([["rock", "Rocking"]]));
    assert_eq!((&report["aggregate"], &max["aggregate"]), (&"mean".into(), &"max".into()));
    let calibration = &report["calibration"];
    assert_eq!(calibration["answers"], 48);
    // The table holds for both: a model beside itself is itself.
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
    let itself = json(&eval(folder.path(), &["--tags", "tags.csv", "--beside", model.to_str().unwrap()]));
    assert_eq!(itself["beside"]["difference_ci95"], serde_json::json!([0.0, 0.0]));
    for tag in itself["beside"]["tags"].as_array().unwrap() {
        assert_eq!(tag["difference_ci95"], serde_json::json!([0.0, 0.0]), "{tag}");
    }
    // The model was trained without a test split, elsewhere: here one is drawn all the same.
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder.path()).args(["eval", "--corpus", "manifest:songs.csv", "--json", "--model"]);
    let drawn = json(&command.arg(model).output().unwrap());
    assert!(drawn["clips"].as_u64().unwrap() < 24 && drawn["split"] == "test", "{drawn}");
    // A folder for the report that cannot be made is known before anything else.
    let out = eval(folder.path(), &["--report", "songs.csv/x"]);
    assert!(!out.status.success() && !String::from_utf8_lossy(&out.stderr).contains("Scoring"));
    let out = eval(folder.path(), &["--tags", "tags.csv"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("rock as Rocking"));
    for (table, why) in [
        ("model,corpus\npolka,jazz\n", "line 2: the model has no tag \"polka\""),
        ("model,corpus\nrock,polka\n", "line 2: the corpus has no tag \"polka\""),
        ("a,b\nrock,jazz\n", "there is no column \"model\""),
        ("model,corpus\nrock,jazz\n", "rock and jazz would both be scored as jazz"),
        ("model,corpus\nrock,Rocking\nrock,jazz\n", "line 3: rock has a line already"),
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

#[test]
fn changed_clips_are_scored_beside_unchanged_ones_and_not_heard_twice() {
    let folder = TempDir::new().unwrap();
    let clips = corpus(&SynthSpec { clips: 16, seconds: 6.0, seed: 5 });
    let mut manifest = String::from("path,artist,jazz,rock\n");
    for (number, clip) in clips.clips.iter().enumerate() {
        let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
        write_wav(synth, &folder.path().join(format!("{number}.wav"))).unwrap();
        manifest += &format!("{number}.wav,Band {},{},{}\n", number % 6, clip.labels[0], clip.labels[1]);
    }
    fs::write(folder.path().join("songs.csv"), manifest).unwrap();
    let report = json(&eval(folder.path(), &["--robustness"]));
    let robustness = &report["robustness"];
    // The unchanged clips go the same way as ever.
    for key in ["mean_auc", "mean_ap", "clips"] {
        assert_eq!(robustness[key], report[key], "{key}");
    }
    let changes = robustness["changes"].as_array().unwrap();
    let words: Vec<&str> = changes.iter().map(|change| change["change"].as_str().unwrap()).collect();
    let all = ["slower", "faster", "lower", "higher", "compressed", "noise20", "noise5", "mp3", "low_pass"];
    assert_eq!(words, all);
    let moved = |change: &Value| change["mean_abs_difference"].as_f64().unwrap();
    assert!(changes.iter().all(|change| moved(change) > 1e-4 && moved(change) < 0.3), "{changes:?}");
    assert!(moved(&changes[6]) > moved(&changes[5]), "more noise moves more");
    // Of a run that was cut off within a line, the rest is heard; of one that was not, nothing.
    let kept =
        fs::read_dir(folder.path().join("runs/features/changed")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read(&kept).unwrap();
    let lines = |text: &[u8]| text.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines(&text), 16 * 10);
    fs::write(&kept, &text[..text.len() - 50]).unwrap();
    let again = json(&eval(folder.path(), &["--robustness"]));
    assert_eq!(&again["robustness"], robustness);
    let text = fs::read(&kept).unwrap();
    assert_eq!(lines(&text), 16 * 10 + 1);
    let third = json(&eval(folder.path(), &["--robustness"]));
    assert_eq!(&third["robustness"], robustness);
    assert_eq!(fs::read(&kept).unwrap(), text);
    // Another model's answers are others'.
    json(&eval(folder.path(), &["--robustness", "--aggregate", "max"]));
    assert_eq!(fs::read_dir(kept.parent().unwrap()).unwrap().count(), 2);
}
