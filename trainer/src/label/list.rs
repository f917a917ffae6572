//! The files of several corpora, each once.

use std::collections::HashMap;
use std::path::PathBuf;

use super::table::Table;
use super::{LabelError, LabelOptions};
use crate::corpus::{self, ClipSource, CorpusOptions, CorpusSpec, Problem, Split, group_name};

/// A file to label.
#[derive(Debug)]
pub(super) struct ListedFile {
    /// How its corpus calls it.
    pub id: String,
    pub path: PathBuf,
    /// The path as the CSV has it.
    pub written: String,
    pub split: Split,
    /// May be empty.
    pub artist: String,
}

pub(super) struct Listed {
    /// In the order of the corpora and of the files within.
    pub files: Vec<ListedFile>,
    pub problems: Vec<Problem>,
    /// Worth a line.
    pub notes: Vec<String>,
}

/// Lists the corpora. A file that is in several of them belongs to the first.
pub(super) fn list(
    corpora: &[CorpusSpec],
    table: &Table<'_>,
    options: &LabelOptions,
) -> Result<Listed, LabelError> {
    let only = options.split;
    let options = CorpusOptions {
        seed: options.seed,
        draw_test: options.draw_test,
        keep_unlabelled: true,
        min_positives: 0,
        ..Default::default()
    };
    let mut listed = Listed { files: Vec::new(), problems: Vec::new(), notes: Vec::new() };
    let mut places: HashMap<String, usize> = HashMap::new();
    for spec in corpora {
        if matches!(spec, CorpusSpec::Synth { .. }) {
            return Err(LabelError::NoFiles { name: spec.to_string() });
        }
        let loaded = corpus::load(spec, &options)?;
        listed.problems.extend(loaded.problems);
        let mut torn = 0;
        for clip in loaded.corpus.clips {
            let ClipSource::File(path) = clip.source else {
                return Err(LabelError::NoFiles { name: spec.to_string() });
            };
            let Some(written) = table.written_path(&path) else {
                let reason = format!("{}: its path is no UTF-8, which a CSV holds", path.display());
                listed.problems.push(Problem { id: clip.id, reason });
                continue;
            };
            // Every clip of a loaded corpus has a split.
            let split = clip.split.unwrap_or(Split::Train);
            if let Some(&place) = places.get(&written) {
                torn += usize::from(listed.files[place].split != split);
                continue;
            }
            // A manifest reads "artist x" from a cell "x": read back, the group is what it was.
            let group = clip.group.unwrap_or_default();
            let artist = group_name(&group).to_owned();
            places.insert(written.clone(), listed.files.len());
            listed.files.push(ListedFile { id: clip.id, path, written, split, artist });
        }
        if torn > 0 {
            listed.notes.push(format!(
                "{torn} files of {spec} are in another split of a corpus before it, which holds"
            ));
        }
    }
    // Only now: what a corpus holds for another split stays there, though a later one lists it for this.
    listed.files.retain(|file| only.is_none_or(|only| file.split == only));
    Ok(listed)
}
