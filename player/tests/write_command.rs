//! `player write` as a program: what is there stays, what is written is read by others, and all of it can be undone.

mod common;

use common::{Music, SOUNDS, lines, run, text, well};
use player::write::fields::{self, Fields};
use runtime::decode::decode_file;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every file with its bytes.
fn bytes(music: &Music) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = std::fs::read_dir(music.at("sounds")).unwrap().map(|entry| entry.unwrap().path());
    all.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn tags_are_shown_written_once_and_undone_in_every_format() {
    let music = Music::new();
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    // A person was here before.
    for sound in SOUNDS {
        let person = Fields { genre: own(&["Krautrock", "Rock & Roll; live"]), mood: own(&["Größe"]) };
        fields::write(&music.at(&format!("sounds/{sound}")), &person).unwrap();
        assert_eq!(fields::read(&music.at(&format!("sounds/{sound}"))).unwrap(), person, "{sound}");
    }
    music.scan();
    let before = bytes(&music);
    let sounds = music.at("sounds");
    let sounds = sounds.to_str().unwrap();

    let shown = well(music.args(&["write", sounds]));
    assert!(shown.contains("  + genre  ") && shown.contains("    genre  Krautrock"), "{shown}");
    assert_eq!(bytes(&music), before, "a dry run wrote");

    let written = lines(&well(music.args(&["write", "--apply", "--json", sounds])));
    assert!(!written.is_empty());
    for change in &written {
        let path = PathBuf::from(change["path"].as_str().unwrap());
        let now = fields::read(&path).unwrap();
        assert_eq!(serde_json::json!(now), change["after"], "{}", path.display());
        assert_eq!(now.genre[..2], own(&["Krautrock", "Rock & Roll; live"]));
        assert_eq!(now.mood[0], "Größe");
        // It sounds as before.
        let copy = music.folder.path().join("before").with_extension(path.extension().unwrap());
        std::fs::write(&copy, &before[&path]).unwrap();
        assert_eq!(decode_file(&path).unwrap(), decode_file(&copy).unwrap(), "{}", path.display());
    }
    // Once is enough, and a scan has nothing to do with it.
    assert_eq!(well(music.args(&["write", "--apply", sounds])), "");
    let scanned = music.scan();
    assert!(scanned.contains("0 tagged, 0 known again"), "{scanned}");

    // What someone has changed since is not undone, unless wanted.
    let changed = PathBuf::from(written[0]["path"].as_str().unwrap());
    fields::write(&changed, &Fields { genre: own(&["Mine"]), mood: vec![] }).unwrap();
    let undone = run(music.args(&["write", "--undo", "--apply"]));
    assert_eq!(undone.status.code(), Some(1));
    assert!(text(&undone.stderr).contains("changed since"), "{}", text(&undone.stderr));
    assert_eq!(fields::read(&changed).unwrap().genre, ["Mine"]);
    well(music.args(&["write", "--undo", "--apply", "--force"]));
    for path in before.keys() {
        let now = fields::read(path).unwrap();
        assert_eq!((now.genre, now.mood), (own(&["Krautrock", "Rock & Roll; live"]), own(&["Größe"])));
    }
    assert_eq!(well(music.args(&["write", "--undo", "--apply"])), "");
}

#[test]
fn one_kind_may_be_wanted_and_what_is_there_may_go() {
    let music = Music::new();
    let path = music.at("pulse.wav");
    let person = Fields { genre: vec!["Wrong".into()], mood: vec!["Mine".into()] };
    fields::write(&path, &person).unwrap();
    music.scan();
    let file = path.to_str().unwrap();
    well(music.args(&["write", "--genre", "--replace", "--apply", file]));
    let now = fields::read(&path).unwrap();
    assert!(!now.genre.is_empty() && !now.genre.contains(&"Wrong".into()), "{now:?}");
    assert_eq!(now.mood, ["Mine"]);
    let nothing = run(music.args(&["write", "/no/such/place"]));
    assert_eq!(nothing.status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_written_ends_nothing() {
    let music = Music::new();
    music.scan();
    // Its tags are gone, and so is its music.
    std::fs::write(music.at("pulse.wav"), b"no music").unwrap();
    let output = run(music.args(&["write", "--apply"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("pulse.wav: "), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(music.at("pulse.wav")).unwrap(), b"no music");
    assert!(text(&output.stdout).contains("mainscreen.wav"), "{}", text(&output.stdout));
}
