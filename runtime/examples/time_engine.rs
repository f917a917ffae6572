//! Times packed models in the integer engine on one core: `time_engine ROUNDS FRAMES FILE.bin...`.
//!
//! Each round runs every file twice: `batch`, as [`runtime::tagger::Tagger`] runs a song, and `stream`, frame by frame as a
//! device does. Prints one line each: median and least milliseconds, way and kernel, file. Pin it to a core with
//! `taskset -c 0`, and compare least times where the machine is not idle.

use runtime::engine::{Batch, Engine, state_words};
use runtime::packed::PackedModel;
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, frames, files @ ..] = &args[..] else {
        return Err("usage: time_engine ROUNDS FRAMES FILE.bin...".into());
    };
    let (rounds, frames): (usize, usize) = (rounds.parse()?, frames.parse()?);
    let bytes: Vec<Vec<u8>> = files.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    let models: Vec<PackedModel<'_>> =
        bytes.iter().map(|bytes| PackedModel::parse(bytes)).collect::<Result<_, _>>()?;
    for (model, file) in models.iter().zip(files) {
        let bands = model.mel_config().mel_bands;
        let codes: Vec<u8> = (0..frames * bands).map(|i| (200 - i * 7919 % 200) as u8).collect();
        let batch = Batch::new(model);
        let mut state = vec![0; state_words(model, model.stride())?];
        let mut engine = Engine::new(model, &mut state)?;
        let (mut whole, mut streamed) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            std::hint::black_box(batch.run(&codes));
            whole.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            engine.reset();
            codes.chunks(bands).for_each(|frame| {
                engine.push(frame, |answer| {
                    std::hint::black_box(answer.window());
                })
            });
            streamed.push(start.elapsed().as_secs_f64() * 1e3);
        }
        for (way, times) in
            [(format!("batch-{}", batch.kernel()), &mut whole), ("stream".into(), &mut streamed)]
        {
            times.sort_by(f64::total_cmp);
            let (Some(least), median) = (times.first(), times[times.len() / 2]) else { continue };
            println!("{median:8.3} ms, least {least:8.3} ms  {way}  {file}");
        }
    }
    Ok(())
}
