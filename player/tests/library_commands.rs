//! `player scan`, `similar`, `playlist`, `search` and `export` as programs, on real files.

mod common;

use common::{CLIPS, Music, SOUNDS, lines, run, text, well};

#[test]
fn a_library_is_scanned_once_and_moves_copies_and_damage_are_understood() {
    let music = Music::new();
    let all = CLIPS.len() + SOUNDS.len();
    std::fs::write(music.at("broken.mp3"), b"no music").unwrap();
    std::fs::write(music.at("empty.flac"), b"").unwrap();
    std::fs::write(music.at("cover.jpg"), b"no music either").unwrap();
    let scan = |more: &[&str]| {
        let root = music.at("");
        let args = music.args(&[&["scan", root.to_str().unwrap(), "--json"], more].concat());
        let mut lines = lines(&well(args));
        let last = lines.pop().unwrap();
        (lines, last)
    };
    let (told, sums) = scan(&["--jobs", "2"]);
    assert_eq!((sums["files"].as_u64(), sums["tagged"].as_u64()), (Some(all as u64 + 2), Some(all as u64)));
    assert_eq!(told.len(), all + 2);
    let damaged: Vec<_> = told.iter().filter(|line| line["outcome"] == "damaged").collect();
    assert_eq!(damaged.len(), 2);
    assert!(damaged.iter().all(|line| line["reason"].as_str().unwrap().len() > 5), "{damaged:?}");

    // Nothing has changed, and nothing is done.
    let (told, sums) = scan(&[]);
    assert_eq!(
        (told.len(), sums["unchanged"].as_u64(), sums["damaged"].as_u64()),
        (0, Some(all as u64), Some(2))
    );

    // Moved, copied, gone, and damaged ones mended.
    std::fs::create_dir(music.at("new")).unwrap();
    std::fs::rename(music.at("pulse.wav"), music.at("new/other name.wav")).unwrap();
    std::fs::copy(music.at("mainscreen.wav"), music.at("copy.wav")).unwrap();
    std::fs::remove_file(music.at("warm-ink.wav")).unwrap();
    std::fs::copy(music.at("sounds/mono-22050.mp3"), music.at("broken.mp3")).unwrap();
    let (told, sums) = scan(&[]);
    assert!(told.iter().all(|line| line["outcome"] == "known"), "{told:?}");
    assert_eq!((told.len(), sums["gone"].as_u64(), sums["tagged"].as_u64()), (3, Some(2), Some(0)));
    // What is gone may come back.
    std::fs::copy(common::repository().join("firmware-demo/clips/warm-ink.wav"), music.at("back.wav"))
        .unwrap();
    let (_, sums) = scan(&[]);
    assert_eq!((sums["known"].as_u64(), sums["tagged"].as_u64()), (Some(1), Some(0)));

    // Another model hears everything anew, and then nothing again.
    let other = common::repository().join("models/synth-k2c1");
    let (_, sums) = scan(&["--model", other.to_str().unwrap()]);
    assert!(sums["tagged"].as_u64().unwrap() >= all as u64, "{sums}");
    let (_, sums) = scan(&["--model", other.to_str().unwrap()]);
    assert_eq!(sums["tagged"].as_u64(), Some(0));
}

