//! Times the front end on a clip of 29.12 s and prints JSON: milliseconds per clip, one per round.
//!
//! `time_front_end [ROUNDS]` answers at once; `time_front_end --on-request` waits for a line on standard input
//! before each round, so that another program (`benches/compare_librosa.py`) can take turns with it.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use runtime::mel::{MelConfig, log_mel};
use runtime::pcm::Pcm;

#[path = "common/noise.rs"]
mod noise;

fn main() -> std::io::Result<()> {
    let samples = noise::clip();
    let config = MelConfig::MINIM;
    let milliseconds = || {
        let start = Instant::now();
        let frames = log_mel(&config, Pcm::new(config.sample_rate, black_box(&samples)));
        black_box(frames).expect("a valid configuration and the right rate");
        start.elapsed().as_secs_f64() * 1e3
    };
    let mut output = std::io::stdout().lock();
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--on-request") {
        for line in std::io::stdin().lock().lines() {
            line?;
            writeln!(output, "{}", milliseconds())?;
            output.flush()?;
        }
        return Ok(());
    }
    let rounds = argument.and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let times: Vec<f64> = (0..rounds).map(|_| milliseconds()).collect();
    writeln!(output, "{{\"front_end_ms\":{times:?}}}")
}
