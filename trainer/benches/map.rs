//! How long a map of 10,000 songs takes: `cargo bench -p trainer --bench map`.

use std::time::Instant;
use trainer::similar::{MapOptions, map, quality};

fn main() {
    let (songs, width) = (10_000, 64);
    let mut state = 1u64;
    let mut dice = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let middles: Vec<f32> = (0..20 * width).map(|_| 4.0 * dice()).collect();
    let points: Vec<Vec<f32>> = (0..songs)
        .map(|song| (0..width).map(|axis| middles[song % 20 * width + axis] + dice()).collect())
        .collect();
    let started = Instant::now();
    let places = map(&points, MapOptions::default());
    let seconds = started.elapsed().as_secs_f64();
    let quality = quality(&points, &places, 10);
    println!("{songs} songs in {width} dimensions, 1000 steps: {seconds:.1} s, {quality:?}");
}
