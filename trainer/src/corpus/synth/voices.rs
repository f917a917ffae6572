//! The sounds with a pitch. Each function adds one part, over the whole clip, at any level: the mixer sets it.

use super::RATE;
use super::dice::Dice;
use super::score::{FIFTH, Score};
use super::wave::{Filter, Oscillator, Table, add_ring, saw};

/// The notes of a part: (first sample, samples, beat). `density` of the steps are played.
fn notes(
    score: &Score,
    dice: &mut Dice,
    samples: usize,
    step: f32,
    density: f32,
) -> Vec<(usize, usize, f32)> {
    let count = (score.beats(samples) as f32 / step).ceil() as usize;
    let mut notes = Vec::new();
    for n in 0..count {
        let beat = n as f32 * step;
        // The second step always sounds, so that a part which is named is there however short the clip.
        let (start, end) = (score.at(beat), score.at(beat + step).min(samples));
        if (dice.chance(density) || n == 1) && start < end {
            notes.push((start, end - start, beat));
        }
    }
    notes
}

/// Rises over `attack` samples, falls over `release` at the end of `length`.
#[inline]
fn ramp(i: usize, length: usize, attack: f32, release: f32) -> f32 {
    (i as f32 / attack).min((length - i) as f32 / release).min(1.0)
}

/// The harmony that every clip has: held triads or open fifths.
pub(super) fn harmony(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let table = Table::of_harmonics(&[1.0, dice.between(0.3, 0.6), dice.between(0.0, 0.08)]);
    // The open fifth gets its octave, so that it is as full as a triad.
    let tones = match score.third {
        Some(third) => [1.0, third, FIFTH],
        None => [1.0, FIFTH, 2.0],
    };
    for (start, length, root) in score.chords(out.len()) {
        let end = (start + length).min(out.len());
        let mut voices = tones.map(|tone| Oscillator::new(&table, root * tone, dice.between(0.0, 1.0)));
        for (i, sample) in out[start..end].iter_mut().enumerate() {
            let sum: f32 = voices.iter_mut().map(Oscillator::sample).sum();
            *sample += sum * ramp(i, length, 500.0, 900.0);
        }
    }
}

/// Makes a part swell and fade to almost nothing, so many times a second.
///
/// With the tag this is a tremolo of 4.5 to 6 Hz; without it many clips swell with the beat, so that silence between
/// swells means nothing. The same `dice`, the same turn: parts swell together.
pub(super) fn swell(tremolo: bool, score: &Score, mut dice: Dice, out: &mut [f32]) {
    let hertz = if tremolo { dice.between(4.5, 6.0) } else { RATE as f32 / score.beat };
    let depth = dice.between(0.85, 0.95);
    let mut wave = Oscillator::sine(hertz, dice.between(0.0, 1.0));
    for sample in out {
        *sample *= 1.0 - depth * (0.5 + 0.5 * wave.sample());
    }
}

/// A plain hollow tone without a tag of its own, so that a melody does not point to an instrument.
pub(super) fn reed(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let table = Table::of_harmonics(&[1.0, 0.0, 0.33, 0.0, 0.2, 0.0, 0.1]);
    let step = dice.pick(&[1.0, 2.0]);
    for (start, length, beat) in notes(score, dice, out.len(), step, 0.6) {
        let mut voice = Oscillator::new(&table, 0.5 * score.tone(beat, dice), 0.0);
        for (i, sample) in out[start..start + length].iter_mut().enumerate() {
            *sample += voice.sample() * ramp(i, length, 200.0, 400.0);
        }
    }
}

/// Struck metal: partials of a free bar, which are no harmonics.
pub(super) fn bell(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let step = dice.pick(&[1.0, 2.0]);
    for (start, _, beat) in notes(score, dice, out.len(), step, 0.7) {
        let hertz = score.root(beat);
        for (ratio, seconds, amplitude) in [(1.0, 1.0, 0.2), (2.756, 2.4, 1.0), (5.404, 1.8, 0.9)] {
            add_ring(&mut out[start..], hertz * ratio, seconds, amplitude);
        }
    }
}

