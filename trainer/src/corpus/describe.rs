//! What is in a corpus, from its lists alone and from what audio is there.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::load::SPLIT_THRESHOLD;
use super::published::{About, Published};
use super::{Clip, ClipSource, CorpusError, CorpusOptions, CorpusSpec, Problem, Split, load, split};

/// A corpus in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// As it was asked for.
    pub corpus: String,
    /// Title, licence, citation and place of a published corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// Clips that are listed.
    pub clips: usize,
    /// Clips with labels of at least one tag.
    pub labelled: usize,
    /// Clips whose audio is there and whose head can be read; all of them where the audio was not looked at.
    pub with_audio: usize,
    /// Clips whose audio is not there.
    pub missing: usize,
    /// Clips whose audio is there and cannot be read.
    pub damaged: Vec<Damaged>,
    /// Hours of all clips as the lists state them; nothing where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours_listed: Option<f64>,
    /// Hours of the audio that is there, by what its heads say.
    pub hours_of_audio: f64,
    /// How the splits come about.
    pub split_rule: String,
    /// What each split holds.
    pub splits: Vec<SplitCount>,
    /// What each tag has, in the order of the corpus.
    pub tags: Vec<TagCount>,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// A file that is there and cannot be read.
#[derive(Clone, Debug, Serialize)]
pub struct Damaged {
    /// The clip.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// A split in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SplitCount {
    /// Which.
    pub split: Split,
    /// Clips that are listed.
    pub clips: usize,
    /// Those whose audio is there.
    pub with_audio: usize,
}

/// A tag in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagCount {
    /// Its name.
    pub tag: String,
    /// Clips that have it, whether their audio is there or not: train, validation, test.
    pub positives: [usize; 3],
}

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

/// What became of a clip's audio.
enum Audio {
    There(f64),
    Missing,
    Damaged(String),
}

/// Describes one corpus. `heads` reads the head of every audio file there is, on all cores, and calls `done` for each.
///
/// # Errors
/// When a list cannot be read. Audio that is missing or damaged is counted.
pub fn describe(
    spec: &CorpusSpec,
    options: &CorpusOptions,
    heads: bool,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Description, CorpusError> {
    let Parts { about, tags, clips, paths, split_rule, notes, hours_listed, lost } = parts(spec, options)?;
    let read = |(clip, path): (&Clip, &Option<PathBuf>)| {
        let audio = match (&clip.source, path) {
            (ClipSource::Synth(_), _) => Audio::There(f64::from(options.synth_seconds)),
            (_, None) => Audio::Missing,
            (_, Some(path)) if heads => head(path),
            _ => Audio::There(0.0),
        };
        done(clips.len());
        audio
    };
    let audio: Vec<Audio> = clips.par_iter().zip(&paths).map(read).collect();
    let positive = |clip: &Clip, tag: usize| clip.labels[tag] >= options.positive_threshold;
    let count =
        |split, tag| clips.iter().filter(|clip| clip.split == Some(split) && positive(clip, tag)).count();
    let damaged = clips.iter().zip(&audio).filter_map(|(clip, audio)| match audio {
        Audio::Damaged(reason) => Some(Damaged { id: clip.id.clone(), reason: reason.clone() }),
        _ => None,
    });
    let there = |audio: &&Audio| matches!(audio, Audio::There(_));
    let splits = SPLITS.map(|split| {
        let in_split = || clips.iter().zip(&audio).filter(|(clip, _)| clip.split == Some(split));
        let with_audio = in_split().filter(|(_, audio)| there(audio)).count();
        SplitCount { split, clips: in_split().count(), with_audio }
    });
    let seconds = audio.iter().map(|audio| if let Audio::There(seconds) = audio { *seconds } else { 0.0 });
    Ok(Description {
        corpus: spec.to_string(),
        about,
        clips: clips.len() + lost,
        labelled: clips.iter().filter(|clip| clip.labels.iter().any(|label| !label.is_nan())).count(),
        with_audio: audio.iter().filter(there).count(),
        missing: lost + audio.iter().filter(|audio| matches!(audio, Audio::Missing)).count(),
        damaged: damaged.collect(),
        hours_listed,
        hours_of_audio: seconds.sum::<f64>() / 3600.0,
        split_rule,
        splits: splits.into(),
        tags: tags
            .into_iter()
            .enumerate()
            .map(|(number, tag)| TagCount { tag, positives: SPLITS.map(|split| count(split, number)) })
            .collect(),
        notes,
    })
}

fn head(path: &Path) -> Audio {
    match runtime::decode::stated_seconds(path) {
        Ok(seconds) => Audio::There(seconds.unwrap_or(0.0)),
        Err(error) => Audio::Damaged(error.to_string()),
    }
}

struct Parts {
    about: Option<About>,
    tags: Vec<String>,
    clips: Vec<Clip>,
    /// Where each clip's audio is.
    paths: Vec<Option<PathBuf>>,
    split_rule: String,
    notes: Vec<String>,
    hours_listed: Option<f64>,
    /// Clips that are named as problems already.
    lost: usize,
}

fn parts(spec: &CorpusSpec, options: &CorpusOptions) -> Result<Parts, CorpusError> {
    if let CorpusSpec::Published(published) = spec {
        return listed(published, options);
    }
    let loaded = load(spec, &CorpusOptions { keep_unlabelled: true, min_positives: 0, ..*options })?;
    let path = |clip: &Clip| clip.source.file().map(Into::into);
    let note = |Problem { id, reason }: &Problem| format!("left out {id}: {reason}");
    Ok(Parts {
        about: None,
        paths: loaded.corpus.clips.iter().map(path).collect(),
        tags: loaded.corpus.tags,
        clips: loaded.corpus.clips,
        split_rule: loaded.corpus.split_rule,
        notes: loaded.problems.iter().map(note).collect(),
        hours_listed: None,
        lost: loaded.problems.len(),
    })
}

/// A published corpus, from its lists alone: clips are there whether their audio is or not.
fn listed(published: &Published, options: &CorpusOptions) -> Result<Parts, CorpusError> {
    let list = published.list()?;
    let paths = list.audio(&published.dir)?;
    let seconds: Option<f64> = list.songs.iter().map(|song| song.seconds).sum();
    let clips = list.songs.into_iter().map(|song| {
        let source = ClipSource::File(PathBuf::new());
        let (id, group, album) = (song.id, song.group, song.album);
        let (split, labels) = (song.split, song.labels);
        Clip { id, source, group, album, split, labels, windows: Vec::new() }
    });
    let mut clips: Vec<Clip> = clips.collect();
    let rule = list.split_rule.as_deref().unwrap_or("given");
    let split_rule = split::assign(&mut clips, options, SPLIT_THRESHOLD, list.grouped_by, rule);
    Ok(Parts {
        about: Some(published.kind.about()),
        tags: list.tags,
        clips,
        paths,
        split_rule,
        notes: list.notes,
        hours_listed: seconds.map(|seconds| seconds / 3600.0),
        lost: 0,
    })
}
