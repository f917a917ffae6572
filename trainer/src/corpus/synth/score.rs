//! What a clip holds, drawn from its seed: the labels, the time, the harmony.

use super::dice::Dice;
use super::{RATE, Tag};

/// Roots of the chords: C5, D5, F5, G5. Mel bands resolve a third best between 500 Hz and 2 kHz.
const ROOTS: [f32; 4] = [523.25, 587.33, 698.46, 783.99];
const MAJOR_THIRD: f32 = 1.259_921;
const MINOR_THIRD: f32 = 1.189_207;
pub(super) const FIFTH: f32 = 1.498_307;

/// The plan of a clip.
pub(super) struct Score {
    pub labels: [bool; Tag::COUNT],
    /// Samples from beat to beat.
    pub beat: f32,
    /// Beats in a bar: 3 or 4.
    pub meter: usize,
    /// Ratio of the third to the root; none where the harmony is open fifths.
    pub third: Option<f32>,
    /// Roots in hertz, one after the other, around and around.
    chords: Vec<f32>,
    /// Samples that a chord lasts: whole bars.
    chord: f32,
}

impl Score {
    pub fn draw(seed: u64, index: u64) -> Self {
        let mut dice = Dice::new(seed, index, 0);
        let mut labels = [false; Tag::COUNT];
        for tag in Tag::ALL {
            labels[tag as usize] = dice.chance(0.34);
        }
        let bpm = match dice.between(0.0, 1.0) {
            x if x < 0.33 => dice.between(54.0, 70.0),
            x if x < 0.66 => dice.between(160.0, 195.0),
            _ => dice.between(98.0, 120.0),
        };
        labels[Tag::SlowPace as usize] = bpm < 80.0;
        labels[Tag::FastPace as usize] = bpm > 150.0;
        let third = match dice.between(0.0, 1.0) {
            x if x < 0.36 => Some(MAJOR_THIRD),
            x if x < 0.72 => Some(MINOR_THIRD),
            _ => None,
        };
        labels[Tag::MajorThird as usize] = third == Some(MAJOR_THIRD);
        labels[Tag::MinorThird as usize] = third == Some(MINOR_THIRD);

        let meter = if labels[Tag::ThreeTime as usize] { 3 } else { 4 };
        let beat = RATE as f32 * 60.0 / bpm;
        let bar = beat * meter as f32;
        let bars =
            if bar < 1.2 * RATE as f32 || (bar < 2.0 * RATE as f32 && dice.chance(0.5)) { 2.0 } else { 1.0 };
        let tuning = 2.0_f32.powf(dice.between(-0.15, 0.15) / 12.0);
        let count = dice.pick(&[2, 3, 4]);
        let mut chords: Vec<f32> = Vec::with_capacity(count);
        while chords.len() < count {
            let root = dice.pick(&ROOTS) * tuning;
            if chords.last() != Some(&root) {
                chords.push(root);
            }
        }
        Self { labels, beat, meter, third, chords, chord: bar * bars }
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.labels[tag as usize]
    }

    /// The sample at which beat `number` (which may be a fraction) falls.
    pub fn at(&self, number: f32) -> usize {
        (number * self.beat) as usize
    }

    /// How many beats begin within `samples`.
    pub fn beats(&self, samples: usize) -> usize {
        (samples as f32 / self.beat).ceil() as usize
    }

    /// Each chord: where it begins, how long it lasts in samples, and its root.
    pub fn chords(&self, samples: usize) -> impl Iterator<Item = (usize, usize, f32)> + '_ {
        let ends = |n: usize| (n as f32 * self.chord) as usize;
        (0..)
            .map(move |n| (ends(n), ends(n + 1) - ends(n), self.chords[n % self.chords.len()]))
            .take_while(move |&(start, ..)| start < samples)
    }

    /// The root of the chord that sounds at a beat.
    pub fn root(&self, beat: f32) -> f32 {
        let chord = (beat * self.beat / self.chord + 1e-3) as usize;
        self.chords[chord % self.chords.len()]
    }

    /// A tone of the chord that sounds at a beat, in the octave of its root.
    pub fn tone(&self, beat: f32, dice: &mut Dice) -> f32 {
        let above = match self.third {
            Some(third) => dice.pick(&[1.0, third, FIFTH]),
            None => dice.pick(&[1.0, FIFTH]),
        };
        self.root(beat) * above
    }
}
