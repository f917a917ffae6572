//! Counting instructions, by SysTick in a QEMU whose time follows them.

use crate::is_layer;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{Peripherals, SYST};
use runtime::listen::Stage;
use runtime::packed::MAX_LAYERS;

/// `-icount shift=0` makes a nanosecond of each instruction, and the boards' SysTick counts at 25 MHz.
pub const INSTRUCTIONS_PER_TICK: u64 = 40;
/// SysTick has 24 bits.
const WRAP: u32 = 1 << 24;

/// The timer; it has to be read at least every 671 million instructions.
pub struct Counter {
    _syst: Option<SYST>,
}

impl Counter {
    /// Starts it.
    pub fn start() -> Self {
        let mut syst = Peripherals::take().map(|peripherals| peripherals.SYST);
        if let Some(syst) = &mut syst {
            syst.set_clock_source(SystClkSource::Core);
            syst.set_reload(WRAP - 1);
            syst.clear_current();
            syst.enable_counter();
        }
        Self { _syst: syst }
    }

    /// Ticks, counting down, modulo 2^24.
    #[inline(always)]
    pub fn now(&self) -> u32 {
        SYST::get_current()
    }
}

/// Where the instructions went.
pub struct Tally {
    layers: usize,
    /// Resampler, front end, each layer.
    ticks: [u64; 2 + MAX_LAYERS],
    stage: usize,
    last: u32,
    /// When the last answer was reported.
    reported: u64,
    /// The costliest frame so far and the one under way, network only.
    frame: u32,
    worst_frame: u32,
    frames: u64,
}

impl Tally {
    pub fn new(layers: usize) -> Self {
        let ticks = [0; 2 + MAX_LAYERS];
        Self { layers, ticks, stage: 0, last: 0, reported: 0, frame: 0, worst_frame: 0, frames: 0 }
    }

    /// Tagging goes on.
    pub fn begin(&mut self, now: u32) {
        self.last = now;
    }

    /// What comes now is `stage`; what was before it has ended.
    #[inline(always)]
    pub fn stage(&mut self, stage: Stage, now: u32) {
        let passed = self.last.wrapping_sub(now) % WRAP;
        self.last = now;
        self.ticks[self.stage] += u64::from(passed);
        if self.stage >= 2 {
            self.frame += passed;
        }
        if stage == Stage::Layer(0) {
            self.worst_frame = self.worst_frame.max(self.frame);
            self.frame = 0;
            self.frames += 1;
        }
        self.stage = match (is_layer(stage), stage) {
            (Some(layer), _) => 2 + layer,
            (None, Stage::FrontEnd) => 1,
            _ => 0,
        };
    }

    /// Instructions in all.
    pub fn total(&self) -> u64 {
        self.ticks.iter().sum::<u64>() * INSTRUCTIONS_PER_TICK
    }

    /// Instructions since this was asked last.
    pub fn since_reported(&mut self) -> u64 {
        let total = self.total();
        total - core::mem::replace(&mut self.reported, total)
    }

    /// Stages by name and, of layers, by number from 1 on, with their instructions.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, Option<usize>, u64)> + '_ {
        let name = |i| match i {
            0 => ("resampler", None),
            1 => ("front-end", None),
            i => ("layer-", Some(i - 1)),
        };
        self.ticks[..2 + self.layers].iter().enumerate().map(move |(i, ticks)| {
            let (name, layer) = name(i);
            (name, layer, ticks * INSTRUCTIONS_PER_TICK)
        })
    }

    /// Frames that went into the network.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Instructions of the network in the costliest frame, and in the mean one.
    pub fn worst_and_mean_frame(&self) -> (u64, u64) {
        let network: u64 = self.ticks[2..].iter().sum::<u64>() * INSTRUCTIONS_PER_TICK;
        (u64::from(self.worst_frame) * INSTRUCTIONS_PER_TICK, network / self.frames.max(1))
    }
}