#[test]
fn folders_within_folders_are_scanned_once() {
    let music = Music::new();
    let (all, some) = (music.at(""), music.at("sounds"));
    let one = music.at("sounds/mono-16000.flac");
    let paths = [&one, &some, &all, &some].map(|path| path.to_str().unwrap());
    let told = lines(&well(music.args(&[&["scan", "--json", "--jobs", "4"], &paths[..]].concat())));
    let sums = told.last().unwrap();
    assert_eq!(sums["files"].as_u64(), Some((CLIPS.len() + SOUNDS.len()) as u64), "{sums}");
    assert_eq!(sums["tagged"], sums["files"]);
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_added_while_watching_is_scanned_once() {
    use std::io::{BufRead as _, BufReader};
    let music = Music::new();
    let root = music.at("");
    let mut watching = common::player(music.args(&["scan", "--watch", "--json", root.to_str().unwrap()]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    lines.find(|line| line.contains("\"files\"")).unwrap();
    std::fs::create_dir(music.at("new")).unwrap();
    std::fs::copy(common::repository().join("firmware-demo/clips/pulse.wav"), music.at("new/again.wav"))
        .unwrap();
    let told: Vec<String> = lines.by_ref().take(2).collect();
    assert!(told[0].contains("new/again.wav") && told[0].contains("known"), "{told:?}");
    assert!(told[1].contains("\"files\":1"), "{told:?}");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn songs_are_found_by_likeness_and_by_words() {
    let music = Music::new();
    music.scan();
    let file = music.at("pulse.wav");
    let file = file.to_str().unwrap();
    let similar = lines(&well(music.args(&["similar", file, "-n", "4", "--json"])));
    let scores: Vec<f64> = similar.iter().map(|line| line["score"].as_f64().unwrap()).collect();
    assert!(scores.len() == 4 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(similar.iter().all(|line| line["path"] != file));

    // A copy outside of the library is heard on the spot, and is nearest to its original.
    let outside = music.folder.path().join("outside.wav");
    std::fs::copy(file, &outside).unwrap();
    let found = lines(&well(music.args(&["similar", outside.to_str().unwrap(), "-n", "1", "--json"])));
    assert_eq!(found[0]["path"], file);
    assert!(found[0]["score"].as_f64().unwrap() > 0.9999);

    let list = music.folder.path().join("list.m3u");
    let list = list.to_str().unwrap();
    well(music.args(&["playlist", "--from", file, "-n", "3", "--m3u", list]));
    let written = std::fs::read_to_string(list).unwrap();
    assert!(written.starts_with("#EXTM3U\n") && written.matches("#EXTINF").count() == 3, "{written}");

    let found = well(music.args(&["search", "electronic", "or", "ambient"]));
    assert!(found.lines().count() >= 1, "{found}");
    let nothing = run(music.args(&["search", "rock and not rock"]));
    assert_eq!((nothing.status.code(), text(&nothing.stdout)), (Some(1), String::new()));
    let wrong = run(music.args(&["search", "(jazz"]));
    assert!(text(&wrong.stderr).contains("missing"), "{}", text(&wrong.stderr));
}

#[test]
fn what_is_known_is_exported() {
    let music = Music::new();
    music.scan();
    let to = music.folder.path().join("out");
    let to = to.to_str().unwrap();
    well(music.args(&["export", "--sidecar", "json", "--to", to]));
    let document = std::fs::read(format!("{to}/sounds/mono-16000.flac.minim.json")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let rock = &document["highlevel"]["tag_rock"];
    assert!(rock["all"]["rock"].is_f64() && rock["probability"].as_f64().unwrap() <= 1.0, "{rock}");
    let table = well(music.args(&["export", "--sidecar", "csv", "--to", "-"]));
    assert_eq!(table.lines().count(), 1 + CLIPS.len() + SOUNDS.len());
    let fields = |line: &str| line.split(',').count();
    assert!(table.lines().all(|line| fields(line) == 55), "{table}");
    well(music.args(&["export", "--sidecar", "m3u", "--to", to]));
    assert!(
        std::fs::read_dir(to)
            .unwrap()
            .any(|entry| { entry.unwrap().path().extension().is_some_and(|extension| extension == "m3u8") })
    );
    // These files name no artist.
    let output = run(music.args(&["export", "--sidecar", "listenbrainz", "--to", to]));
    assert!(text(&output.stderr).contains("left out"), "{}", text(&output.stderr));
    assert_eq!(run(music.args(&["export", "--sidecar", "csv"])).status.code(), Some(1));
}

#[test]
fn what_is_no_library_is_left_alone() {
    let music = Music::new();
    let nothing = run(music.args(&["search", "jazz"]));
    assert!(text(&nothing.stderr).contains("player scan"), "{}", text(&nothing.stderr));
    std::fs::write(music.db(), "my diary, not a database").unwrap();
    let output = run(music.args(&["scan", music.at("").to_str().unwrap()]));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no library of this program"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(music.db()).unwrap(), b"my diary, not a database");
    let missing = run(music.args(&["scan", "no/such/folder"]));
    std::fs::remove_file(music.db()).unwrap();
    assert!(text(&missing.stderr).contains("no"), "{}", text(&missing.stderr));
    let missing = run(music.args(&["scan", "no/such/folder"]));
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("no/such/folder"), "{}", text(&missing.stderr));
}
