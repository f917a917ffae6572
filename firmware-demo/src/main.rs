//! Tags a WAV file as if it came from a microphone, and says what it hears over the serial line.
//!
//! Runs on the Cortex-M boards of QEMU that `memory.x` names; everything between samples and tags is `runtime`'s.
#![no_std]
#![no_main]

mod counter;
mod memory;
mod panic;
mod semihosting;
mod speaker;
mod uart;
mod wav;

use counter::{Counter, Tally};
use cortex_m_rt::entry;
use runtime::engine::Engine;
use runtime::include_model;
use runtime::listen::{Listener, Stage};
use runtime::packed::PackedModel;
use runtime::resample::{Channels, Resampler};
use semihosting::{Failure, exit};
use speaker::Speaker;

#[cfg(not(feature = "large"))]
static MODEL: &[u8] = include_model!("../../models/k2c1-msd50-0.1m/model.bin");
#[cfg(feature = "large")]
static MODEL: &[u8] = include_model!("../../models/k2c1-msd50/model.bin");

/// Words of network state: what `runtime::engine::state_words` says, which the program checks when it starts.
#[cfg(not(feature = "large"))]
const STATE: usize = 1173;
#[cfg(feature = "large")]
const STATE: usize = 1757;

/// Samples that are read at a time: 5 ms at 48 kHz in stereo.
const PIECE: usize = 480;

#[entry]
fn main() -> ! {
    memory::paint();
    match run() {
        Ok(()) => exit(true),
        Err(failure) => {
            speaker::say_plainly(&failure);
            exit(false)
        }
    }
}

fn run() -> Result<(), Failure> {
    let model = PackedModel::parse(MODEL).map_err(|_| Failure::new("the model in flash is damaged"))?;
    let path = semihosting::argument()?;
    let mut wav = wav::Wav::open(path.as_str())?;
    let engine = Engine::<STATE>::new(&model).map_err(|_| Failure::new("STATE is too small for the model"))?;
    #[cfg(not(feature = "at-once"))]
    let engine = engine.spread();
    let resampler = resampler(wav.sample_rate, wav.channels)?;
    let mut listener = Listener::of(resampler, engine).map_err(|_| Failure::new("another front end"))?;

    let mut speaker = Speaker::new();
    speaker.hello(&model, wav.sample_rate);
    let counter = Counter::start();
    let mut tally = Tally::new(model.layers().len());
    let mut piece = [0i16; PIECE];
    loop {
        let read = wav.read(&mut piece)?;
        if read == 0 {
            break;
        }
        // What the file system of the host takes is no part of the tagging, nor is what the serial line does.
        let mut answered = false;
        tally.begin(counter.now());
        listener.push_observed(&piece[..read], |answer| {
            answered = true;
            speaker.hold(&answer);
        }, |stage| tally.stage(stage, counter.now()));
        if answered {
            speaker.scores(&listener, wav.heard_milliseconds(), &mut tally);
        }
    }
    listener.flush(|answer| speaker.hold(&answer));
    speaker.scores(&listener, wav.heard_milliseconds(), &mut tally);
    speaker.end(&listener, &tally);
    speaker.report(&tally, wav.heard_milliseconds(), memory::used());
    Ok(())
}

#[cfg(not(feature = "any-rate"))]
fn resampler(sample_rate: u32, channels: Channels) -> Result<Resampler, Failure> {
    use runtime::resample::Filter;
    let filter = Filter::FROM_48_KHZ;
    if sample_rate != filter.sample_rate() {
        return Err(Failure::new("the file is not at 48 kHz, and this was built without the feature any-rate"));
    }
    Ok(Resampler::with_filter(filter, channels))
}

#[cfg(feature = "any-rate")]
fn resampler(sample_rate: u32, channels: Channels) -> Result<Resampler, Failure> {
    use runtime::resample::Source;
    Resampler::new(Source { sample_rate, channels })
        .map_err(|_| Failure::new("the file's rate is none of 12, 16, 22.05, 32, 44.1 and 48 kHz"))
}

/// For the tally's names of stages.
pub(crate) fn is_layer(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Layer(layer) => Some(layer),
        _ => None,
    }
}
