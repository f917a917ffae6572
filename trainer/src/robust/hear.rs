//! A model on changed clips.

use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use runtime::mel::{FrameCodes, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::tagger::Tagger;

use super::answers::{Answered, AnswersError, Key};
use super::change::Change;
use super::sound::Sound;
use crate::corpus::{Clip, ClipSource, Problem};
use crate::deliver::Aggregate;

/// No more than this is used of a file: each of a machine's cores holds one in several forms.
pub const MAX_SECONDS: f64 = 600.0;

/// What was heard.
pub struct HeardChanged {
    /// Places in the list of the clips that were heard in every form.
    pub clips: Vec<usize>,
    /// By change, in the order asked for: probabilities `[clips, the model's tags]`.
    pub probabilities: Vec<Vec<f32>>,
    /// Clips that could not be heard.
    pub problems: Vec<Problem>,
}

/// Why hearing ended.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Answers cannot be kept.
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// The threads could not be started.
    #[error("starting threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Told of every clip that is done.
pub type Progress<'p> = &'p (dyn Fn() + Sync);

/// Lets the model hear every clip changed in every way, with `jobs` threads; what `answered` knows is not heard again. A clip
/// that cannot be heard in one form is left out of all.
///
/// # Errors
/// When answers cannot be kept.
pub fn hear(
    tagger: &Tagger,
    clips: &[&Clip],
    changes: &[Change],
    aggregate: Aggregate,
    answered: &Answered,
    jobs: usize,
    progress: Progress<'_>,
) -> Result<HeardChanged, Failed> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build()?;
    let of_clip = |clip: &&Clip| -> Result<Result<Vec<Vec<f32>>, Problem>, AnswersError> {
        let heard = of_clip(tagger, clip, changes, aggregate, answered);
        progress();
        match heard {
            Ok(heard) => Ok(Ok(heard)),
            Err(Trouble::Answers(error)) => Err(error),
            Err(Trouble::Clip(reason)) => Ok(Err(Problem { id: clip.id.clone(), reason })),
        }
    };
    let all: Result<Vec<_>, AnswersError> = pool.install(|| clips.par_iter().map(of_clip).collect());
    let mut heard = HeardChanged {
        clips: Vec::new(),
        probabilities: vec![Vec::new(); changes.len()],
        problems: Vec::new(),
    };
    for (place, of_clip) in all?.into_iter().enumerate() {
        match of_clip {
            Ok(answers) => {
                heard.clips.push(place);
                heard.probabilities.iter_mut().zip(answers).for_each(|(table, p)| table.extend(p));
            }
            Err(problem) => heard.problems.push(problem),
        }
    }
    Ok(heard)
}

enum Trouble {
    Answers(AnswersError),
    Clip(String),
}

/// Probabilities by change.
fn of_clip(
    tagger: &Tagger,
    clip: &Clip,
    changes: &[Change],
    aggregate: Aggregate,
    answered: &Answered,
) -> Result<Vec<Vec<f32>>, Trouble> {
    let failed = |error: &dyn std::fmt::Display| Trouble::Clip(error.to_string());
    let name = name(clip).map_err(|error| failed(&format!("{}: {error}", clip.id)))?;
    let mel = tagger.mel_config();
    let codes = FrameCodes::of(mel.compression);
    let mut sound = None;
    let mut all = Vec::new();
    for &change in changes {
        let key = Key { clip: name.clone(), change };
        if let Some(p) = answered.known(&key) {
            all.push(p.to_vec());
            continue;
        }
        let sound = match &sound {
            Some(sound) => sound,
            None => sound.insert(Sound::of(&clip.source, MAX_SECONDS).map_err(|error| failed(&error))?),
        };
        let seed = crc32fast::hash(clip.id.as_bytes());
        let samples = change.apply(sound, mel.sample_rate, seed).map_err(|error| failed(&error))?;
        // By the same 8-bit codes as everywhere else. (mp3s are decoded in full here, for changes need all of the band: their
        // codes are those of the cache but for rounding.)
        let frames =
            log_mel_codes(mel, Pcm::new(mel.sample_rate, &samples)).map_err(|error| failed(&error))?;
        let frames: Vec<f32> = frames.into_iter().map(|code| codes.decode(code)).collect();
        let song = tagger.tag_frames(&frames).map_err(|error| failed(&error))?;
        let p = match aggregate {
            Aggregate::Mean => song.mean,
            Aggregate::Max => aggregate.of(&song.probabilities, tagger.tags().len()),
        };
        answered.add(key, &p).map_err(Trouble::Answers)?;
        all.push(p);
    }
    Ok(all)
}

/// What tells a clip from another, and from itself after a change of its file.
fn name(clip: &Clip) -> std::io::Result<String> {
    match &clip.source {
        ClipSource::Synth(synth) => Ok(format!("{synth:?}")),
        ClipSource::File(path) => {
            let meta = std::fs::metadata(path)?;
            let changed = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            let path = std::path::absolute(path)?;
            Ok(format!("{} {} {changed}", path.display(), meta.len()))
        }
    }
}
