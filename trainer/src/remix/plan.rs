//! What each piece is made of: drawn here, with nothing decoded.

use super::effects::{Band, Pace, Room, Wear};
use super::pool::Pool;
use super::render::{Unusable, render};
use super::tracks::Track;
use super::{RemixError, Settings};
use crate::corpus::Split;
use crate::corpus::synth::dice::Dice;

/// A stretch of a track, changed, at a place of the piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Number of the track, in the music or the voices.
    pub track: usize,
    /// Second of the track where it begins.
    pub from: f32,
    /// Second of the piece where it begins.
    pub at: f32,
    /// Its length in the piece, in seconds.
    pub seconds: f32,
    /// How it runs.
    pub pace: Pace,
    /// Its tone.
    pub bands: Vec<Band>,
}

/// How a second piece of music comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// Added at so many decibel against the first by RMS, rising within so many seconds.
    Under(f32, f32),
    /// In place of the first, within so many seconds.
    CrossFade(f32),
}

/// Voices for a piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Voice {
    /// One after the other, of one group.
    pub parts: Vec<Part>,
    /// Their level against the music, in decibel by RMS, the voices' where they sound.
    pub decibel: f32,
    /// Their room.
    pub room: Option<Room>,
}

/// A piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The side that every part of it is on.
    pub split: Split,
    /// The music; a voice is alone where there is none.
    pub music: Option<Part>,
    /// More music.
    pub second: Option<(Part, Blend)>,
    /// Voices.
    pub voice: Option<Voice>,
    /// What the whole goes through, in this order.
    pub wear: Vec<Wear>,
    /// Level of the whole, decibel of full scale by RMS, as far as the peaks allow.
    pub level: f32,
}

/// Draws plans. Piece `i` follows from the lists of tracks, the settings and `i` alone.
pub struct Planner<'a> {
    music: &'a [Track],
    voices: &'a [Track],
    settings: &'a Settings,
    music_pools: [Pool; 3],
    voice_pools: [Pool; 3],
    /// Shares of time of the splits, summed.
    shares: [f64; 3],
}

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

impl<'a> Planner<'a> {
    /// Plans over these tracks.
    ///
    /// # Errors
    /// [`RemixError::NoMusic`] without music; [`RemixError::Setting`] where a setting is impossible.
    pub fn new(music: &'a [Track], voices: &'a [Track], settings: &'a Settings) -> Result<Self, RemixError> {
        settings.check()?;
        if music.is_empty() {
            return Err(RemixError::NoMusic);
        }
        let seconds = SPLITS.map(|split| {
            music
                .iter()
                .filter(|track| track.split == split)
                .map(|track| f64::from(track.seconds))
                .sum::<f64>()
        });
        let total: f64 = seconds.iter().sum();
        let shares = [seconds[0] / total, (seconds[0] + seconds[1]) / total, 1.0];
        Ok(Self {
            music,
            voices,
            settings,
            music_pools: SPLITS.map(|split| Pool::of_music(music, split)),
            voice_pools: SPLITS.map(|split| Pool::of_voices(voices, split)),
            shares,
        })
    }

    /// Voices that are never drawn, because no music is on their side.
    pub fn unused_voices(&self) -> usize {
        let sides = self.voice_pools.iter().zip(&self.music_pools);
        sides.filter(|(_, music)| music.tracks.is_empty()).map(|(voices, _)| voices.tracks.len()).sum()
    }

    /// The side of a piece: over any run of pieces the sides have the shares that they have of the music's time.
    fn side(&self, index: u64) -> usize {
        // Multiples of the golden ratio are spread more evenly than chance would.
        let place = (0.5 + index as f64 * 0.618_033_988_749_895).fract();
        let side = self.shares.iter().position(|share| place < *share).unwrap_or(0);
        if self.music_pools[side].tracks.is_empty() { 0 } else { side }
    }

    /// What piece `index` is made of; another choice for each `attempt`, on the same side.
    pub fn plan(&self, index: u64, attempt: u16) -> Option<Plan> {
        let side = self.side(index);
        let (music, voices) = (&self.music_pools[side], &self.voice_pools[side]);
        let dice = &mut Dice::new(self.settings.seed, index, attempt);
        let length = self.settings.piece_seconds;
        let kind = dice.between(0.0, 1.0);
        let (voice_share, mix_share) = (self.settings.voice_share, self.settings.mix_share);

        let first = music.draw(dice)?;
        let mut main = Some(self.part(dice, first));
        let (mut second, mut voice) = (None, None);
        if kind < voice_share {
            voice = self.voice(dice, voices);
            if voice.is_some() && dice.chance(0.2) {
                main = None;
            }
        } else if kind < voice_share + mix_share && music.tracks.len() > 1 {
            // Some tries: of two tracks the other is not sure to come at once.
            let other = (0..8).filter_map(|_| music.draw(dice)).find(|track| *track != first);
            if let Some(other) = other {
                let part = self.part(dice, other);
                second = Some(self.second(dice, part, length));
            }
        }
        let level = dice.between(-30.0, -12.0);
        Some(Plan { split: SPLITS[side], music: main, second, voice, wear: wear(dice), level })
    }

    /// The samples of a plan of this planner.
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(&self, plan: &Plan) -> Result<Vec<f32>, Unusable> {
        render(plan, self.music, self.voices, self.settings)
    }

