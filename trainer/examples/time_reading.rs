//! Times reading codes of clips from a file that is larger than the memory, in random order and in sequence, with and
//! without telling the system what is read next: `time_reading FILE [--gigabytes 4] [--batch 64]`.
//!
//! The file is made where there is none (half minutes: 1366 frames of 96 bands), and stays. Before every turn it is
//! dropped from the system's memory. That is fair only where a part of it at a time fits into memory; to have less of it,
//! run this with a limit, as `systemd-run --scope -p MemoryMax=1G -p MemorySwapMax=0 target/debug/examples/time_reading FILE`.
//! The last column is what came from the disk for each byte that was wanted, as Linux counts it.

use clap::Parser;
use memmap2::{Advice, Mmap};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use trainer::features::{as_told, will_need};

#[derive(Parser)]
struct Args {
    /// Where the codes are, or are made
    file: PathBuf,
    /// Size of a file that is made
    #[arg(long, default_value_t = 4.0)]
    gigabytes: f64,
    /// Clips in a step of a training
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Threads that read
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Milliseconds that a step of a training takes beside making the next batch, slept here
    #[arg(long, default_value_t = 0)]
    step_ms: u64,
    /// A turn ends after so long
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
}

/// Codes of a clip of half a minute.
const CLIP: usize = 1366 * 96;

/// What the system is told.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// Nothing.
    Nothing,
    /// That the order is random, so that it does not guess what is read next.
    Random,
    /// Which clips a batch is of, before it is made.
    Batch,
    /// Both.
    RandomAndBatch,
    /// Both, and the clips of the next batch as well.
    RandomAndNext,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    if !args.file.exists() {
        make(&args.file, (args.gigabytes * 1e9) as usize / CLIP)?;
    }
    let clips = std::fs::metadata(&args.file)?.len() as usize / CLIP;
    println!(
        "{clips} clips, {:.1} GB, batches of {}, {} threads",
        clips as f64 * CLIP as f64 / 1e9,
        args.batch,
        args.threads
    );
    println!("| order | told | MB/s | clips/s | read for each byte |\n|---|---|---:|---:|---:|");
    let sequence: Vec<usize> = (0..clips).collect();
    let mut random = sequence.clone();
    random.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    for (told, what) in [
        (Told::Nothing, "nothing"),
        (Told::Random, "not to guess"),
        (Told::Batch, "the batch"),
        (Told::RandomAndBatch, "not to guess, and the batch"),
        (Told::RandomAndNext, "not to guess, and the next batch too"),
    ] {
        for (order, name) in [(&sequence, "in sequence"), (&random, "random")] {
            turn(&args, order, name, told, what)?;
        }
    }
    Ok(())
}

fn turn(args: &Args, order: &[usize], name: &str, told: Told, what: &str) -> Result<(), Box<dyn Error>> {
    let file = File::open(&args.file)?;
    forget(&file)?;
    // SAFETY: nobody else writes to this file, which was made for this.
    let map = unsafe { Mmap::map(&file) }?;
    match told {
        Told::Nothing | Told::Batch => map.advise(Advice::Normal)?,
        _ => as_told(&map),
    }
    let codes = |clip: usize| &map[clip * CLIP..(clip + 1) * CLIP];
    let ask = |batch: &[usize]| batch.iter().for_each(|&clip| will_need(codes(clip)));
    let (before, started) = (read_from_disk(), Instant::now());
    let (mut read, mut sum) = (0, 0u64);
    let mut batches = order.chunks(args.batch).peekable();
    if told == Told::RandomAndNext {
        batches.peek().copied().into_iter().for_each(ask);
    }
    while let Some(batch) = batches.next() {
        match told {
            Told::Nothing | Told::Random => {}
            Told::Batch | Told::RandomAndBatch => ask(batch),
            Told::RandomAndNext => batches.peek().copied().into_iter().for_each(ask),
        }
        let sums = batch.par_iter().map(|&clip| codes(clip).iter().map(|&code| u64::from(code)).sum::<u64>());
        sum += sums.sum::<u64>();
        read += batch.len();
        std::thread::sleep(Duration::from_millis(args.step_ms));
        if started.elapsed().as_secs_f64() > args.seconds {
            break;
        }
    }
    std::hint::black_box(sum);
    let seconds = started.elapsed().as_secs_f64();
    let bytes = (read * CLIP) as f64;
    let times = match (before, read_from_disk()) {
        (Some(before), Some(after)) => format!("{:.2}", (after - before) as f64 / bytes),
        _ => String::new(),
    };
    println!("| {name} | {what} | {:.0} | {:.0} | {times} |", bytes / 1e6 / seconds, read as f64 / seconds);
    Ok(())
}

/// Bytes that this process had the disk read so far, where the system counts them.
fn read_from_disk() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("read_bytes: ")?.parse().ok())
}

/// Has the system drop what it holds of a file.
#[cfg(target_os = "linux")]
fn forget(file: &File) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    file.sync_all()?;
    // SAFETY: this is a hint about a file that is open; it changes no memory of ours.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        error => Err(std::io::Error::from_raw_os_error(error)),
    }
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File) -> std::io::Result<()> {
    Err(std::io::Error::other("this measures on Linux alone: elsewhere the file stays in memory"))
}

fn make(path: &Path, clips: usize) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 1u64;
    let mut clip = vec![0; CLIP];
    for _ in 0..clips {
        for codes in clip.chunks_mut(8) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            codes.copy_from_slice(&state.to_le_bytes()[..codes.len()]);
        }
        file.write_all(&clip)?;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}
