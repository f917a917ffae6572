//! Finding the audio of a corpus by name, whatever the folders it was unpacked into.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::corpus::{CorpusError, folder};

/// Audio files below a folder by their names without ending, and without the `.clip` of 7digital's previews and the
/// `.low` of MTG-Jamendo's smaller files.
pub(super) struct AudioIndex(HashMap<String, PathBuf>);

impl AudioIndex {
    /// Looks through the folder and all below it; links are followed, but not in circles.
    pub fn new(dir: &Path) -> Result<Self, CorpusError> {
        let mut files = Vec::new();
        folder::collect(dir, "", &mut HashSet::new(), &mut files)?;
        let mut index = HashMap::with_capacity(files.len());
        for (_, path) in files {
            if let Some(stem) = stem(&path) {
                // In the order of their paths: the first one stays.
                index.entry(stem).or_insert(path);
            }
        }
        Ok(Self(index))
    }

    /// The audio under the first of these names that is there.
    pub fn find(&self, stems: &[String]) -> Option<&Path> {
        stems.iter().find_map(|stem| self.0.get(stem)).map(PathBuf::as_path)
    }
}

/// The name by which a file is found.
pub(super) fn stem(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let short = stem.strip_suffix(".clip").or_else(|| stem.strip_suffix(".low"));
    Some(short.unwrap_or(stem).into())
}
