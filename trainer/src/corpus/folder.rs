//! `folder:DIR`: the folders directly below DIR are tags, and everything under one has that tag.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Clip, ClipSource, CorpusError, Listing, Problem};

/// Endings that are taken for audio; other files are passed over in silence.
const AUDIO: [&str; 10] = ["mp3", "flac", "ogg", "oga", "wav", "m4a", "mp4", "aac", "aif", "aiff"];

pub(super) fn list(dir: &Path) -> Result<Listing, CorpusError> {
    let mut listing = Listing::default();
    let mut folders = Vec::new();
    for (name, path) in entries(dir)? {
        if path.is_dir() {
            folders.push((name, path));
        } else if is_audio(&path) {
            listing
                .problems
                .push(Problem { id: name, reason: "lies beside the folders of tags, in none".into() });
        }
    }
    listing.tags = folders.iter().map(|(name, _)| name.clone()).collect();
    for (tag, (name, path)) in folders.iter().enumerate() {
        let mut files = Vec::new();
        collect(path, name, &mut HashSet::new(), &mut files)?;
        for (id, path) in files {
            let mut labels = vec![0.0; folders.len()];
            labels[tag] = 1.0;
            // "tag/album/song.mp3": what lies in one sub-folder is likely of one artist or album.
            let group = id.rsplit_once('/').map(|(parent, _)| parent).filter(|parent| parent != name);
            let group = group.map(String::from);
            let source = ClipSource::File(path);
            listing.clips.push(Clip {
                id,
                source,
                group,
                album: None,
                split: None,
                labels,
                windows: Vec::new(),
            });
        }
    }
    listing.grouped_by = "sub-folder";
    Ok(listing)
}

pub(super) fn collect(
    dir: &Path,
    id: &str,
    seen: &mut HashSet<PathBuf>,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), CorpusError> {
    // Links may lead in circles.
    let real = dir.canonicalize().map_err(|source| CorpusError::Read { path: dir.into(), source })?;
    if !seen.insert(real) {
        return Ok(());
    }
    for (name, path) in entries(dir)? {
        let id = if id.is_empty() { name } else { format!("{id}/{name}") };
        if path.is_dir() {
            collect(&path, &id, seen, files)?;
        } else if is_audio(&path) {
            files.push((id, path));
        }
    }
    Ok(())
}

/// What a folder holds, by name; hidden files are left out.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, CorpusError> {
    let failed = |source| CorpusError::Read { path: dir.into(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

fn is_audio(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| AUDIO.iter().any(|audio| audio.eq_ignore_ascii_case(ending)))
}
