//! `debian:DIR`: free music that `trainer fetch debian --to DIR` got.

use super::{Clip, ClipSource, CorpusError, Listing};
use crate::fetch::{List, audio_path};
use std::path::Path;

/// The tracks of the list that lie in the folder, without labels, with the splits of the list and its families as groups.
pub(super) fn list(dir: &Path, list: &List) -> Result<Listing, CorpusError> {
    // A folder that cannot be read is an error of its own; one that holds a part of the music is fine.
    let audio = dir.join("audio");
    std::fs::read_dir(&audio).map_err(|source| CorpusError::Read { path: audio, source })?;
    let mut clips = Vec::new();
    for track in &list.tracks {
        let path = audio_path(list, track);
        let full = dir.join(&path);
        if full.is_file() {
            let id = path.to_string_lossy().replace('\\', "/");
            let group = Some(track.family.clone());
            let (source, split) = (ClipSource::File(full), Some(track.split));
            clips.push(Clip {
                id,
                source,
                group,
                album: None,
                split,
                labels: Vec::new(),
                windows: Vec::new(),
            });
        }
    }
    Ok(Listing {
        tags: Vec::new(),
        clips,
        problems: Vec::new(),
        grouped_by: "family of packages",
        split_rule: None,
    })
}