    /// Music over the whole piece.
    fn part(&self, dice: &mut Dice, track: usize) -> Part {
        let pace = pace(dice, [0.5, 0.12, 0.12]);
        let seconds = self.settings.piece_seconds;
        let from = place(dice, &self.music[track], seconds * pace.consumes());
        Part { track, from, at: 0.0, seconds, pace, bands: tone(dice) }
    }

    fn second(&self, dice: &mut Dice, mut part: Part, length: f32) -> (Part, Blend) {
        let blend = if dice.chance(0.4) {
            part.at = length * dice.between(0.25, 0.7);
            Blend::CrossFade((length * dice.between(0.02, 0.2)).min(length - part.at))
        } else {
            part.at = if dice.chance(0.5) { 0.0 } else { length * dice.between(0.1, 0.6) };
            Blend::Under(dice.between(-12.0, 0.0), (length * dice.between(0.005, 0.15)).min(length - part.at))
        };
        part.seconds = length - part.at;
        (part, blend)
    }

    /// Voices of one group, changed alike, with pauses, until the piece is full.
    fn voice(&self, dice: &mut Dice, pool: &Pool) -> Option<Voice> {
        let length = self.settings.piece_seconds;
        let mut track = pool.draw(dice)?;
        let group = &self.voices[track].group;
        let fellows: Vec<usize> =
            pool.tracks.iter().copied().filter(|&i| self.voices[i].group == *group).collect();
        let (pace, bands) = (pace(dice, [0.6, 0.2, 0.1]), tone(dice));
        let mut at = if dice.chance(0.5) { 0.0 } else { length * dice.between(0.0, 0.25) };
        let mut parts = Vec::new();
        while at < length - 0.25 {
            let there = self.voices[track].seconds / pace.consumes();
            let seconds = (length - at).min(there);
            let from = place(dice, &self.voices[track], seconds * pace.consumes());
            parts.push(Part { track, from, at, seconds, pace, bands: bands.clone() });
            at += seconds + dice.between(0.2, 2.5);
            track = dice.pick(&fellows);
        }
        let room = dice.chance(0.35).then(|| room(dice));
        Some(Voice { parts, decibel: dice.between(-6.0, 9.0), room })
    }
}

/// A place in a track from which `seconds` are left, its beginning where it is too short.
fn place(dice: &mut Dice, track: &Track, seconds: f32) -> f32 {
    dice.between(0.0, (track.seconds - seconds).max(0.0))
}

/// A number between two, evenly by ratio.
fn ratio(dice: &mut Dice, low: f32, high: f32) -> f32 {
    dice.between(low.ln(), high.ln()).exp()
}

/// A pace, with the shares of speed, pitch and tempo; the rest is as it was. Pitch goes up to five semitones.
fn pace(dice: &mut Dice, [speed, pitch, tempo]: [f32; 3]) -> Pace {
    let kind = dice.between(0.0, 1.0);
    if kind < speed {
        Pace::Speed(ratio(dice, 0.8, 1.25))
    } else if kind < speed + pitch {
        Pace::Pitch((dice.between(-5.0, 5.0) / 12.0).exp2())
    } else if kind < speed + pitch + tempo {
        Pace::Tempo(ratio(dice, 0.8, 1.25))
    } else {
        Pace::AsIs
    }
}

/// None to three bands.
fn tone(dice: &mut Dice) -> Vec<Band> {
    let count = dice.pick(&[0, 1, 1, 2, 2, 3, 3]);
    let band = |dice: &mut Dice| match dice.pick(&[0, 0, 1, 2]) {
        0 => Band::Peak(ratio(dice, 120.0, 6000.0), dice.between(-9.0, 9.0), ratio(dice, 0.5, 2.0)),
        1 => Band::LowShelf(ratio(dice, 80.0, 600.0), dice.between(-8.0, 8.0)),
        _ => Band::HighShelf(ratio(dice, 1500.0, 6000.0), dice.between(-8.0, 8.0)),
    };
    (0..count).map(|_| band(dice)).collect()
}

fn room(dice: &mut Dice) -> Room {
    Room {
        seconds: ratio(dice, 0.2, 1.6),
        decibel: dice.between(-18.0, -4.0),
        damping: dice.between(0.1, 0.6),
    }
}

/// Wear for two pieces of five: one kind or two.
fn wear(dice: &mut Dice) -> Vec<Wear> {
    if !dice.chance(0.4) {
        return Vec::new();
    }
    let count = dice.pick(&[1, 1, 2]);
    let one = |dice: &mut Dice| match dice.pick(&[0, 0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 6, 7]) {
        0 => Wear::Room(room(dice)),
        1 => Wear::Drive(dice.between(3.0, 18.0)),
        2 => Wear::Limit(ratio(dice, 3500.0, 7000.0)),
        3 => Wear::Telephone,
        4 => Wear::MuLaw(dice.pick(&[6, 7, 8, 8])),
        5 => Wear::Bits(dice.pick(&[6, 7, 8, 9])),
        6 => Wear::Hiss(dice.between(-45.0, -18.0), dice.number()),
        _ => Wear::Hum(dice.pick(&[50.0, 60.0]), dice.between(-45.0, -22.0)),
    };
    let mut chosen: Vec<Wear> = (0..count).map(|_| one(dice)).collect();
    chosen.sort_by_key(Wear::order);
    chosen.dedup_by_key(|wear| wear.order());
    chosen
}
