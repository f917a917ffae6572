//! `trainer extract`: parts of a corpus computed apart, and read as one.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn trainer(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(args);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn done(output: Output) -> Output {
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

/// Starts `trainer extract` in a folder, with its cache there.
fn start(folder: &Path, corpus: &str, more: &[&str]) -> Child {
    let args = ["extract", "--corpus", corpus, "--cache", "cache", "--jobs", "1", "--json"];
    trainer(folder, &[&args, more].concat()).spawn().unwrap()
}

/// Runs it to its end.
fn extract(folder: &Path, corpus: &str, more: &[&str]) -> Value {
    report(start(folder, corpus, more))
}

fn report(child: Child) -> Value {
    serde_json::from_slice(&done(child.wait_with_output().unwrap()).stdout).unwrap()
}

fn count(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap()
}

/// All three parts at once, each in a process.
fn in_three_parts(folder: &Path, corpus: &str) -> Vec<Value> {
    let parts: Vec<Child> =
        ["1/3", "2/3", "3/3"].iter().map(|shard| start(folder, corpus, &["--shard", shard])).collect();
    parts.into_iter().map(report).collect()
}

/// What `trainer eval` says of the features.
fn eval(folder: &Path, corpus: &str) -> String {
    let model = root().join("models/synth-k2c1");
    let args = ["eval", "--corpus", corpus, "--cache", "cache", "--split", "all", "--model"];
    text(&done(trainer(folder, &[&args[..], &[model.to_str().unwrap()]].concat()).output().unwrap()).stderr)
}

/// The front end's folder of a cache.
fn main_folder(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder.join("cache")).unwrap();
    let only = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    only
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn parts_computed_at_once_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let parts = in_three_parts(folder.path(), "synth:20");
    let computed: Vec<u64> = parts.iter().map(|part| count(part, "computed")).collect();
    assert_eq!(computed.iter().sum::<u64>(), 20, "they are disjoint and cover the corpus: {computed:?}");
    assert!(computed.iter().all(|computed| (1..20).contains(computed)), "{computed:?}");
    for (part, shard) in parts.iter().zip(["1/3", "2/3", "3/3"]) {
        assert_eq!((part["shard"].as_str(), count(part, "found")), (Some(shard), 0));
        assert!(part["seconds_per_1000"].as_f64().unwrap() > 0.0);
        assert!(part["left_out"].as_array().unwrap().is_empty());
    }
    let main = main_folder(folder.path());
    let names: Vec<String> = files_and_folders(&main);
    assert_eq!(names, ["shard-001-of-003", "shard-002-of-003", "shard-003-of-003"]);

    let again = extract(folder.path(), "synth:20", &["--shard", "2/3"]);
    assert_eq!((count(&again, "computed"), count(&again, "found")), (0, computed[1]));
    assert!(again["seconds_per_1000"].is_null());
    assert!(eval(folder.path(), "synth:20").contains("20 clips"));
    assert!(eval(folder.path(), "synth:20").contains("(0 computed now"));
    // In as many parts as one likes, or in one.
    let other = extract(folder.path(), "synth:20", &["--shard", "1/2"]);
    assert_eq!(count(&other, "computed"), 0);
    let whole = extract(folder.path(), "synth:20", &[]);
    assert_eq!((count(&whole, "computed"), count(&whole, "found")), (0, 20));
    assert!(whole["shard"].is_null());
    assert_eq!(std::fs::metadata(main.join("codes.bin")).unwrap().len(), 0);
    // What is new goes to the main folder.
    let sizes = || {
        let shards =
            names.iter().map(|name| std::fs::metadata(main.join(name).join("codes.bin")).unwrap().len());
        shards.collect::<Vec<_>>()
    };
    let before = sizes();
    assert_eq!(count(&extract(folder.path(), "synth:23", &[]), "computed"), 3);
    assert_eq!(sizes(), before);
    assert!(std::fs::metadata(main.join("codes.bin")).unwrap().len() > 0);
}

