//! Corpora as their publishers left them: the Million Song Dataset, MagnaTagATune, MTG-Jamendo, FMA, GTZAN.
//!
//! Each is read in the format in which it was published, from a folder that holds its lists and, wherever below it, its
//! audio, which is found by name. Splits and tags are those that the field reports figures on; a choice of
//! others is written between the kind and the folder, as in `jamendo/split-2/genre:DIR`.

mod audio;
mod fma;
mod gtzan;
mod gtzan_split;
mod jamendo;
mod lastfm;
mod msd;
mod mtat;
mod npy;
mod rows;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Clip, ClipSource, CorpusError, Listing, Split};
pub use crate::compare::paper::TAGS as PAPER_TAGS;
use audio::AudioIndex;
pub use msd::{PAPER_TEST_POSITIVES, PUBLISHED_SPLIT};

/// Which published corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The Million Song Dataset with last.fm's tags.
    Msd,
    /// MagnaTagATune.
    Mtat,
    /// MTG-Jamendo.
    Jamendo,
    /// The Free Music Archive's data set.
    Fma,
    /// GTZAN, without its known faults.
    Gtzan,
}

/// What people want to know before they use a corpus.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// Its name.
    pub title: &'static str,
    /// Under what terms audio and labels may be used.
    pub licence: &'static str,
    /// What to cite.
    pub citation: &'static str,
    /// Where it is published.
    pub url: &'static str,
}

impl Kind {
    /// All of them, by their names on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("msd", Self::Msd),
        ("mtat", Self::Mtat),
        ("jamendo", Self::Jamendo),
        ("fma", Self::Fma),
        ("gtzan", Self::Gtzan),
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The choices that may be made, for messages.
    pub fn choices(self) -> &'static str {
        match self {
            Self::Msd => "topN (the N most frequent tags instead of the paper's 50)",
            Self::Mtat => "merged (synonyms as one tag), cleaned (clips with none of the tags left out)",
            Self::Jamendo => "split-0 to split-4; top50tags, all, genre, instrument, moodtheme",
            Self::Fma => "small, medium, large, full; top (the 16 top genres), genres (all of them)",
            Self::Gtzan => "none",
        }
    }

    /// Licence, citation and place.
    pub fn about(self) -> About {
        match self {
            Self::Msd => msd::ABOUT,
            Self::Mtat => mtat::ABOUT,
            Self::Jamendo => jamendo::ABOUT,
            Self::Fma => fma::ABOUT,
            Self::Gtzan => gtzan::ABOUT,
        }
    }
}

/// A published corpus, the choices made, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which.
    pub kind: Kind,
    /// The choices as they were written; see [`Kind::choices`].
    pub choices: Vec<String>,
    /// The folder.
    pub dir: PathBuf,
}

impl Published {
    /// Whether its tags are genres, all of them.
    pub fn genres_alone(&self) -> bool {
        match self.kind {
            Kind::Fma | Kind::Gtzan => true,
            Kind::Jamendo => self.choices.iter().any(|choice| choice == "genre"),
            Kind::Msd | Kind::Mtat => false,
        }
    }

