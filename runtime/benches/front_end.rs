//! Time of the front end on the paper's clip of 29.12 s:
//! `cargo bench --profile dev -p runtime --features std --bench front_end`.
//!
//! `compare_librosa.py` beside this file times librosa and this in one run.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use runtime::mel::{LogMel, MelConfig, log_mel, log_mel_codes};
use runtime::pcm::Pcm;

#[path = "../examples/common/noise.rs"]
mod noise;

fn front_end(criterion: &mut Criterion) {
    let config = MelConfig::MINIM;
    let samples = noise::clip();
    let pcm = Pcm::new(config.sample_rate, &samples);
    let mut group = criterion.benchmark_group("front end, 29.12 s at 12 kHz");
    group.throughput(Throughput::Elements(config.frames(samples.len()) as u64));
    group.bench_function("whole clip", |b| b.iter(|| log_mel(&config, black_box(pcm))));
    group.bench_function("whole clip, 8-bit codes", |b| b.iter(|| log_mel_codes(&config, black_box(pcm))));
    group.bench_function("stream, a frame at a time", |b| {
        let mut front_end = LogMel::<512, 96>::new(&config).expect("a valid configuration");
        b.iter(|| {
            let mut sum = 0.0;
            for piece in samples.chunks(config.hop_length) {
                let piece = Pcm::new(config.sample_rate, black_box(piece));
                front_end.push(piece, |frame| sum += frame[0]).expect("the right rate");
            }
            front_end.flush(|frame| sum += frame[0]);
            sum
        });
    });
    group.finish();
}

criterion_group!(benches, front_end);
criterion_main!(benches);