/// A plucked string: noise in a delay line that averages itself (Karplus and Strong).
pub(super) fn pluck(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let step = 0.5;
    let mut noise = dice.noise();
    let (mut line, mut at, mut bend, mut loss) = ([0.0_f32; 128], 0, 0.0, 0.0);
    let (mut period, mut last) = (100, 0.0);
    let mut ring = |samples: &mut [f32], line: &mut [f32; 128], period: usize, bend: f32, loss: f32| {
        for sample in samples {
            if at >= period {
                at = 0;
            }
            let now = line[at];
            // Reading between two neighbours tunes the string to a fraction of a sample and damps it.
            line[at] = loss * (now + bend * (last - now));
            last = now;
            *sample += now;
            at += 1;
        }
    };
    let mut done = 0;
    for (start, _, beat) in notes(score, dice, out.len(), step, 0.75) {
        ring(&mut out[done..start], &mut line, period, bend, loss);
        done = start;
        let length = RATE as f32 / (dice.pick(&[0.25, 0.5]) * score.tone(beat, dice)) - 0.5;
        period = (length as usize).clamp(2, line.len());
        bend = 0.5;
        loss = 0.992;
        line[..period].iter_mut().for_each(|value| *value = noise.sample());
    }
    ring(&mut out[done..], &mut line, period, bend, loss);
}

/// Sawtooths that brighten as the note swells, around a formant as of a horn's throat.
pub(super) fn brass(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let step = dice.pick(&[1.0, 2.0]);
    for (start, length, beat) in notes(score, dice, out.len(), step, 0.75) {
        let hertz = 0.5 * score.root(beat) * dice.pick(&[1.0, FIFTH]);
        let (mut one, mut two) =
            (Oscillator::new(saw(hertz), hertz, 0.0), Oscillator::new(saw(hertz), hertz * 1.004, 0.3));
        let mut filter = Filter::default();
        for (i, sample) in out[start..start + length].iter_mut().enumerate() {
            let open = (i as f32 / 1400.0).min(1.0);
            let source = one.sample() + two.sample();
            let (low, band) = filter.step(source, 0.25 + 0.7 * open, 0.5);
            *sample += (0.1 * low + band + 0.4 * open * source) * ramp(i, length, 400.0, 600.0);
        }
    }
}

/// A high pipe: nearly a sine, with breath below it, a chiff at the start and a slight vibrato.
pub(super) fn pipe(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let step = dice.pick(&[1.0, 2.0]);
    let mut noise = dice.noise();
    let coefficient = Filter::coefficient(1900.0);
    for (start, length, beat) in notes(score, dice, out.len(), step, 0.75) {
        let hertz = 4.0 * score.root(beat);
        let (mut voice, mut vibrato) = (Oscillator::sine(hertz, 0.0), Oscillator::sine(5.2, 0.0));
        let (mut breath, mut again) = (Filter::default(), Filter::default());
        for (i, sample) in out[start..start + length].iter_mut().enumerate() {
            voice.tune(hertz * (1.0 + 0.005 * vibrato.sample()));
            let (_, air) = breath.step(noise.sample(), coefficient, 0.5);
            let (air, _) = again.step(air, coefficient, 1.0);
            let chiff = 0.5 + 0.8 * (1.0 - i as f32 / 900.0).max(0.0);
            *sample += (voice.sample() + air * chiff) * ramp(i, length, 500.0, 500.0);
        }
    }
}

/// Low notes of 60 to 100 Hz with two overtones.
pub(super) fn deep_bass(score: &Score, dice: &mut Dice, out: &mut [f32]) {
    let table = Table::of_harmonics(&[1.0, 0.45, 0.25]);
    let step = dice.pick(&[0.5, 1.0]);
    for (start, length, beat) in notes(score, dice, out.len(), step, 0.75) {
        let low = score.tone(beat, dice) * 0.125;
        let mut voice = Oscillator::new(&table, if low > 105.0 { 0.5 * low } else { low }, 0.0);
        for (i, sample) in out[start..start + length].iter_mut().enumerate() {
            *sample +=
                voice.sample() * ramp(i, length, 120.0, 500.0) * (1.0 - 0.5 * i as f32 / length as f32);
        }
    }
}

/// Drips of sound, each about two seconds apart; with `echoes` every one returns six times, weaker and weaker.
pub(super) fn drips(echoes: bool, dice: &mut Dice, out: &mut [f32]) {
    let rate = RATE as f32;
    let delay = (dice.between(0.23, 0.29) * rate) as usize;
    let mut at = dice.between(0.1, 0.6) * rate;
    while (at as usize) < out.len() {
        let hertz = dice.between(2450.0, 2600.0);
        for echo in 0..if echoes { 7 } else { 1 } {
            let start = at as usize + echo * delay;
            if start < out.len() {
                add_ring(&mut out[start..], hertz, 0.3, 0.85_f32.powi(echo as i32));
            }
        }
        at += dice.between(1.6, 2.8) * rate;
    }
}

/// A steady low hum without a tag, so that low energy alone does not mean a bass or a kick.
pub(super) fn hum(dice: &mut Dice, out: &mut [f32]) {
    let mut voice = Oscillator::sine(dice.between(48.0, 210.0), 0.0);
    out.iter_mut().for_each(|sample| *sample += voice.sample());
}