    /// `KIND[/CHOICE...]` and a folder; none where the kind is another one.
    pub(super) fn parse(kind: &str, dir: &str) -> Option<Result<Self, &'static str>> {
        let mut words = kind.split('/');
        let name = words.next()?;
        let (_, kind) = Kind::ALL.into_iter().find(|(known, _)| *known == name)?;
        let choices: Vec<String> = words.map(Into::into).collect();
        let check = match kind {
            Kind::Msd => msd::Choices::new(&choices).map(|_| ()),
            Kind::Mtat => mtat::Choices::new(&choices).map(|_| ()),
            Kind::Jamendo => jamendo::Choices::new(&choices).map(|_| ()),
            Kind::Fma => fma::Choices::new(&choices).map(|_| ()),
            Kind::Gtzan => choices.is_empty().then_some(()),
        };
        Some(match check {
            None => Err(kind.choices()),
            Some(()) if dir.is_empty() => Err("the path is missing"),
            Some(()) => Ok(Self { kind, choices, dir: dir.into() }),
        })
    }

    /// What the corpus lists, whether its audio is there or not.
    ///
    /// # Errors
    /// When a list is missing or cannot be read.
    pub fn list(&self) -> Result<PublishedList, CorpusError> {
        let wrong = || CorpusError::Spec { text: self.to_string(), reason: self.kind.choices() };
        match self.kind {
            Kind::Msd => msd::list(&self.dir, &msd::Choices::new(&self.choices).ok_or_else(wrong)?),
            Kind::Mtat => mtat::list(&self.dir, mtat::Choices::new(&self.choices).ok_or_else(wrong)?),
            Kind::Jamendo => {
                jamendo::list(&self.dir, &jamendo::Choices::new(&self.choices).ok_or_else(wrong)?)
            }
            Kind::Fma => fma::list(&self.dir, fma::Choices::new(&self.choices).ok_or_else(wrong)?),
            Kind::Gtzan => gtzan::list(&self.dir),
        }
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        self.choices.iter().try_for_each(|choice| write!(f, "/{choice}"))?;
        write!(f, ":{}", self.dir.display())
    }
}

/// What a published corpus lists.
#[derive(Clone, Debug)]
pub struct PublishedList {
    /// Names of the tags.
    pub tags: Vec<String>,
    /// The clips, all of them.
    pub songs: Vec<Song>,
    /// What the groups are: whose songs never straddle a split that is drawn.
    pub grouped_by: &'static str,
    /// How the splits come about, where the corpus says it.
    pub split_rule: Option<String>,
    /// What else should be known: what was left out, and by which list.
    pub notes: Vec<String>,
}

/// A clip as a corpus lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Song {
    /// Its name in the corpus.
    pub id: String,
    /// Names under which its audio may lie, without folder and ending; the first one that is there counts.
    pub stems: Vec<String>,
    /// Its artist, or what else must not straddle a split.
    pub group: Option<String>,
    /// What tells its album from all others, where the corpus says it.
    pub album: Option<String>,
    /// Its split, where the corpus gives it.
    pub split: Option<Split>,
    /// One value for each tag; NaN means not labelled.
    pub labels: Vec<f32>,
    /// Its length as the corpus states it.
    pub seconds: Option<f64>,
}

impl PublishedList {
    /// Finds the audio below `dir`. Clips without are named as problems by [`super::load()`], for their paths lead nowhere.
    pub(super) fn into_listing(self, dir: &Path) -> Result<Listing, CorpusError> {
        let index = AudioIndex::new(dir)?;
        let clips = self.songs.into_iter().map(|song| {
            let path = index.find(&song.stems).map_or_else(|| missing(dir, &song), Into::into);
            let Song { id, group, album, split, labels, .. } = song;
            Clip { id, source: ClipSource::File(path), group, album, split, labels, windows: Vec::new() }
        });
        Ok(Listing {
            tags: self.tags,
            clips: clips.collect(),
            problems: Vec::new(),
            grouped_by: self.grouped_by,
            split_rule: self.split_rule,
        })
    }

    /// For each clip, where its audio is.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn audio(&self, dir: &Path) -> Result<Vec<Option<PathBuf>>, CorpusError> {
        let index = AudioIndex::new(dir)?;
        Ok(self.songs.iter().map(|song| index.find(&song.stems).map(Into::into)).collect())
    }
}

/// A path that says what was looked for.
fn missing(dir: &Path, song: &Song) -> PathBuf {
    dir.join(format!("**/{}.*", song.stems.first().unwrap_or(&song.id)))
}

/// The `most` most frequent tags, in the order of their counts, then names; those that no clip has are none.
fn most_frequent(counts: Vec<(String, usize)>, most: usize) -> Vec<String> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().take(most).map(|(tag, _)| tag).collect()
}

/// The first of these files that is there, below `dir`; an error that says what belongs there.
fn first_file(dir: &Path, names: &[&str], title: &'static str) -> Result<PathBuf, CorpusError> {
    let found = names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| CorpusError::Layout { dir: dir.into(), title, missing: names.join(" or ") })
}
