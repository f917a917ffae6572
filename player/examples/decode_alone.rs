//! Decodes and resamples the audio files of a folder to 12 kHz and does nothing with them: what a scan is measured
//! against, by `player/benches/compare_scan.py`.
//!
//! cargo run -p player --example decode_alone -- FOLDER THREADS

use player::library::walk::audio_files;
use runtime::decode::AudioStream;
use runtime::resample::PieceResampler;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn decode(path: &Path) -> Option<usize> {
    let mut audio = AudioStream::open(path).ok()?;
    let (mut resampler, mut samples) = (None, 0);
    while let Some(block) = audio.next().ok()? {
        let resampler = match &mut resampler {
            Some(resampler) => resampler,
            None => resampler.insert(PieceResampler::new(block.sample_rate, 12_000).ok()?),
        };
        resampler.push(block.mono, |piece| samples += piece.len());
    }
    resampler?.flush(|piece| samples += piece.len());
    Some(samples)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(folder), threads) = (args.next(), args.next().and_then(|n| n.parse().ok()).unwrap_or(1)) else {
        eprintln!("usage: decode_alone FOLDER [THREADS]");
        std::process::exit(2);
    };
    let files: Vec<_> = audio_files(folder.as_ref()).filter_map(Result::ok).collect();
    let (next, samples, decoded) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(count) = decode(path) {
                        samples.fetch_add(count, Ordering::Relaxed);
                        decoded.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let hours = samples.into_inner() as f64 / 12_000.0 / 3600.0;
    println!("{} files, {hours:.2} hours: {:.3} s", decoded.into_inner(), started.elapsed().as_secs_f64());
}
