//! `player follow` and `export --stickers` with a real MPD. Where that is not installed, the test says so and is skipped.
#![cfg(unix)]

mod common;

use common::{Music, Running, lines, player, text, until, well};
use player::follow::Mpd;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// MPD with the music, playing into nothing.
fn start(music: &Music) -> Option<(Running, Mpd, String)> {
    let folder = music.folder.path().canonicalize().unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "music_directory \"{}\"\nplaylist_directory \"{}\"\ndb_file \"{}\"\nsticker_file \"{}\"\nbind_to_address \"{}\"\n\
         auto_update \"no\"\naudio_output {{\n type \"null\"\n name \"nothing\"\n mixer_type \"none\"\n}}\n",
        at("music"),
        at(""),
        at("mpd.db"),
        at("mpd.sticker"),
        at("mpd.socket"),
    );
    std::fs::write(at("mpd.conf"), config).unwrap();
    let log = std::fs::File::create(at("mpd.log")).unwrap();
    let mut mpd = Command::new("mpd");
    mpd.args(["--no-daemon", "--stderr", &at("mpd.conf")]).stdout(Stdio::null()).stderr(log);
    let running = Running(mpd.spawn().ok()?);
    let address = format!("mpd://{}", at("mpd.socket"));
    let mut client = until("MPD does not start", || Mpd::connect(&address.parse().unwrap()).ok());
    client.ask("update").unwrap();
    until("MPD does not find its music", || {
        client.ask("listall").unwrap().iter().any(|(_, file)| file == "long.wav").then_some(())
    });
    Some((running, client, address))
}

/// The next line for which `holds`.
fn next(lines: &Receiver<Value>, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    let mut seen = Vec::new();
    while started.elapsed() < Duration::from_secs(60) {
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(200)) {
            if holds(&line) {
                return line;
            }
            seen.push(line.to_string());
        }
    }
    panic!("{what}; there was\n{}", seen.join("\n"));
}

#[test]
fn what_mpd_plays_is_heard_where_it_plays() {
    let music = Music::new();
    music.add_long();
    let Some((mut running, mut mpd, address)) = start(&music) else {
        eprintln!("skipped: following MPD, for there is none (Debian: mpd)");
        return;
    };
    let mut follow = player(["follow", &address, "--json", "--top", "3"]);
    let mut follow = Running(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let (sender, lines) = channel();
    let output = BufReader::new(follow.0.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str::<Value>(&line).unwrap());
        }
    });

    mpd.ask("add \"long.wav\"").unwrap();
    mpd.ask("add \"sounds/stereo-44100.mp3\"").unwrap();
    mpd.ask("play 0").unwrap();
    let heard = next(&lines, "no tags", |line| line["windows"].as_u64().unwrap() > 0);
    assert_eq!((heard["name"].as_str(), heard["tags"].as_array().unwrap().len()), (Some("long"), 3));
    let elapsed = mpd.playing().unwrap().elapsed;
    assert!((heard["position"].as_f64().unwrap() - elapsed).abs() < 2.0, "{heard} at {elapsed}");

    mpd.ask("pause 1").unwrap();
    next(&lines, "it does not hold", |line| line["paused"] == true);
    mpd.ask("seekcur 16.5").unwrap();
    mpd.ask("pause 0").unwrap();
    let after = next(&lines, "it does not seek", |line| line["position"].as_f64().unwrap() > 16.0);
    assert_eq!(after["paused"], false, "{after}");
    // The piece that begins at second 16 is another, and one window of it is enough to hear that.
    next(&lines, "nothing is heard after seeking", |line| {
        line["windows"].as_u64() > heard["windows"].as_u64() && line["position"].as_f64().unwrap() > 20.0
    });
    mpd.ask("next").unwrap();
    next(&lines, "it does not follow to the next song", |line| line["name"] == "stereo-44100");

    // MPD goes away and comes back.
    mpd.ask("stop").unwrap();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    let (_again, mut mpd, _) = start(&music).unwrap();
    mpd.ask("clear").unwrap();
    mpd.ask("add \"pulse.wav\"").unwrap();
    mpd.ask("play 0").unwrap();
    next(&lines, "it does not find MPD again", |line| line["name"] == "pulse");
}

#[test]
fn stickers_hold_what_was_heard() {
    let music = Music::new();
    music.add_long();
    let Some((_running, mut mpd, address)) = start(&music) else {
        eprintln!("skipped: stickers, for there is no MPD (Debian: mpd)");
        return;
    };
    music.scan();
    well(music.args(&["export", "--stickers", &address]));
    let stickers = mpd.ask("sticker list song \"pulse.wav\"").unwrap();
    let value = |name: &str| {
        let all = stickers.iter().map(|(_, text)| text.split_once('=').unwrap());
        all.clone().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let pulse = music.at("pulse.wav");
    let tagged = lines(&well(["tag", "--json", "--top", "1", pulse.to_str().unwrap()]));
    let first = &tagged[0]["tags"][0];
    let sticker: f64 = value(&format!("minim.{}", first["tag"].as_str().unwrap())).unwrap().parse().unwrap();
    assert!((sticker - first["p"].as_f64().unwrap()).abs() < 1e-3);
    assert!(value("minim.genre").is_some());
}

#[test]
fn what_is_no_mpd_is_named() {
    let output = common::run(["follow", "mpd://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("mpd://127.0.0.1:1: "), "{}", text(&output.stderr));
    assert_eq!(common::run(["follow", "localhost"]).status.code(), Some(2));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("mpd://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let output = common::run(["follow", &address]);
    assert!(text(&output.stderr).contains("no MPD"), "{}", text(&output.stderr));
}
