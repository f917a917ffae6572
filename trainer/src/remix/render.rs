//! From a plan to samples.

use super::Settings;
use super::effects::{decibel, gain, peak, rms};
use super::plan::{Blend, Part, Plan, Voice};
use super::tracks::{Track, pcm};

/// Seconds over which each part begins and ends, against clicks.
const EDGE_SECONDS: f32 = 0.02;
/// Decoded beyond what a part needs, for the roundings on the way.
const SPARE_SECONDS: f32 = 0.1;
/// Half seconds softer than this (decibel of full scale) are silent, and a part is when so large a share of it is.
const SILENT_DECIBEL: f32 = -60.0;
const MOST_SILENT: f32 = 0.6;
/// Of full scale, 1 dB below: no sample of a piece goes beyond.
pub(super) const HEADROOM: f32 = 0.891;

/// Why a plan gives no piece. Another is drawn then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// A part is silent for the most.
    Silent,
    /// A track cannot be decoded there: its id and the reason.
    Damaged {
        /// The track as its corpus calls it.
        id: String,
        /// What is wrong; names the file.
        reason: String,
    },
}

/// The samples of a piece at the rate of the settings, all finite and within ±`HEADROOM`.
///
/// # Errors
/// [`Unusable`] where a part is silent or damaged.
pub fn render(
    plan: &Plan,
    music: &[Track],
    voices: &[Track],
    settings: &Settings,
) -> Result<Vec<f32>, Unusable> {
    let rate = settings.rate;
    let mut piece = match &plan.music {
        Some(main) => levelled(part(main, music, rate, true)?),
        None => vec![0.0; settings.samples()],
    };
    piece.resize(settings.samples(), 0.0);
    if let Some((second, blend)) = &plan.second {
        let second_samples = levelled(part(second, music, rate, true)?);
        blend_in(&mut piece, &second_samples, at(second.at, rate), *blend, rate);
    }
    if let Some(voice) = &plan.voice {
        let spoken = voice_track(voice, voices, rate, piece.len())?;
        let level = if plan.music.is_some() { rms(&piece) * gain(voice.decibel) } else { 1.0 };
        piece.iter_mut().zip(&spoken).for_each(|(sample, voice)| *sample += level * voice);
    }
    plan.wear.iter().for_each(|wear| wear.apply(rate, &mut piece));
    let (top, level) = (peak(&piece), rms(&piece));
    if !top.is_finite() || !level.is_finite() || decibel(level) < SILENT_DECIBEL {
        return Err(Unusable::Silent);
    }
    let factor = (gain(plan.level) / level).min(HEADROOM / top);
    piece.iter_mut().for_each(|sample| *sample = (*sample * factor).clamp(-HEADROOM, HEADROOM));
    Ok(piece)
}

fn at(seconds: f32, rate: u32) -> usize {
    (seconds * rate as f32).round() as usize
}

/// At an RMS of 1.
fn levelled(mut samples: Vec<f32>) -> Vec<f32> {
    let level = rms(&samples).max(1e-9);
    samples.iter_mut().for_each(|sample| *sample /= level);
    samples
}

/// A part, changed as planned; `repeats` where a track that is too short begins again.
fn part(part: &Part, tracks: &[Track], rate: u32, repeats: bool) -> Result<Vec<f32>, Unusable> {
    let track = &tracks[part.track];
    let damaged = |reason: String| Unusable::Damaged { id: track.id.clone(), reason };
    let source =
        track.part(part.from, part.seconds * part.pace.consumes() + SPARE_SECONDS).map_err(damaged)?;
    if is_silent(&source.1, source.0) {
        return Err(Unusable::Silent);
    }
    let mut length = at(part.seconds, rate).max(1);
    if !repeats {
        // A file may be shorter than it states.
        let heard = source.1.len() as f32 / source.0 as f32 / part.pace.consumes();
        length = length.min(at(heard, rate)).max(1);
    }
    let mut samples =
        part.pace.render(pcm(&source), rate, length).map_err(|error| damaged(error.to_string()))?;
    part.bands.iter().for_each(|band| band.apply(rate, &mut samples));
    // Filters cannot make what is loud silent, nor much else go wrong; a NaN would spoil the whole piece.
    if samples.iter().all(|sample| sample.is_finite()) {
        Ok(samples)
    } else {
        Err(damaged("its samples are beyond all bounds".into()))
    }
}

fn is_silent(samples: &[f32], rate: u32) -> bool {
    let blocks = samples.chunks((rate as usize / 2).max(1));
    let all = blocks.len() as f32;
    let silent = blocks.filter(|block| decibel(rms(block)) < SILENT_DECIBEL).count();
    silent as f32 >= MOST_SILENT * all
}

/// Adds `second` from sample `start` on, or fades over to it.
fn blend_in(piece: &mut [f32], second: &[f32], start: usize, blend: Blend, rate: u32) {
    let (Blend::Under(_, fade) | Blend::CrossFade(fade)) = blend;
    let fade = at(fade.max(EDGE_SECONDS), rate) as f32;
    let level = match blend {
        Blend::Under(decibel, _) => rms(piece) * gain(decibel),
        Blend::CrossFade(_) => 1.0,
    };
    for (i, (sample, second)) in piece.iter_mut().skip(start).zip(second).enumerate() {
        // Quarters of a circle keep the power of two unrelated sounds.
        let (rise, fall) = ((i as f32 / fade).min(1.0) * std::f32::consts::FRAC_PI_2).sin_cos();
        let kept = if matches!(blend, Blend::CrossFade(_)) { fall } else { 1.0 };
        *sample = *sample * kept + second * rise * level;
    }
}

/// Voices over the length of a piece, at an RMS of 1 where they sound.
fn voice_track(voice: &Voice, voices: &[Track], rate: u32, length: usize) -> Result<Vec<f32>, Unusable> {
    let mut spoken = vec![0.0; length];
    let mut sounding = 0;
    for planned in &voice.parts {
        let mut samples = levelled(part(planned, voices, rate, false)?);
        edges(&mut samples, at(EDGE_SECONDS, rate));
        let start = at(planned.at, rate).min(length);
        let there = samples.len().min(length - start);
        spoken[start..start + there].copy_from_slice(&samples[..there]);
        sounding += there;
    }
    if let Some(room) = voice.room {
        room.apply(rate, &mut spoken);
    }
    // The RMS over all, as if the voices sounded all the time.
    let level = rms(&spoken) * (length as f32 / sounding.max(1) as f32).sqrt();
    if level <= 0.0 {
        return Err(Unusable::Silent);
    }
    spoken.iter_mut().for_each(|sample| *sample /= level);
    Ok(spoken)
}

/// Fades both ends.
fn edges(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    let end = samples.len();
    for i in 0..length {
        let rise = (i as f32 + 0.5) / length as f32;
        samples[i] *= rise;
        samples[end - 1 - i] *= rise;
    }
}
