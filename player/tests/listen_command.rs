//! `player listen` as a program, on what a device might say.

use runtime::frames::{Message, PROTOCOL, Probabilities, encode};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn frame(message: &Message<'_>) -> Vec<u8> {
    encode(message, &mut [0; 512]).unwrap().to_vec()
}

fn hello() -> Vec<u8> {
    frame(&Message::Hello {
        protocol: PROTOCOL,
        model: "a test",
        tags: 3,
        sample_rate: 48_000,
        window_milliseconds: 6_120,
        hop_milliseconds: 680,
    })
}

fn tag(index: u16, name: &str) -> Vec<u8> {
    frame(&Message::Tag { index, name, threshold: None })
}

fn scores(window: u32, means: [f32; 3]) -> Vec<u8> {
    let (mut a, mut b) = ([0; 6], [0; 6]);
    frame(&Message::Scores {
        window,
        uptime_milliseconds: 1_500,
        heard_milliseconds: 6_400,
        instructions: 77,
        probabilities: Probabilities::write([0.25; 3].into_iter(), &mut a),
        means: Probabilities::write(means.into_iter(), &mut b),
    })
}

fn end() -> Vec<u8> {
    frame(&Message::End { windows: 2, instructions: 0 })
}

fn listen(arguments: &[&str], line: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_player"))
        .arg("listen")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have stopped reading at the end.
    let _ = child.stdin.take().unwrap().write_all(line);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn answers_are_lines_best_first() {
    let line = [hello(), tag(0, "rock"), tag(1, "jazz"), scores(0, [0.1, 0.7, 0.2]), end()].concat();
    let output = listen(&["--serial", "-", "--top", "2"], &line);
    assert!(output.status.success());
    // The device did not name its third tag.
    assert_eq!(text(&output.stdout), "    6.4 s   jazz 0.70  tag 2 0.20\n");
    assert_eq!(
        text(&output.stderr),
        "a test: 3 tags, 48000 Hz, hears 6.1 s at a time, answers every 0.68 s\n"
    );
}

#[test]
fn json_has_a_line_per_answer_and_log() {
    let log = frame(&Message::Log { text: "figure 7" });
    let line =
        [hello(), tag(1, "jazz"), scores(3, [0.0, 1.0, 0.5]), log, end(), scores(9, [0.0; 3])].concat();
    let output = listen(&["--serial", "-", "--json", "--top", "1"], &line);
    assert!(output.status.success());
    let stdout = text(&output.stdout);
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // What follows the end is not heard.
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["window"], &lines[0]["instructions"]), (&3.into(), &77.into()));
    assert_eq!(lines[0]["tags"].as_array().unwrap().len(), 1);
    assert_eq!(lines[0]["tags"][0]["tag"], "jazz");
    assert_eq!(lines[0]["tags"][0]["mean"], 1.0);
    assert_eq!(lines[1]["log"], "figure 7");
    assert!(stdout.starts_with(
        r#"{"window":3,"uptime_seconds":1.5,"heard_seconds":6.4,"instructions":77,"tags":[{"tag":"#
    ));
}

#[test]
fn damage_is_told_and_costs_its_frames_only() {
    let mut broken = scores(1, [0.9; 3]);
    broken[5] ^= 0x55;
    let cut = &scores(2, [0.9; 3])[..20];
    let line = [b"Boot ROM 2.1\r\n\0", &*hello(), &broken, cut, b"\0", &scores(3, [0.3, 0.2, 0.1])].concat();
    let output = listen(&["--serial", "-", "--json"], &line);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let told = text(&output.stderr);
    assert!(told.contains("Boot ROM 2.1") && told.contains("standard input: 2 damaged frames"), "{told}");
}

#[test]
fn nothing_to_hear_is_an_error_that_names_the_line() {
    let output = listen(&["--serial", "-"], &hello());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).ends_with("error: standard input: no answer came\n"));
    let output = listen(&["--serial", "no/such/device"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: no/such/device: "), "{}", text(&output.stderr));
    let output = listen(&["--serial", env!("CARGO_MANIFEST_DIR")], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn files_are_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.bin");
    std::fs::write(&path, [hello(), scores(0, [0.5; 3])].concat()).unwrap();
    let output = listen(&["--serial", Path::new(&path).to_str().unwrap()], &[]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("tag 0 0.50"));
}
