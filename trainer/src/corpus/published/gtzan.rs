//! `gtzan:DIR`: ten genres, 930 of its 1,000 clips, in the split without faults.

use std::path::Path;

use super::gtzan_split::SPLIT;
use super::{About, PublishedList, Song};
use crate::corpus::{CorpusError, Split};

pub(super) const ABOUT: About = About {
    title: "GTZAN, fault-filtered",
    licence: "none stated: for research",
    citation: "G. Tzanetakis, P. Cook, \"Musical genre classification of audio signals\", IEEE Transactions on Speech and \
               Audio Processing 10(5), 2002; split: C. Kereliuk, B. L. Sturm, J. Larsen, 2015",
    url: "http://marsyas.info/downloads/datasets.html",
};

/// The list is known: the folder holds audio alone, as `blues/blues.00029.wav`, or `.au`.
pub(super) fn list(dir: &Path) -> Result<PublishedList, CorpusError> {
    std::fs::read_dir(dir).map_err(|source| CorpusError::Read { path: dir.into(), source })?;
    let mut songs = Vec::new();
    for (genre, (name, splits)) in SPLIT.into_iter().enumerate() {
        for (split, runs) in [Split::Train, Split::Validation, Split::Test].into_iter().zip(splits) {
            songs.extend(runs.iter().cloned().flatten().map(|number| {
                let stem = format!("{name}.{number:05}");
                let mut labels = vec![0.0; SPLIT.len()];
                labels[genre] = 1.0;
                let id = format!("{name}/{stem}");
                Song {
                    id,
                    stems: vec![stem],
                    group: None,
                    album: None,
                    split: Some(split),
                    labels,
                    seconds: Some(30.0),
                }
            }));
        }
    }
    Ok(PublishedList {
        tags: SPLIT.map(|(name, _)| name.into()).into(),
        songs,
        grouped_by: "file",
        split_rule: Some("given: without faults (Kereliuk et al. 2015), 443/197/290".into()),
        notes: vec![
            "70 of the 1,000 clips are left out: repeated, distorted, or by an artist on another side".into(),
        ],
    })
}
