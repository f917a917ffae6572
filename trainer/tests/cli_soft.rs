//! A student on a teacher's labels, by the program: trained on windows, held to its teacher, and set beside another model.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const TAGS: [&str; 3] = ["synthetic bell", "synthetic deep bass", "synthetic noise wash"];

/// What a teacher might say of windows of 2 s: never sure, and a little different from window to window.
fn taught(folder: &Path) {
    let list = std::fs::read_to_string(folder.join("wav/manifest.csv")).unwrap();
    let mut text = format!("path,start,seconds,split,artist,{}\n", TAGS.join(","));
    for (number, line) in list.lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let split = ["train", "train", "validation", "test"][number % 4];
        for window in 0..4 {
            text += &format!("{},{},2,{split},artist {number}", cells[0], 2 * window);
            for (place, tag) in TAGS.iter().enumerate() {
                let there = cells[2].split(';').any(|name| name.trim() == *tag);
                let p = if there { 0.2 } else { 0.003 }
                    * (1.0 + 0.1 * ((number * 7 + window * 3 + place) % 5) as f32);
                text += &format!(",{p:.4}");
            }
            text += "\n";
        }
    }
    std::fs::write(folder.join("wav/labels.csv"), text).unwrap();
}

/// `trainer card` puts what is known into the card, the ONNX files and a README, and changes nothing else.
fn completed(folder: &Path) {
    let eval = ["eval", "--model", "student", "--beside", "other", "--corpus", "synth:40", "--split", "all"];
    let before = json(&run(folder, &[&eval[..], &["--json"]].concat()));
    std::fs::write(folder.join("songs.json"), before.to_string()).unwrap();
    std::fs::write(folder.join("about.json"), r#"{"about": "A test.", "limits": ["knows nothing"]}"#)
        .unwrap();
    let card = ["card", "--model", "student", "--licence", "CC0-1.0", "--data", "about.json", "--readme"];
    let refused = run(folder, &[&card[..], &["--eval", "Songs=nowhere.json"]].concat());
    assert!(!refused.status.success() && said(&refused).contains("nowhere.json"), "{}", said(&refused));
    assert!(!folder.join("student/README.md").exists(), "nothing is written where something is wrong");
    let done = run(folder, &[&card[..], &["--eval", "Songs=songs.json"]].concat());
    assert!(done.status.success(), "{}", said(&done));
    let read = |name: &str| std::fs::read_to_string(folder.join("student").join(name)).unwrap();
    let card: Value = serde_json::from_str(&read("card.json")).unwrap();
    assert_eq!(
        (card["licence"].as_str(), card["data"]["about"].as_str()),
        (Some("CC0-1.0"), Some("A test."))
    );
    assert_eq!(card["data"]["seed"].as_u64(), Some(1), "what was there stays");
    assert_eq!(card["metrics"]["Songs"]["mean_auc"], before["mean_auc"]);
    let readme = read("README.md");
    for part in ["## Songs", "40 clips", "- knows nothing", "before | after", "CC0-1.0", "other"] {
        assert!(readme.contains(part), "{part} is not in\n{readme}");
    }
    // The card inside the file is the new one, and the network the old one.
    let alone = folder.join("alone");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(folder.join("student/model.int8.onnx"), alone.join("model.int8.onnx")).unwrap();
    let tagger = runtime::tagger::Tagger::load(alone.join("model.int8.onnx")).unwrap();
    assert_eq!(tagger.card().licence.as_deref(), Some("CC0-1.0"));
    let after = json(&run(folder, &[&eval[..], &["--json"]].concat()));
    assert_eq!((&after["tags"], &after["int8"]), (&before["tags"], &before["int8"]));
}

#[test]
fn a_student_is_trained_on_windows_and_held_to_its_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run(folder, &["synth", "--to", "wav", "--clips", "24", "--seconds", "8"]).status.success());
    taught(folder);
    let labels = ["--corpus", "manifest:wav/labels.csv"];
    let train = |more: &[&str], out: &str| {
        let small = ["train", "--pools", "4,4,2,1", "--epochs", "2", "--batch-size", "4", "--device", "cpu"];
        let args = [&small[..], &["--temperature", "2"], more, &["--out", out]].concat();
        let output = run(folder, &args);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let told = train(&[&labels[..], &["--loss", "mixed"]].concat(), "student");
    assert!(told.contains("96 windows have labels of their own"), "{told}");
    assert!(told.contains("validation agreement") && told.contains("a teacher's"), "{told}");
    let history: Value =
        serde_json::from_slice(&std::fs::read(folder.join("student/run.json")).unwrap()).unwrap();
    let records = history["history"].as_array().unwrap();
    let agreement = |record: &Value| record["validation_agreement"].as_f64().unwrap();
    let best = records.iter().map(agreement).fold(f64::MIN, f64::max);
    assert_eq!(history["best"][1].as_f64().unwrap(), best, "the best epoch agrees most");
    let card: Value =
        serde_json::from_slice(&std::fs::read(folder.join("student/card.json")).unwrap()).unwrap();
    assert_eq!(card["tags"].as_array().unwrap().len(), 3, "no tag reaches a yes, and all are there");

    // Its probabilities were moved to where the teacher's are, and its thresholds are those of the card.
    let calibration = &card["calibration"];
    assert_eq!(calibration["lines"].as_array().unwrap().len(), 3);
    assert_eq!(calibration["windows"].as_u64(), Some(24));
    let errors = ["before", "after"].map(|side| calibration[side]["tag_error"].as_f64().unwrap());
    assert!(errors[1] < errors[0] && errors[1] < 0.02, "{errors:?}");
    assert!(card["thresholds"].as_array().unwrap().iter().all(|t| t.as_f64().unwrap() < 0.5));

    // No label reaches 0.5: there is no AUC, and agreement all the same.
    let args =
        [&["eval", "--model", "student", "--split", "all", "--segment-seconds", "4", "--json"][..], &labels]
            .concat();
    let evaluated = json(&run(folder, &args));
    assert!(evaluated.get("mean_auc").is_none());
    let levels = evaluated["agreement"].as_array().unwrap();
    let pieces: Vec<(&str, u64)> =
        levels.iter().map(|l| (l["over"].as_str().unwrap(), l["pieces"].as_u64().unwrap())).collect();
    assert_eq!(pieces, [("segments", 48), ("windows", 96), ("tracks", 24)]);
    for level in levels {
        let of = |value: &Value| value.as_f64().unwrap();
        let mean = of(&level["mean_correlation"]);
        let ends = &level["mean_correlation_ci95"];
        assert!(of(&ends[0]) <= mean && mean <= of(&ends[1]) && (-1.0..=1.0).contains(&mean));
        let int8 = &level["int8"];
        assert!((of(&int8["mean_correlation"]) - mean - of(&int8["difference"])).abs() < 1e-9);
        assert_eq!(level["tags"].as_array().unwrap().len(), 3);
    }
    let text = run(folder, &[&["eval", "--model", "student"][..], &labels].concat());
    assert!(String::from_utf8_lossy(&text.stdout).contains("rank correlation"), "{}", said(&text));

    // Beside another model, on labels of people: tags are matched, and a model has all of its own excess.
    train(&["--corpus", "synth:20"], "other");
    let beside = |model: &str| {
        let args = [
            "eval", "--model", "student", "--beside", model, "--corpus", "synth:40", "--split", "all",
            "--json",
        ];
        json(&run(folder, &args))["beside"].clone()
    };
    let twin = beside("student");
    assert_eq!((twin["difference"].as_f64(), twin["clips"].as_u64()), (Some(0.0), Some(40)));
    let other = beside("other");
    let tags: Vec<&str> =
        other["tags"].as_array().unwrap().iter().map(|t| t["tag"].as_str().unwrap()).collect();
    assert_eq!(tags, TAGS);
    let difference = other["mean_auc"].as_f64().unwrap() - other["beside_mean_auc"].as_f64().unwrap();
    assert!((difference - other["difference"].as_f64().unwrap()).abs() < 1e-12);
    let args = ["eval", "--model", "student", "--beside", "other", "--corpus", "synth:20", "--split", "all"];
    let table = run(folder, &args);
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("excess") && table.contains("difference"), "{table}");

    completed(folder);

    // Two corpora at once, and the same again by the file that the run wrote.
    let both = ["--corpus", "manifest:wav/labels.csv", "--corpus", "synth:20"];
    train(&both, "both");
    let file = std::fs::read_to_string(folder.join("both/run.toml")).unwrap();
    assert!(file.contains("corpus = [\"manifest:wav/labels.csv\", \"synth:20\"]"), "{file}");
    let again = run(folder, &["train", "--config", "both/run.toml", "--device", "cpu", "--out", "again"]);
    assert!(again.status.success(), "{}", said(&again));
    let of = |run: &str| std::fs::read(folder.join(run).join("model.onnx")).unwrap();
    assert!(of("both") == of("again"));
    let args = [&["eval", "--model", "both", "--split", "all", "--json"][..], &both].concat();
    assert_eq!(json(&run(folder, &args))["clips"].as_u64(), Some(44));
}
