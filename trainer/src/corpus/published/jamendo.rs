//! `jamendo:DIR`: MTG-Jamendo, as its repository's `data/splits`.

use std::collections::HashMap;
use std::path::Path;

use super::rows::Table;
use super::{About, PublishedList, Song, audio};
use crate::corpus::{CorpusError, Split};

pub(super) const ABOUT: About = About {
    title: "MTG-Jamendo",
    licence: "audio under the Creative Commons licence of each track; metadata CC BY-NC-SA 4.0",
    citation: "D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra, \"The MTG-Jamendo Dataset for Automatic Music \
               Tagging\", Machine Learning for Music Discovery Workshop, ICML 2019",
    url: "https://github.com/MTG/mtg-jamendo-dataset",
};

/// Which of its splits and subsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    split: u8,
    /// As in the names of the files; nothing for all tags.
    subset: Option<&'static str>,
}

impl Choices {
    pub fn new(words: &[String]) -> Option<Self> {
        let default = Self { split: 0, subset: Some("top50tags") };
        words.iter().try_fold(default, |choices, word| {
            if let Some(number) = word.strip_prefix("split-") {
                let split = number.parse().ok().filter(|split| *split <= 4)?;
                return Some(Self { split, ..choices });
            }
            let subsets = ["top50tags", "genre", "instrument", "moodtheme"];
            let subset = subsets.into_iter().find(|subset| subset == word);
            (subset.is_some() || word == "all").then_some(Self { subset, ..choices })
        })
    }
}

pub(super) fn list(dir: &Path, choices: &Choices) -> Result<PublishedList, CorpusError> {
    let folder = format!("split-{}", choices.split);
    let places = [format!("data/splits/{folder}"), format!("splits/{folder}"), folder];
    let subset = choices.subset.map_or(String::new(), |subset| format!("_{subset}"));
    let place = places.iter().map(|place| dir.join(place)).find(|place| place.is_dir()).ok_or_else(|| {
        CorpusError::Layout { dir: dir.into(), title: ABOUT.title, missing: places.join(" or ") }
    })?;
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<(Song, Vec<usize>)> = Vec::new();
    for (split, name) in [(Split::Train, "train"), (Split::Validation, "validation"), (Split::Test, "test")] {
        let mut table = Table::open(&place.join(format!("autotagging{subset}-{name}.tsv")), b'\t', true)?;
        let column = |name| table.column(name);
        let (track, artist, album) = (column("TRACK_ID")?, column("ARTIST_ID")?, column("ALBUM_ID")?);
        let (path, duration, first_tag) = (column("PATH")?, column("DURATION")?, column("TAGS")?);
        while let Some(row) = table.next()? {
            let seconds = row.cell(duration).parse::<f64>();
            let seconds = seconds.map_err(|_| table.value(&row, duration, "a number of seconds"))?;
            let tags = row.from(first_tag).filter(|tag| !tag.is_empty()).map(|tag| {
                let next = numbers.len();
                *numbers.entry(tag.to_owned()).or_insert(next)
            });
            let tags = tags.collect();
            let stem = audio::stem(Path::new(row.cell(path)));
            let song = Song {
                id: row.cell(track).into(),
                stems: stem.into_iter().collect(),
                group: Some(row.cell(artist).into()),
                album: Some(row.cell(album).into()),
                split: Some(split),
                labels: Vec::new(),
                seconds: Some(seconds),
            };
            found.push((song, tags));
        }
    }
    // By kind and name, as "genre---rock".
    let mut names: Vec<(String, usize)> = numbers.into_iter().collect();
    names.sort();
    let mut places = vec![0; names.len()];
    names.iter().enumerate().for_each(|(place, &(_, number))| places[number] = place);
    let songs = found.into_iter().map(|(song, tags)| {
        let mut labels = vec![0.0; names.len()];
        tags.iter().for_each(|&number| labels[places[number]] = 1.0);
        Song { labels, ..song }
    });
    Ok(PublishedList {
        songs: songs.collect(),
        tags: short_names(&names),
        grouped_by: "artist",
        split_rule: Some(format!("given: split-{}", choices.split)),
        notes: Vec::new(),
    })
}

/// Tags without their kind, but for those that two kinds share.
fn short_names(names: &[(String, usize)]) -> Vec<String> {
    let short = |name: &str| name.split_once("---").map_or(name, |(_, short)| short).to_owned();
    let mut counts: HashMap<String, usize> = HashMap::new();
    names.iter().for_each(|(name, _)| *counts.entry(short(name)).or_default() += 1);
    let name =
        |(name, _): &(String, usize)| if counts[&short(name)] == 1 { short(name) } else { name.clone() };
    names.iter().map(name).collect()
}
