//! The sounds without a pitch, on the beat.

use super::RATE;
use super::dice::Dice;
use super::score::Score;
use super::wave::{Filter, Oscillator, add_ring};

/// The pulse that every clip has: a wooden knock on each beat, heavy and low on the accents.
///
/// In three-time every third beat is heavy; else every second is, the first of the bar most.
pub(super) fn pulse(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let high = dice.between(1500.0, 2600.0);
    let low = dice.between(350.0, 600.0);
    for n in 0..score.beats(out.len()) {
        let start = score.at(n as f32).min(out.len());
        let heavy = match (score.meter, n % score.meter) {
            (_, 0) => 1.0,
            (4, 2) => 0.7,
            _ => 0.0,
        };
        add_ring(&mut out[start..], high, 0.07, 0.35);
        if heavy > 0.0 {
            add_ring(&mut out[start..], low, 0.25, heavy);
        }
    }
}

/// A kick drum on every beat: a sine that falls from 160 to 48 Hz.
pub(super) fn kick(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let floor = dice.between(44.0, 56.0);
    let length = (0.22 * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        let start = score.at(n as f32).min(out.len());
        let mut voice = Oscillator::sine(floor, 0.0);
        let mut fall = 1.0_f32;
        for (i, sample) in out[start..].iter_mut().take(length).enumerate() {
            voice.tune(floor + 170.0 * fall);
            fall *= 0.9965;
            let level = 1.0 - i as f32 / length as f32;
            *sample += voice.sample() * level * level.sqrt();
        }
    }
}

/// A clap on the second beat of each pair (in three-time on the last beat): three bursts and a tail.
pub(super) fn clap(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    let coefficient = Filter::coefficient(dice.between(1000.0, 1500.0));
    let length = (0.16 * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        let on = if score.meter == 3 { n % 3 == 2 } else { n % 2 == 1 };
        if !on {
            continue;
        }
        let start = score.at(n as f32).min(out.len());
        let mut filter = Filter::default();
        for (i, sample) in out[start..].iter_mut().take(length).enumerate() {
            // Hands meet at 0, 10 and 20 ms; then the room.
            let since = if i < 240 { (i % 120) as f32 / 90.0 } else { (i - 240) as f32 / 350.0 };
            let (_, band) = filter.step(noise.sample(), coefficient, 0.9);
            *sample += band * (1.0 - since).max(0.0);
        }
    }
}

/// Hats: bright noise on every beat and between the beats, halfway or, when swung, after two thirds.
pub(super) fn hats(swung: bool, score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    let between = if swung { 2.0 / 3.0 } else { 0.5 };
    let length = (dice.between(0.04, 0.06) * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        for (offset, level) in [(0.0, 1.0), (between, 0.8)] {
            let start = score.at(n as f32 + offset).min(out.len());
            let (mut before, mut earlier) = (0.0, 0.0);
            for (i, sample) in out[start..].iter_mut().take(length).enumerate() {
                let now = noise.sample();
                // Differences pass the highest octave.
                let fall = 1.0 - i as f32 / length as f32;
                *sample += level * (now - 2.0 * before + earlier) * fall * fall;
                (before, earlier) = (now, before);
            }
        }
    }
}

/// A wash of noise: a band that swells and wanders slowly.
pub(super) fn wash(dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    let mut wander = Oscillator::sine(dice.between(0.1, 0.3), dice.between(0.0, 1.0));
    let mut swell = Oscillator::sine(dice.between(0.15, 0.4), dice.between(0.0, 1.0));
    let middle = dice.between(900.0, 1400.0);
    let mut filter = Filter::default();
    for piece in out.chunks_mut(64) {
        // Slow enough to be held for 64 samples, 5 ms.
        let coefficient = Filter::coefficient(middle * (1.0 + 0.6 * wander.sample()));
        let level = 0.6 + 0.4 * swell.sample();
        (1..piece.len()).for_each(|_| {
            wander.sample();
            swell.sample();
        });
        for sample in piece {
            let (_, band) = filter.step(noise.sample(), coefficient, 0.8);
            *sample += band * level;
        }
    }
}

/// White noise, which no recording is without.
pub(super) fn hiss(dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    out.iter_mut().for_each(|sample| *sample += noise.sample());
}
