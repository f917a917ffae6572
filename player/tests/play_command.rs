//! `player play` as a program: lines of JSON while music passes, and a terminal that is left as it was.

mod common;

use common::{Music, lines, player, text};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn tags_come_while_music_passes_at_its_pace() {
    let music = Music::new();
    let list = music.at("list.m3u");
    std::fs::write(&list, "#EXTM3U\nsounds/mono-16000.flac\nmissing.mp3\npulse.wav\n").unwrap();
    let started = Instant::now();
    let args = ["play", "--no-audio", "--json", "--top", "2", list.to_str().unwrap()];
    let output = player(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    // 2 s and 8 s, of which what waits in the sink may be cut.
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds > 8.5, "{seconds}");
    let lines = lines(&text(&output.stdout));
    let names: Vec<&str> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("mono-16000", "pulse"));
    assert!(
        lines.iter().any(|line| line["trouble"].as_str().is_some_and(|said| said.contains("missing.mp3")))
    );
    let tagged: Vec<_> = lines.iter().filter(|line| line["windows"].as_u64() > Some(0)).collect();
    assert!(tagged.len() >= 2, "{lines:?}");
    for line in tagged {
        assert_eq!((line["name"].as_str(), line["tags"].as_array().unwrap().len()), (Some("pulse"), 2));
        // A window is heard when the music under it has passed, but for what the sink holds in advance.
        assert!(line["position"].as_f64().unwrap() > 4.5, "{line}");
    }
}

#[test]
fn what_cannot_be_played_is_named() {
    let music = Music::new();
    let output = common::run(["play", "--no-audio", "--headless", "no/such/song.mp3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no/such/song.mp3"), "{}", text(&output.stderr));
    std::fs::write(music.at("text.mp3"), "no music").unwrap();
    let output = common::run(["play", "--no-audio", "--headless", music.at("text.mp3").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("text.mp3"), "{}", text(&output.stderr));
}

/// A terminal of util-linux's `script`: what the page draws there, and whether it gives the terminal back.
#[test]
#[cfg(target_os = "linux")]
fn the_page_leaves_the_terminal_as_it_was() {
    let music = Music::new();
    for ending in ["key", "signal"] {
        let program = env!("CARGO_BIN_EXE_player");
        let command = format!(
            "stty cols 80 rows 24; stty -g; {program} play --no-audio '{}'; stty -g",
            music.at("pulse.wav").display()
        );
        let spawned = std::process::Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env("TERM", "xterm")
            .env("MINIM_MODEL", common::repository().join("models/k2c1-msd50-0.1m"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut script) = spawned else {
            eprintln!("skipped: the page in a terminal, for there is no script (Debian: bsdutils)");
            return;
        };
        std::thread::sleep(Duration::from_millis(1500));
        if ending == "key" {
            use std::io::Write as _;
            script.stdin.as_mut().unwrap().write_all(b"q").unwrap();
        } else {
            // Other tests' players go on.
            let this = format!("^{program} play --no-audio {}$", music.at("pulse.wav").display());
            let found = std::process::Command::new("pkill").args(["-TERM", "-f", &this]).status();
            if found.is_err() {
                let _ = script.kill();
                return;
            }
        }
        let output = script.wait_with_output().unwrap();
        let shown = text(&output.stdout);
        // It draws on a screen of its own, and leaves it again.
        assert!(shown.contains("pulse") && shown.contains("\u{1b}[?1049h"), "{ending}: {shown}");
        let left = shown.rsplit("\u{1b}[?1049l").next().unwrap();
        assert!(left.len() < shown.len(), "{ending}: the other screen was not left");
        let settings: Vec<&str> =
            shown.lines().map(str::trim).filter(|line| line.matches(':').count() > 10).collect();
        let before = settings[0].split('\u{1b}').next().unwrap().trim();
        assert!(left.contains(before), "{ending}: {before} is not {left}");
    }
}
