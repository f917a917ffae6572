//! Oscillators: wavetables read by a 32-bit phase, and decaying sines by recurrence.

use std::f32::consts::TAU;
use std::sync::OnceLock;

use super::RATE;

const BITS: u32 = 11;
const SIZE: usize = 1 << BITS;

/// One period of a wave, with the first value repeated at the end for interpolation.
pub(super) struct Table(Vec<f32>);

impl Table {
    /// The sum of harmonics 1, 2, 3, ... with these amplitudes, in sine phase.
    pub fn of_harmonics(amplitudes: &[f32]) -> Self {
        let sine = sine();
        let mut table = vec![0.0; SIZE + 1];
        for (harmonic, amplitude) in (1..).zip(amplitudes) {
            for (i, value) in table.iter_mut().enumerate() {
                *value += amplitude * sine.0[(i * harmonic) & (SIZE - 1)];
            }
        }
        Self(table)
    }
}

fn sine() -> &'static Table {
    static SINE: OnceLock<Table> = OnceLock::new();
    SINE.get_or_init(|| Table((0..=SIZE).map(|i| (TAU * i as f32 / SIZE as f32).sin()).collect()))
}

/// A sawtooth for a note of this frequency, with no harmonic above 5.5 kHz.
pub(super) fn saw(hertz: f32) -> &'static Table {
    const HARMONICS: [usize; 8] = [3, 5, 7, 10, 14, 20, 30, 45];
    static SAWS: OnceLock<Vec<Table>> = OnceLock::new();
    let saws = SAWS.get_or_init(|| {
        let of = |n: &usize| Table::of_harmonics(&(1..=*n).map(|k| 0.6 / k as f32).collect::<Vec<_>>());
        HARMONICS.iter().map(of).collect()
    });
    let fits = HARMONICS.iter().filter(|&&n| n as f32 * hertz <= 5500.0).count();
    &saws[fits.saturating_sub(1)]
}

/// A wavetable oscillator.
pub(super) struct Oscillator<'a> {
    table: &'a [f32],
    phase: u32,
    step: u32,
}

impl<'a> Oscillator<'a> {
    /// Starts at `phase` (0..1 of a period).
    pub fn new(table: &'a Table, hertz: f32, phase: f32) -> Self {
        let mut new = Self { table: &table.0, phase: (phase * 4_294_967_296.0) as u32, step: 0 };
        new.tune(hertz);
        new
    }

    /// A sine.
    pub fn sine(hertz: f32, phase: f32) -> Self {
        Oscillator::new(sine(), hertz, phase)
    }

    /// Changes the frequency from the next sample on.
    #[inline]
    pub fn tune(&mut self, hertz: f32) {
        self.step = (hertz * (4_294_967_296.0 / RATE as f32)) as u32;
    }

    /// The next sample.
    #[inline]
    pub fn sample(&mut self) -> f32 {
        let index = (self.phase >> (32 - BITS)) as usize;
        let between = (self.phase << BITS) as f32 * (1.0 / 4_294_967_296.0);
        let (a, b) = (self.table[index], self.table[index + 1]);
        self.phase = self.phase.wrapping_add(self.step);
        a + (b - a) * between
    }
}

/// Adds a sine that dies away by a factor of 1000 in `seconds`.
pub(super) fn add_ring(out: &mut [f32], hertz: f32, seconds: f32, amplitude: f32) {
    let samples = (seconds * RATE as f32).max(1.0);
    let decay = 0.001_f32.powf(1.0 / samples);
    let angle = TAU * hertz / RATE as f32;
    let (turn_re, turn_im) = (decay * angle.cos(), decay * angle.sin());
    let (mut re, mut im) = (amplitude, 0.0_f32);
    for sample in out.iter_mut().take(samples as usize) {
        *sample += im;
        (re, im) = (re * turn_re - im * turn_im, re * turn_im + im * turn_re);
    }
}

/// A state-variable filter (Chamberlin's): low and band pass, stable for cutoffs under a sixth of the rate.
#[derive(Default)]
pub(super) struct Filter {
    low: f32,
    band: f32,
}

impl Filter {
    /// The coefficient for a cutoff in hertz.
    pub fn coefficient(hertz: f32) -> f32 {
        2.0 * (std::f32::consts::PI * hertz.min(RATE as f32 / 6.0) / RATE as f32).sin()
    }

    /// Takes one sample; returns (low, band). `damping` is 1/Q.
    #[inline]
    pub fn step(&mut self, input: f32, coefficient: f32, damping: f32) -> (f32, f32) {
        self.low += coefficient * self.band;
        let high = input - self.low - damping * self.band;
        self.band += coefficient * high;
        (self.low, self.band)
    }
}

/// A one-pole low pass.
pub(super) struct OnePole {
    share: f32,
    state: f32,
}

impl OnePole {
    /// Cutoff in hertz.
    pub fn new(hertz: f32) -> Self {
        Self { share: 1.0 - (-TAU * hertz / RATE as f32).exp(), state: 0.0 }
    }

    #[inline]
    pub fn low(&mut self, input: f32) -> f32 {
        self.state += self.share * (input - self.state);
        self.state
    }
}
