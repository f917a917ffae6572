//! Times training steps: `time_training --model k2c1 --budget 0.1M --batch 16 --frames 1366 --threads 2 --device cpu`.
//!
//! Every line on standard input is a number of steps to train; the answer is a line of JSON, `{"milliseconds": [...]}`, one
//! number per step. So another program can be timed in turns with it (`benches/training/compare_pytorch.py`). A step is
//! the forward pass, the loss, the backward pass and AdamW, on data that is there already. On a GPU steps are not
//! waited for one by one, and the milliseconds are the turn's mean.

use candle_core::{Device, Tensor};
use clap::Parser;
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;
use trainer::net::{Architecture, Budget, Dice, Model, Net, Network, PAPER_POOLS};
use trainer::train::Precision;
use trainer::train::adamw::AdamW;
use trainer::train::loss::masked_bce;
use trainer::train::precision::Multiplying;

#[derive(Parser)]
struct Args {
    /// Network.
    #[arg(long)]
    model: Model,
    /// Parameters.
    #[arg(long)]
    budget: Budget,
    /// Clips in a step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Frames of a clip.
    #[arg(long, default_value_t = 1366)]
    frames: usize,
    /// Threads of the CPU.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// `cpu` or `cuda`.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// What products on a GPU are made in: `f32`, `tf32` or `bf16`.
    #[arg(long, default_value = "f32")]
    precision: String,
}

const BANDS: usize = 96;
const TAGS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    trainer::allocator::keep_freed_memory();
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    let device = match args.device.as_str() {
        "cpu" => Device::Cpu,
        "cuda" => Device::new_cuda(0)?,
        other => return Err(format!("no device `{other}`: cpu or cuda").into()),
    };
    let precision = match args.precision.as_str() {
        "f32" => Precision::Float32,
        "tf32" => Precision::Tf32,
        "bf16" => Precision::Bf16,
        other => return Err(format!("no precision `{other}`: f32, tf32 or bf16").into()),
    };
    let _multiplying = Multiplying::by(precision, &device)?;
    let architecture = Architecture::new(args.model, args.budget, BANDS, &PAPER_POOLS, TAGS)?;
    let mut network = Net::new(&architecture, 1, &device)?;
    let mut optimiser = AdamW::new(network.parameters(), 0.01)?;
    let noise = |count: usize| -> Vec<f32> {
        (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 32768.0 - 1.0).collect()
    };
    let x =
        Tensor::from_vec(noise(args.batch * BANDS * args.frames), (args.batch, BANDS, args.frames), &device)?;
    let targets: Vec<f32> =
        noise(args.batch * TAGS).into_iter().map(|v| f32::from(u8::from(v > 0.8))).collect();
    let targets = Tensor::from_vec(targets, (args.batch, TAGS, 1), &device)?;
    let weights = targets.ones_like()?;

    let mut step = 0;
    for line in std::io::stdin().lock().lines() {
        let steps: usize = line?.trim().parse()?;
        let mut milliseconds = Vec::with_capacity(steps);
        let turn = Instant::now();
        for _ in 0..steps {
            let start = Instant::now();
            let logits = network.forward_train(&x, Dice { seed: 1, step })?;
            let loss = masked_bce(&logits, &targets, &weights)?;
            optimiser.step(&loss.backward()?, 1e-4)?;
            step += 1;
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        }
        device.synchronize()?;
        if !device.is_cpu() {
            milliseconds = vec![turn.elapsed().as_secs_f64() * 1e3 / steps.max(1) as f64; steps];
        }
        println!("{}", serde_json::json!({ "milliseconds": milliseconds }));
        std::io::stdout().flush()?;
    }
    Ok(())
}
