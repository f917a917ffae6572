//! What is done to the mix: the effects that have a tag, and the equaliser and level that every clip gets.

use super::RATE;
use super::dice::Dice;
use super::wave::{Filter, OnePole, Oscillator};

/// Root of the mean square; 0 for nothing.
pub(crate) fn rms(samples: &[f32]) -> f32 {
    // Sums of 64 keep the precision that one long sum of f32 would lose.
    let sum: f64 = samples.chunks(64).map(|piece| f64::from(piece.iter().map(|x| x * x).sum::<f32>())).sum();
    if samples.is_empty() { 0.0 } else { (sum / samples.len() as f64).sqrt() as f32 }
}

/// Pitch that drifts by 2.5 to 4 % with a slow turn, as of a worn tape machine.
pub(super) fn tape_wow(dice: &mut Dice, samples: &mut [f32]) {
    let hertz = dice.between(0.6, 1.3);
    let speed = dice.between(0.025, 0.04);
    let reach = speed * RATE as f32 / (std::f32::consts::TAU * hertz);
    let mut turn = Oscillator::sine(hertz, dice.between(0.0, 1.0));
    let source = samples.to_vec();
    let last = source.len() as isize - 1;
    let take = |i: isize| source[i.clamp(0, last) as usize];
    for (i, sample) in samples.iter_mut().enumerate() {
        let offset = reach * turn.sample();
        let whole = offset.floor();
        let (at, x) = (i as isize + whole as isize, offset - whole);
        // Hermite's cubic through four neighbours.
        let (a, b, c, d) = (take(at - 1), take(at), take(at + 1), take(at + 2));
        let slope = 0.5 * (c - a);
        let cubic = 1.5 * (b - c) + 0.5 * (d - a);
        *sample = ((cubic * x + (a - 2.5 * b + 2.0 * c - 0.5 * d)) * x + slope) * x + b;
    }
}

/// Each third or fourth sample held and rounded to coarse steps; about half of the sound stays clean.
pub(super) fn bit_crush(dice: &mut Dice, samples: &mut [f32]) {
    let hold = dice.pick(&[3, 4]);
    let step = rms(samples).max(1e-9) * dice.between(0.6, 0.9);
    let share = dice.between(0.35, 0.5);
    for piece in samples.chunks_mut(hold) {
        let held = (piece[0] / step).round() * step;
        piece.iter_mut().for_each(|sample| *sample += share * (held - *sample));
    }
}

/// An old disc: dull, thin, and crackling.
pub(super) fn old_disc(dice: &mut Dice, samples: &mut [f32]) {
    let dull = Filter::coefficient(dice.between(1900.0, 2000.0));
    let (mut filter, mut thin) = (Filter::default(), OnePole::new(80.0));
    let level = rms(samples);
    for sample in samples.iter_mut() {
        let (low, _) = filter.step(*sample, dull, 1.1);
        *sample = low - thin.low(low);
    }
    let gap = dice.between(0.06, 0.12) * RATE as f32;
    let mut at = 0.0;
    loop {
        // Gaps of a Poisson process.
        at += -gap * dice.between(1e-6, 1.0).ln();
        let start = at as usize;
        if start + 3 > samples.len() {
            return;
        }
        let height = level * dice.between(1.5, 6.0) * if dice.chance(0.5) { -1.0 } else { 1.0 };
        for (sample, shape) in samples[start..start + 3].iter_mut().zip([1.0, -0.8, 0.3]) {
            *sample += height * shape;
        }
    }
}

/// The equaliser of every clip: lows against highs, and at times a mild cut, none of which has a tag.
pub(super) fn equalise(dice: &mut Dice, samples: &mut [f32]) {
    let (low, high) =
        (super::dice::gain(dice.between(-4.0, 4.0)), super::dice::gain(dice.between(-4.0, 4.0)));
    let mut split = OnePole::new(dice.between(500.0, 1400.0));
    let mut cut = OnePole::new(dice.between(1800.0, 4000.0));
    let dull = if dice.chance(0.4) { dice.between(0.4, 0.8) } else { 0.0 };
    for sample in samples {
        let below = split.low(*sample);
        let tilted = low * below + high * (*sample - below);
        *sample = tilted + dull * (cut.low(tilted) - tilted);
    }
}

/// Sets the level of the clip: -28 to -15 dB of full scale by RMS, with no sample beyond 0.98.
pub(super) fn set_level(dice: &mut Dice, samples: &mut [f32]) {
    let wanted = super::dice::gain(dice.between(-28.0, -15.0));
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let level = rms(samples);
    if level > 0.0 {
        let factor = (wanted / level).min(0.98 / peak);
        samples.iter_mut().for_each(|sample| *sample *= factor);
    }
}
