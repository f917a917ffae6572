//! Times ONNX files in tract on one core: `time_onnx ROUNDS FRAMES FILE...`.
//!
//! Every file takes `[1, 96, FRAMES]`, or what `SHAPE=1,187,96` says. Each round runs every file in three ways: `fused`
//! (as [`runtime::tagger::Tagger`] runs it: blocks as one operation, any number of frames), `fixed` (the same, but tract
//! knows the number of frames beforehand) and `plain` (tract's own operations, frames known beforehand). Prints one
//! line each: median and least milliseconds, way, file. Pin it to a core with `taskset -c 0`, and compare least times
//! where the machine is not idle.

use runtime::tagger::{AxisSize, Network, NetworkSpec};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, frames, files @ ..] = &args[..] else {
        return Err("usage: time_onnx ROUNDS FRAMES FILE...".into());
    };
    let (rounds, frames): (usize, usize) = (rounds.parse()?, frames.parse()?);
    let shape: Vec<usize> = match std::env::var("SHAPE") {
        Ok(shape) => shape.split(',').map(str::parse).collect::<Result<_, _>>()?,
        Err(_) => vec![1, 96, frames],
    };
    let fixed: Vec<AxisSize> = shape.iter().map(|&size| AxisSize::Fixed(size)).collect();
    let mut changing = fixed.clone();
    if let Some(last) = changing.last_mut() {
        *last = AxisSize::UpTo(frames);
    }
    let mut networks = Vec::new();
    for file in files {
        for (way, shape, fuse) in
            [("fused", &changing, true), ("fixed", &fixed, true), ("plain", &fixed, false)]
        {
            let spec = NetworkSpec { input: None, shape, outputs: &[], fuse };
            match Network::open(Path::new(file), &spec) {
                Ok(network) => networks.push((network, way, file, Vec::new())),
                Err(error) => eprintln!("{way}: {error}"),
            }
        }
    }
    // Decibels of a kind: what a network computes does not depend on them, how long it takes hardly.
    let input: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| -((i * 7919 % 200) as f32) * 0.5).collect();
    for _ in 0..rounds {
        for (network, _, _, times) in &mut networks {
            let start = Instant::now();
            std::hint::black_box(network.run(&shape, &input)?);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    for (network, way, file, times) in &mut networks {
        times.sort_by(f64::total_cmp);
        let (Some(least), median) = (times.first(), times[times.len() / 2]) else { continue };
        println!("{median:8.3} ms, least {least:8.3} ms  {way:5} {} blocks  {file}", network.fused());
    }
    Ok(())
}
