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

use cortex_m_rt::entry;
use counter::{Counter, Tally};
use runtime::include_model;
use runtime::listen::{Listener, SAMPLE_WORDS, Stage};
use runtime::packed::PackedModel;
use runtime::resample::Filter;
use semihosting::{Failure, exit};
use speaker::Speaker;

#[cfg(not(feature = "large"))]
static MODEL: &[u8] = include_model!("../../models/k2c1-msd50-0.1m/model.bin");
#[cfg(feature = "large")]
static MODEL: &[u8] = include_model!("../../models/k2c1-msd50/model.bin");

/// Words of memory: what `runtime::listen::memory_words` says, which is checked when the program starts.
#[cfg(not(feature = "large"))]
const MEMORY: usize = SAMPLE_WORDS + 1173;
#[cfg(feature = "large")]
const MEMORY: usize = SAMPLE_WORDS + 1757;

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
    let mut wav = open()?;
    let mut memory = [0; MEMORY];
    let filter = filter(wav.sample_rate)?;
    let mut listener = Listener::with(&model, filter, wav.channels, model.stride(), &mut memory)
        .map_err(|_| Failure::new("MEMORY does not fit the model"))?;
    #[cfg(not(feature = "at-once"))]
    listener.spread();

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
        listener.push_observed(
            &piece[..read],
            |answer| {
                answered = true;
                speaker.hold(&answer);
            },
            |stage| tally.stage(stage, counter.now()),
        );
        if answered {
            speaker.scores(&listener, wav.heard_milliseconds(), &mut tally);
        }
    }
    let mut answered = false;
    listener.flush(|answer| {
        answered = true;
        speaker.hold(&answer);
    });
    if answered {
        speaker.scores(&listener, wav.heard_milliseconds(), &mut tally);
    }
    speaker.report(&tally, wav.heard_milliseconds(), memory::used());
    speaker.end(&listener, &tally);
    Ok(())
}

/// The file on the command line. Its name needs no room any more when the music begins.
#[inline(never)]
fn open() -> Result<wav::Wav, Failure> {
    wav::Wav::open(semihosting::argument()?.as_str())
}

/// Without the feature any-rate only one filter's taps are in flash.
fn filter(sample_rate: u32) -> Result<&'static Filter, Failure> {
    #[cfg(feature = "any-rate")]
    let filter = Filter::from_rate(sample_rate);
    #[cfg(not(feature = "any-rate"))]
    let filter = Some(Filter::FROM_48_KHZ).filter(|filter| filter.sample_rate() == sample_rate);
    filter.ok_or(Failure::new("no filter for this rate: see any-rate"))
}

/// For the tally's names of stages.
pub(crate) fn is_layer(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Layer(layer) => Some(layer),
        _ => None,
    }
}
