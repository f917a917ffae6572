//! Puts a clip together: every part at its level, then the production.

use super::dice::{Dice, gain};
use super::score::Score;
use super::{Tag, drums, production, voices};

/// A part of the mix: the tag it stands for, if any, and how it is played.
struct Part {
    tag: Option<Tag>,
    /// Probability of the part when its tag is not set: a decoy, or 1 for what every clip has.
    otherwise: f32,
    /// Range of its RMS in dB; the harmony lies at -7 to -2.
    level: (f32, f32),
    /// Whether the tremolo reaches it: all but drums and drips.
    held: bool,
    /// Hears whether the tag is set, for parts that also appear as decoys.
    play: fn(&Score, bool, &mut Dice, &mut [f32]),
}

type Play = fn(&Score, bool, &mut Dice, &mut [f32]);

const fn held(tag: Option<Tag>, otherwise: f32, level: (f32, f32), play: Play) -> Part {
    Part { tag, otherwise, level, held: true, play }
}

const fn struck(tag: Option<Tag>, otherwise: f32, level: (f32, f32), play: Play) -> Part {
    Part { tag, otherwise, level, held: false, play }
}

const PARTS: [Part; 15] = [
    held(None, 1.0, (-7.0, -2.0), |score, _, dice, out| voices::harmony(score, dice, out)),
    struck(None, 1.0, (-9.0, -4.0), |score, _, dice, out| drums::pulse(score, dice, out)),
    held(None, 0.4, (-12.0, -5.0), |score, _, dice, out| voices::reed(score, dice, out)),
    held(Some(Tag::Bell), 0.0, (-8.0, -3.0), |score, _, dice, out| voices::bell(score, dice, out)),
    held(Some(Tag::Pluck), 0.0, (-6.0, -1.0), |score, _, dice, out| voices::pluck(score, dice, out)),
    held(Some(Tag::Brass), 0.0, (-7.0, -1.0), |score, _, dice, out| voices::brass(score, dice, out)),
    held(Some(Tag::Pipe), 0.0, (-9.0, -3.0), |score, _, dice, out| voices::pipe(score, dice, out)),
    held(Some(Tag::DeepBass), 0.0, (-8.0, -1.0), |score, _, dice, out| voices::deep_bass(score, dice, out)),
    struck(Some(Tag::KickPulse), 0.0, (-7.0, -1.5), |score, _, dice, out| drums::kick(score, dice, out)),
    struck(Some(Tag::Clap), 0.0, (-8.0, -3.0), |score, _, dice, out| drums::clap(score, dice, out)),
    struck(Some(Tag::SwungHats), 0.0, (-10.0, -6.0), |score, _, dice, out| drums::hats(score, dice, out)),
    held(Some(Tag::NoiseWash), 0.0, (-10.0, -4.0), |_, _, dice, out| drums::wash(dice, out)),
    struck(Some(Tag::Echoes), 0.3, (-12.0, -6.0), |_, echoes, dice, out| voices::drips(echoes, dice, out)),
    held(None, 0.4, (-12.0, -3.0), |_, _, dice, out| voices::hum(dice, out)),
    struck(None, 1.0, (-50.0, -35.0), |_, _, dice, out| drums::hiss(dice, out)),
];

/// Streams of chance that the parts do not use.
const PRODUCTION: u16 = 1;
const SWELL: u16 = 2;
const PUMP: u16 = 3;
const FIRST_PART: u16 = 16;

/// Renders a clip of `length` samples.
pub(super) fn render(seed: u64, index: u64, length: usize) -> Vec<f32> {
    let score = Score::draw(seed, index);
    let mut mix = vec![0.0; length];
    each_part(&score, seed, index, length, |_, samples| {
        mix.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += sample);
    });
    let mut dice = Dice::new(seed, index, PRODUCTION);
    if score.has(Tag::TapeWow) && !mix.is_empty() {
        production::tape_wow(&mut dice, &mut mix);
    }
    if score.has(Tag::BitCrush) {
        production::bit_crush(&mut dice, &mut mix);
    }
    production::equalise(&mut dice, &mut mix);
    if score.has(Tag::OldDisc) {
        production::old_disc(&mut dice, &mut mix);
    }
    production::set_level(&mut dice, &mut mix);
    mix
}

/// Calls `with` for each part that sounds: its tag where that is set, and its samples at the level of the mix.
pub(super) fn each_part(
    score: &Score,
    seed: u64,
    index: u64,
    length: usize,
    mut with: impl FnMut(Option<Tag>, &[f32]),
) {
    let tremolo = score.has(Tag::Tremolo);
    let swells = tremolo || Dice::new(seed, index, PUMP).chance(0.6);
    let mut scratch = vec![0.0; length];
    for (stream, part) in (FIRST_PART..).zip(&PARTS) {
        let mut dice = Dice::new(seed, index, stream);
        let tagged = part.tag.is_some_and(|tag| score.has(tag));
        let decoy = dice.chance(part.otherwise);
        if !(tagged || decoy) {
            continue;
        }
        let level = gain(dice.between(part.level.0, part.level.1));
        scratch.fill(0.0);
        (part.play)(score, tagged, &mut dice, &mut scratch);
        if part.held && swells {
            voices::swell(tremolo, score, Dice::new(seed, index, SWELL), &mut scratch);
        }
        let loud = production::rms(&scratch);
        if loud > 0.0 {
            scratch.iter_mut().for_each(|sample| *sample *= level / loud);
        }
        with(part.tag.filter(|_| tagged), &scratch);
    }
}
