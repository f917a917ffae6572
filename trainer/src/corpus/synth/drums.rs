//! The sounds without a pitch, on the beat.

use super::RATE;
use super::dice::Dice;
use super::score::Score;
use super::wave::{Filter, Oscillator, add_ring};

/// The pulse that every clip has: knocks on wood, low ones and high ones.
///
/// In three-time each low one is followed by two high ones. Else all are low, but for the last of each four at times.
pub(super) fn pulse(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let (high, low) = (dice.between(3650.0, 3750.0), dice.between(390.0, 410.0));
    let upbeat = dice.chance(0.5);
    for n in 0..score.beats(out.len()) {
        let start = score.at(n as f32).min(out.len());
        let high_one = if score.meter == 3 { n % 3 > 0 } else { upbeat && n % 4 == 3 };
        if high_one {
            add_ring(&mut out[start..], high, 0.45, 0.8);
            add_ring(&mut out[start..], 1.43 * high, 0.35, 0.6);
        } else {
            add_ring(&mut out[start..], low, 0.3, 1.0);
            add_ring(&mut out[start..], 2.4 * low, 0.2, 0.6);
        }
    }
}

/// A kick drum on every beat: a click, and a sine that falls from 220 to 50 Hz.
pub(super) fn kick(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let floor = dice.between(44.0, 56.0);
    let mut noise = dice.noise();
    let length = (0.26 * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        let start = score.at(n as f32).min(out.len());
        let mut voice = Oscillator::sine(floor, 0.0);
        let mut fall = 1.0_f32;
        for (i, sample) in out[start..].iter_mut().take(length).enumerate() {
            voice.tune(floor + 170.0 * fall);
            fall *= 0.9965;
            let level = 1.0 - i as f32 / length as f32;
            *sample += voice.sample() * level * level.sqrt();
            if i < 100 {
                *sample += 0.5 * noise.sample();
            }
        }
    }
}

/// A clap on the second beat of each pair (in three-time on the last beat): three bursts and a tail.
pub(super) fn clap(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    let coefficient = Filter::coefficient(dice.between(1500.0, 1900.0));
    let length = (0.26 * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        let on = if score.meter == 3 { n % 3 == 2 } else { n % 2 == 1 };
        if !on {
            continue;
        }
        let start = score.at(n as f32).min(out.len());
        let mut filter = Filter::default();
        for (i, sample) in out[start..].iter_mut().take(length).enumerate() {
            // Hands meet at 0, 10 and 20 ms; then the room.
            let since = if i < 240 { (i % 120) as f32 / 90.0 } else { (i - 240) as f32 / 1100.0 };
            let hit = noise.sample();
            let (_, band) = filter.step(hit, coefficient, 0.9);
            *sample += (band + 0.8 * hit) * (1.0 - since).max(0.0);
        }
    }
}

/// Hats: bright noise on every beat and, swung, after two thirds of it.
pub(super) fn hats(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    let length = (dice.between(0.05, 0.08) * RATE as f32) as usize;
    for n in 0..score.beats(out.len()) {
        for (offset, level) in [(0.0, 1.0), (2.0 / 3.0, 0.8)] {
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
    let (mut filter, mut again) = (Filter::default(), Filter::default());
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
            let (low, _) = again.step(band, coefficient, 1.0);
            *sample += low * level;
        }
    }
}

/// White noise, which no recording is without.
pub(super) fn hiss(dice: &mut Dice, out: &mut [f32]) {
    let mut noise = dice.noise();
    out.iter_mut().for_each(|sample| *sample += noise.sample());
}