fn files_and_folders(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_part_that_lost_codes_is_mended_by_its_own_run() {
    let folder = tempfile::tempdir().unwrap();
    in_three_parts(folder.path(), "synth:12");
    let shard = main_folder(folder.path()).join("shard-001-of-003");
    let codes = std::fs::OpenOptions::new().write(true).open(shard.join("codes.bin")).unwrap();
    codes.set_len(codes.metadata().unwrap().len() - 100).unwrap();
    assert_eq!(count(&extract(folder.path(), "synth:12", &["--shard", "1/3"]), "computed"), 1);
    assert!(eval(folder.path(), "synth:12").contains("(0 computed now"));
}

#[test]
fn what_another_machine_writes_is_read_as_far_as_it_is_whole_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    in_three_parts(folder.path(), "synth:12");
    let main = main_folder(folder.path());
    // One is in the middle of a line and of the codes after it; of another a code has changed.
    let writing = main.join("shard-001-of-003");
    let append = |name: &str, bytes: &[u8]| {
        let options = std::fs::OpenOptions::new().create(true).append(true).clone();
        let mut file = options.open(writing.join(name)).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    append("index.jsonl", b"{\"key\":\"00");
    append("files.jsonl", b"{\"path\":\"/mu");
    append("codes.bin", &[7; 1000]);
    let damaged = main.join("shard-002-of-003");
    let mut codes = std::fs::read(damaged.join("codes.bin")).unwrap();
    codes[77] ^= 1;
    std::fs::write(damaged.join("codes.bin"), codes).unwrap();
    // And one has only just begun.
    std::fs::create_dir(main.join("shard-001-of-009")).unwrap();

    let before = [files(&writing), files(&damaged)];
    assert!(
        eval(folder.path(), "synth:12").contains("(1 computed now"),
        "of two that know a clip, the intact one"
    );
    assert!(eval(folder.path(), "synth:12").contains("(0 computed now"));
    assert_eq!([files(&writing), files(&damaged)], before);
}

#[test]
fn a_run_on_parts_gives_the_bits_of_one_on_a_whole_cache() {
    let (parted, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    in_three_parts(parted.path(), "synth:20");
    let train = "train --corpus synth:20 --pools 4,4,2,1 --epochs 1 --batch-size 4 --device cpu --cache cache --out run";
    let train: Vec<&str> = train.split(' ').collect();
    let told =
        [&parted, &whole].map(|folder| text(&done(trainer(folder.path(), &train).output().unwrap()).stderr));
    assert!(told[0].contains("(0 computed now") && told[1].contains("(20 computed now"), "{told:?}");
    for name in ["model.onnx", "model.int8.onnx", "model.bin"] {
        let [one, other] =
            [&parted, &whole].map(|folder| std::fs::read(folder.path().join("run").join(name)).unwrap());
        assert_eq!(one, other, "{name}");
    }
}

#[test]
fn files_are_parted_by_name_and_bad_ones_are_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    std::fs::create_dir(&music).unwrap();
    let fixtures = root().join("tests/fixtures/audio");
    let sounds =
        ["mono-16000.flac", "stereo-44100.mp3", "mono-24000.ogg", "mono-32000.m4a", "stereo-12000.flac"];
    for name in sounds {
        std::fs::copy(fixtures.join(name), music.join(name)).unwrap();
    }
    std::fs::write(music.join("damaged.mp3"), b"no audio at all").unwrap();
    let mut list = String::from("path,tags\ndamaged.mp3,a\ngone.mp3,b\n");
    sounds.iter().for_each(|name| list += &format!("{name},a\n"));
    let write = |list: &str| std::fs::write(music.join("list.csv"), list).unwrap();
    write(&list);
    // So old that they are not read again as long as they stay so.
    for name in sounds {
        let file = std::fs::OpenOptions::new().write(true).open(music.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(600)).unwrap();
    }
    let corpus = "manifest:music/list.csv";
    let parts = in_three_parts(folder.path(), corpus);
    assert_eq!(parts.iter().map(|part| count(part, "computed")).sum::<u64>(), 5);
    let mut left_out: Vec<&str> = parts
        .iter()
        .flat_map(|part| part["left_out"].as_array().unwrap())
        .map(|problem| problem["id"].as_str().unwrap())
        .collect();
    left_out.sort_unstable();
    assert_eq!(left_out, ["damaged.mp3", "gone.mp3"]);

    // Whoever reads knows the files that the parts have read: other bytes under the same time are taken for the old ones.
    let path = music.join(sounds[0]);
    let (time, length) = (path.metadata().unwrap().modified().unwrap(), path.metadata().unwrap().len());
    std::fs::write(&path, vec![0; length as usize]).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let whole = extract(folder.path(), corpus, &[]);
    assert_eq!((count(&whole, "computed"), count(&whole, "found")), (0, 5));

    // A file more moves no other one.
    std::fs::copy(fixtures.join("mono-8000-s16.wav"), music.join("a.wav")).unwrap();
    write(&list.replacen("damaged.mp3,a\n", "a.wav,a\n", 1));
    let found = |parts: &[Value]| parts.iter().map(|part| count(part, "found")).sum::<u64>();
    let parts = in_three_parts(folder.path(), corpus);
    assert_eq!(parts.iter().map(|part| count(part, "computed")).sum::<u64>(), 1);
    assert_eq!(found(&parts), 5);
}

#[test]
fn another_front_end_has_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let model = root().join("models/k2c1-msd50");
    let by_model = extract(folder.path(), "synth:10", &["--model", model.to_str().unwrap()]);
    assert_eq!(count(&by_model, "computed"), 10);
    // It is the one that is trained on.
    assert_eq!(count(&extract(folder.path(), "synth:10", &[]), "found"), 10);
    let refused =
        trainer(folder.path(), &["extract", "--corpus", "synth", "--model", "nowhere"]).output().unwrap();
    assert!(!refused.status.success() && text(&refused.stderr).contains("nowhere"));
}

