//! Programs that are killed: at 20 moments of a scan, and of writing.
#![cfg(unix)]

mod common;

use common::{CLIPS, Music, SOUNDS, lines, player, text, well};
use player::hear::digest;
use player::write::fields;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// Runs it and kills it after so long: what it had printed, and whether it had ended by itself.
fn killed(args: Vec<String>, after: Duration) -> (String, bool) {
    let mut child = player(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    (text(&bytes), ended)
}

/// Lines that were printed whole.
fn whole(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}

fn sound(music: &Music) {
    let db = rusqlite::Connection::open(music.db()).unwrap();
    let said: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    // Killed before it had made its tables, all of them at once.
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    if tables == 0 {
        return;
    }
    let lost: i64 = db
        .query_row("SELECT count(*) FROM files WHERE song NOT IN (SELECT id FROM songs)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(lost, 0);
}

/// Moments spread over what a run takes, no two alike.
fn moments(run: Duration) -> impl Iterator<Item = Duration> {
    (0..20u32).map(move |i| run.mul_f64(f64::from((i * 7) % 20) / 20.0 + 0.013 * f64::from(i % 3)))
}

#[test]
fn a_scan_that_is_killed_goes_on_and_does_nothing_twice() {
    let music = Music::new();
    for i in 0..8 {
        for clip in CLIPS {
            // Each another recording: one more sample at the end.
            let mut bytes = std::fs::read(music.at(clip)).unwrap();
            let length = bytes.len() - 4 * i - 4;
            bytes.truncate(length);
            std::fs::write(music.at(&format!("{i}-{clip}")), bytes).unwrap();
        }
    }
    let all = 9 * CLIPS.len() + SOUNDS.len();
    let root = music.at("");
    let args = || music.args(&["scan", root.to_str().unwrap(), "--json", "--jobs", "2"]);
    let started = std::time::Instant::now();
    let trial = music.folder.path().join("trial.db");
    well(["scan", root.to_str().unwrap(), "--jobs", "2", "--db", trial.to_str().unwrap()]);
    // Killed early enough that 20 runs do not do it all.
    let span = started.elapsed().min(Duration::from_secs(4)) / 8;
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut tell = |printed: &str| {
        for line in lines(whole(printed)) {
            if line["outcome"] == "tagged" {
                *told.entry(line["path"].as_str().unwrap().into()).or_default() += 1;
            }
        }
    };
    for moment in moments(span) {
        let (printed, _) = killed(args(), moment);
        tell(&printed);
        if music.db().exists() {
            sound(&music);
        }
    }
    tell(&well(args()));
    sound(&music);
    assert!(told.values().all(|&times| times == 1), "{told:?}");
    // A song may be in the library and its line be lost, and then it is not told again.
    let db = rusqlite::Connection::open(music.db()).unwrap();
    let songs: i64 = db.query_row("SELECT count(song) FROM files", [], |row| row.get(0)).unwrap();
    assert_eq!(songs, all as i64);
}

#[test]
fn writing_that_is_killed_damages_nothing_and_can_be_undone() {
    let music = Music::new();
    music.scan();
    let files: Vec<PathBuf> = CLIPS
        .iter()
        .map(|clip| music.at(clip))
        .chain(SOUNDS.iter().map(|sound| music.at(&format!("sounds/{sound}"))))
        .collect();
    let sums: Vec<_> = files.iter().map(|file| digest(file).unwrap()).collect();
    let before: Vec<_> = files.iter().map(|file| fields::read(file).unwrap()).collect();
    let started = std::time::Instant::now();
    let planned = lines(&well(music.args(&["write", "--json"])));
    let span = started.elapsed() * 2;
    let after: BTreeMap<&str, &serde_json::Value> =
        planned.iter().map(|change| (change["path"].as_str().unwrap(), &change["after"])).collect();
    assert!(after.len() > 4, "{after:?}");
    for (round, moment) in moments(span).enumerate() {
        // Forth, and now and then back.
        let args: &[&str] =
            if round % 5 == 4 { &["write", "--undo", "--apply"] } else { &["write", "--apply"] };
        killed(music.args(args), moment);
        sound(&music);
        for ((file, sum), old) in files.iter().zip(&sums).zip(&before) {
            assert_eq!(digest(file).unwrap(), *sum, "{}", file.display());
            let now = fields::read(file).unwrap();
            let new = after.get(file.to_str().unwrap());
            let whole = now == *old || new.is_some_and(|new| serde_json::json!(now) == **new);
            assert!(whole, "{}: {now:?}", file.display());
        }
    }
    well(music.args(&["write", "--apply"]));
    for file in &files {
        if let Some(new) = after.get(file.to_str().unwrap()) {
            assert_eq!(serde_json::json!(fields::read(file).unwrap()), **new);
        }
    }
    well(music.args(&["write", "--undo", "--apply"]));
    for (file, old) in files.iter().zip(&before) {
        assert_eq!(fields::read(file).unwrap(), *old, "{}", file.display());
    }
    // No copy was left lying about.
    for folder in ["", "sounds"] {
        for entry in std::fs::read_dir(music.at(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().starts_with(".minim-"), "{name:?}");
        }
    }
}
