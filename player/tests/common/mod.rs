//! What several tests need: the program, a model, and a folder of music.
#![allow(dead_code, reason = "each test uses some of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// `player` with these arguments, and with nothing of whoever runs the test.
pub fn player<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_player"));
    command.args(args).env("MINIM_MODEL", repository().join("models/k2c1-msd50-0.1m"));
    command.env_remove("MINIM_TOKEN");
    command
}

/// Runs it.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    player(args).output().unwrap()
}

/// Runs it, and it must succeed: what it printed.
pub fn well<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = run(args);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of JSON.
pub fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// A folder with three pieces of music of 8 s and a short sound in every format.
pub struct Music {
    pub folder: tempfile::TempDir,
}

pub const CLIPS: [&str; 3] = ["mainscreen.wav", "pulse.wav", "warm-ink.wav"];

pub const SOUNDS: [&str; 9] = [
    "mono-16000.flac",
    "mono-22050.mp3",
    "mono-24000.ogg",
    "mono-32000.m4a",
    "mono-48000.opus",
    "mono-8000-s16.wav",
    "stereo-44100.m4a",
    "stereo-44100.mp3",
    "stereo-48000.ogg",
];

impl Music {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("music/sounds")).unwrap();
        let music = Self { folder };
        for clip in CLIPS {
            let from = repository().join("firmware-demo/clips").join(clip);
            std::fs::copy(from, music.at(clip)).unwrap();
        }
        for sound in SOUNDS {
            let from = repository().join("tests/fixtures/audio").join(sound);
            std::fs::copy(from, music.at(&format!("sounds/{sound}"))).unwrap();
        }
        music
    }

    /// Adds the three pieces as one, `long.wav`.
    pub fn add_long(&self) {
        // Headers of 44 bytes, each with two sizes.
        let pieces = CLIPS.map(|clip| std::fs::read(self.at(clip)).unwrap());
        let mut long = pieces[0][..44].to_vec();
        pieces.iter().for_each(|piece| long.extend_from_slice(&piece[44..]));
        let size = long.len() as u32;
        long[4..8].copy_from_slice(&(size - 8).to_le_bytes());
        long[40..44].copy_from_slice(&(size - 44).to_le_bytes());
        std::fs::write(self.at("long.wav"), long).unwrap();
    }

    /// A path in the music.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("music").join(name)
    }

    /// The library.
    pub fn db(&self) -> PathBuf {
        self.folder.path().join("library.db")
    }

    /// Arguments of a command with the library named.
    pub fn args(&self, args: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = args.iter().map(|&arg| arg.into()).collect();
        all.extend(["--db".into(), self.db().to_str().unwrap().into()]);
        all
    }

    pub fn scan(&self) -> String {
        well(self.args(&["scan", self.at("").to_str().unwrap()]))
    }
}

/// A program that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