#[test]
fn parts_that_there_are_not_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (shard, reason) in [
        ("0/3", "parts are counted from 1"),
        ("4/3", "there is no such part"),
        ("1/0", "there are no 0 parts"),
        ("1/10000", "there are too many parts"),
        ("x", "it is not two numbers"),
        ("1/-3", "it is not two numbers"),
        ("1/3/5", "it is not two numbers"),
    ] {
        let out =
            trainer(folder.path(), &["extract", "--corpus", "synth", "--shard", shard]).output().unwrap();
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(reason) && said.contains("as 3/16"), "{shard}: {said}");
    }
    assert!(files_and_folders(folder.path()).is_empty());
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("docs/examples").join(name)).unwrap()
}

/// As sbatch runs it: a task of an array.
#[cfg(unix)]
#[test]
fn the_slurm_script_computes_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let task = |task: &str| {
        let mut command = Command::new("bash");
        command
            .current_dir(folder.path())
            .arg(root().canonicalize().unwrap().join("docs/examples/extract.slurm"));
        command.env("TRAINER", env!("CARGO_BIN_EXE_trainer")).env("CORPUS", "synth:12").env("CACHE", "cache");
        command.env("SLURM_ARRAY_TASK_ID", task).env("SHARDS", "2").env("SLURM_CPUS_PER_TASK", "1");
        command.output().unwrap()
    };
    let told: String = ["1", "2"].iter().map(|number| text(&done(task(number)).stdout)).collect();
    assert!(told.contains("0 left out"), "{told}");
    assert_eq!(files_and_folders(&main_folder(folder.path())), ["shard-001-of-002", "shard-002-of-002"]);
    assert_eq!(count(&extract(folder.path(), "synth:12", &[]), "found"), 12);
    let refused = task("3");
    assert!(text(&refused.stderr).contains("there is no such part"), "{}", text(&refused.stderr));
}

/// The command that the Python script has Ray run, filled in as it fills it in.
#[test]
fn the_command_of_the_ray_script_computes_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let script = example("extract_ray.py");
    let command =
        script.lines().find_map(|line| line.strip_prefix("COMMAND = \"")?.strip_suffix('"')).unwrap();
    let part = |shard: &str| {
        let values = [
            ("trainer", ""),
            ("corpus", "synth:12"),
            ("shard", shard),
            ("shards", "2"),
            ("cache", "cache"),
            ("jobs", "1"),
        ];
        let fill = |word: &str| {
            values
                .iter()
                .fold(word.to_owned(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
        };
        let words: Vec<String> = command.split(' ').map(fill).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        report(trainer(folder.path(), &words[1..]).spawn().unwrap())
    };
    let parts = ["1", "2"].map(part);
    assert_eq!(parts.iter().map(|part| count(part, "computed")).sum::<u64>(), 12);
    // What the script reads of the answer.
    for key in ["shard", "computed", "seconds", "left_out"] {
        assert!(script.contains(&format!("\"{key}\"")) || script.contains(&format!("'{key}'")), "{key}");
        assert!(!parts[0][key].is_null(), "{key}");
    }
}

#[test]
fn the_document_quotes_the_scripts() {
    let document = std::fs::read_to_string(root().join("docs/scale.md")).unwrap();
    for (name, language) in [("extract.slurm", "bash"), ("extract_ray.py", "python")] {
        assert!(document.contains(&format!("```{language}\n{}```\n", example(name))), "{name}");
    }
}
