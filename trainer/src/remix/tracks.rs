//! What pieces are cut from: the clips of the corpora, with their lengths.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;
use runtime::decode::{decode_file, decode_file_part, stated_seconds};
use runtime::pcm::Pcm;
use sha2::{Digest, Sha256};

use super::RemixError;
use crate::corpus::{Clip, ClipSource, Corpus, Problem, Split, group_name, synth};
use crate::features::Progress;

/// Shorter files are not used.
const SHORTEST_SECONDS: f32 = 0.5;
/// About what a packet of a compressed file holds, and the share of a part that may be lost.
const PACKET_SECONDS: f32 = 0.026;
const MOST_LOST: f32 = 0.05;

/// A clip of a corpus that can be cut from.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// As its corpus calls it.
    pub id: String,
    /// Which of the corpora it is of, counted from 0.
    pub corpus: usize,
    /// Its artist, album or package where known, else itself.
    pub group: String,
    /// Its side.
    pub split: Split,
    /// Its length, as the headers of a file state it.
    pub seconds: f32,
    /// Where the sound comes from.
    pub source: ClipSource,
}

impl Track {
    /// At most `seconds` from second `from` on: rate in hertz and mono samples.
    ///
    /// # Errors
    /// A sentence that names the file when nothing, or too little, of the part can be decoded.
    pub fn part(&self, from: f32, seconds: f32) -> Result<(u32, Vec<f32>), String> {
        match &self.source {
            ClipSource::File(path) => {
                let audio = decode_file_part(path, f64::from(from), f64::from(seconds))
                    .map_err(|error| error.to_string())?;
                let lost = audio.skipped_packets as f32 * PACKET_SECONDS;
                let heard = audio.samples.len() as f32 / audio.sample_rate as f32;
                if lost > MOST_LOST * (heard + lost) {
                    let packets = audio.skipped_packets;
                    return Err(format!(
                        "{}: damaged: {packets} pieces of it cannot be decoded",
                        path.display()
                    ));
                }
                Ok((audio.sample_rate, audio.samples))
            }
            ClipSource::Synth(clip) => {
                let (rate, samples) = clip.render();
                let at = |seconds: f32| ((seconds * rate as f32).ceil() as usize).min(samples.len());
                Ok((rate, samples[at(from)..at(from + seconds)].to_vec()))
            }
        }
    }
}

/// The usable clips of corpora, in their order, and those that cannot be read with the reasons.
///
/// Nothing is decoded of files whose headers state a length.
pub fn tracks(
    corpora: &[Corpus],
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
) -> (Vec<Track>, Vec<Problem>) {
    let mut clips: Vec<(usize, &Clip)> = Vec::new();
    for (number, corpus) in corpora.iter().enumerate() {
        clips.extend(corpus.clips.iter().map(|clip| (number, clip)));
    }
    progress.start(clips.len());
    let looked: Vec<Result<Track, Problem>> = pool.install(|| {
        let look = |&(corpus, clip): &(usize, &Clip)| {
            let track = track(clip, corpus).map_err(|reason| Problem { id: clip.id.clone(), reason });
            progress.step();
            track
        };
        clips.par_iter().map(look).collect()
    });
    let (mut tracks, mut problems) = (Vec::new(), Vec::new());
    for result in looked {
        match result {
            Ok(track) => tracks.push(track),
            Err(problem) => problems.push(problem),
        }
    }
    (tracks, problems)
}

fn track(clip: &Clip, corpus: usize) -> Result<Track, String> {
    let seconds = match &clip.source {
        ClipSource::Synth(clip) => clip.samples as f32 / synth::RATE as f32,
        ClipSource::File(path) => match stated_seconds(path).map_err(|error| error.to_string())? {
            Some(seconds) => seconds as f32,
            None => {
                let audio = decode_file(path).map_err(|error| error.to_string())?;
                audio.samples.len() as f32 / audio.sample_rate as f32
            }
        },
    };
    if !seconds.is_finite() || seconds < SHORTEST_SECONDS {
        return Err(format!("shorter than {SHORTEST_SECONDS} s"));
    }
    let group = clip.group.as_deref().unwrap_or(&clip.id);
    // A manifest's artists are named so; the manifest written here names them again.
    let group = group_name(group).to_owned();
    let split = clip.split.unwrap_or(Split::Train);
    Ok(Track { id: clip.id.clone(), corpus, group, split, seconds, source: clip.source.clone() })
}

/// Refuses files that are on two sides, such as a song that is music of one corpus and a voice of another.
pub(super) fn check_sides<'a>(tracks: impl Iterator<Item = &'a Track>) -> Result<(), RemixError> {
    let mut sides: HashMap<PathBuf, Split> = HashMap::new();
    for track in tracks {
        let ClipSource::File(path) = &track.source else { continue };
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if *sides.entry(real).or_insert(track.split) != track.split {
            return Err(RemixError::TwoSides { path: path.clone() });
        }
    }
    Ok(())
}

/// A sum over all that the pieces depend on.
pub(super) fn fingerprint(tracks: &[Track]) -> String {
    let mut hash = Sha256::new();
    for Track { id, corpus, group, split, seconds, .. } in tracks {
        hash.update(format!("{id:?} {corpus} {group:?} {split:?} {seconds:.1}\n"));
    }
    crate::text::to_hex(&hash.finalize()[..12])
}

/// Samples with their rate.
pub(super) fn pcm(part: &(u32, Vec<f32>)) -> Pcm<'_> {
    Pcm::new(part.0, &part.1)
}
