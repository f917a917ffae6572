//! `msd:DIR`: the Million Song Dataset with last.fm's tags.
//!
//! Labels come from last.fm's files ([`lastfm`](super::lastfm)), and from the split that the paper's author published:
//! `{train,valid,test}_x_msd_id.txt` with a track on each line, `_y.npy` with its labels, `_x_7d_id.txt` with its number at
//! 7digital, and `tags.txt`. Either alone is enough; where both are there, the published labels count for the tracks they
//! name, and last.fm's other tracks train. `track_metadata.db`, MSD's own, knows artists and 7digital's numbers.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::lastfm::Tagged;
use super::{About, PublishedList, Song, most_frequent, npy, rows};
use crate::compare::paper::TAGS as PAPER_TAGS;
use crate::corpus::{CorpusError, Split};

pub(super) const ABOUT: About = About {
    title: "Million Song Dataset, last.fm tags",
    licence: "tags for research and strictly non-commercial use; audio under the terms of who provides it",
    citation: "T. Bertin-Mahieux, D. P. W. Ellis, B. Whitman, P. Lamere, \"The Million Song Dataset\", ISMIR 2011; split: \
               K. Choi, G. Fazekas, M. Sandler, K. Cho, arXiv:1609.04243",
    url: "http://millionsongdataset.com/lastfm/",
};

/// Clips of the published test split that have each of the [paper's tags](PAPER_TAGS).
pub const PAPER_TEST_POSITIVES: [u64; 50] = [
    4245, 3053, 1689, 2715, 2618, 1933, 1459, 393, 785, 2574, 331, 1013, 761, 361, 689, 1357, 989, 407, 722,
    1033, 1266, 549, 299, 1085, 810, 982, 996, 497, 858, 574, 756, 244, 351, 1244, 494, 168, 1168, 258, 201,
    131, 690, 682, 521, 964, 649, 616, 429, 145, 436, 94,
];

/// How the published split is told in reports.
pub const PUBLISHED_SPLIT: &str = "given: the split that the paper's author published";

/// What people say of music that is not in the sound: left out where the most frequent tags are counted anew.
const LEFT_OUT: [&str; 24] = [
    "favorites",
    "favourites",
    "favorite",
    "favorite songs",
    "favourite",
    "favourite songs",
    "my favorites",
    "awesome",
    "amazing",
    "cool",
    "good",
    "great",
    "great song",
    "love",
    "Love it",
    "loved",
    "love at first listen",
    "best",
    "seen live",
    "albums I own",
    "songs I absolutely love",
    "heard on Pandora",
    "american",
    "british",
];

/// Which tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    /// This many of the most frequent tags, instead of the paper's.
    top: Option<usize>,
}

impl Choices {
    pub fn new(words: &[String]) -> Option<Self> {
        words.iter().try_fold(Self::default(), |_, word| {
            let top = word.strip_prefix("top")?.parse().ok().filter(|top| (1..=10_000).contains(top))?;
            Some(Self { top: Some(top) })
        })
    }
}

pub(super) fn list(dir: &Path, choices: &Choices) -> Result<PublishedList, CorpusError> {
    let tagged = Tagged::read(dir)?;
    let published = published(dir)?;
    if tagged.is_none() && published.is_empty() {
        let missing =
            "lastfm_tags.db, lastfm_train/ or lastfm_train.zip, valid_x_msd_id.txt with valid_y.npy";
        return Err(CorpusError::Layout { dir: dir.into(), title: ABOUT.title, missing: missing.into() });
    }
    let mut notes = Vec::new();
    let tags: Vec<String> = match (choices.top, &tagged) {
        (None, _) => paper_tags(dir)?,
        (Some(most), Some(tagged)) => recounted(dir, tagged, most, &mut notes)?,
        (Some(_), None) => {
            let missing = "lastfm_tags.db or lastfm_train/, of which other tags than the published split's can be counted";
            return Err(CorpusError::Layout { dir: dir.into(), title: ABOUT.title, missing: missing.into() });
        }
    };
    let metadata = Metadata::read(dir)?;
    let mismatched = mismatched(dir)?;
    let mut songs = Vec::new();
    let mut named: HashMap<String, Split> = HashMap::new();
    let mut unlabelled_lists = 0;
    for Part { split, tracks, labels } in published {
        for (number, (track, seven_digital)) in tracks.into_iter().enumerate() {
            named.insert(track.clone(), split);
            let labels = match &labels {
                // The published labels are of the paper's tags.
                Some(labels) if choices.top.is_none() => {
                    let row = &labels.values[number * labels.columns..][..labels.columns];
                    row.iter().map(|&yes| f32::from(u8::from(yes))).collect()
                }
                _ => match &tagged {
                    Some(tagged) => labels_of(&track, tagged, &tags),
                    None => {
                        unlabelled_lists += 1;
                        vec![f32::NAN; tags.len()]
                    }
                },
            };
            songs.push(song(track, seven_digital, Some(split), labels, &metadata));
        }
    }
    let trains = named.values().any(|&split| split == Split::Train);
    if let Some(tagged) = &tagged
        && !trains
    {
        let split = (!named.is_empty()).then_some(Split::Train);
        for track in tagged.tracks.keys().filter(|track| !named.contains_key(*track)) {
            let labels = labels_of(track, tagged, &tags);
            if labels.contains(&1.0) {
                songs.push(song(track.clone(), None, split, labels, &metadata));
            }
        }
    }
    if unlabelled_lists > 0 {
        notes.push(format!("{unlabelled_lists} tracks are listed without labels"));
    }
    let before = songs.len();
    songs.retain(|song| !mismatched.contains(&song.id));
    if before > songs.len() {
        notes.push(format!(
            "{} tracks are left out that sid_mismatches.txt says are matched to another song",
            before - songs.len()
        ));
    }
    let split_rule = (!named.is_empty()).then(|| PUBLISHED_SPLIT.into());
    Ok(PublishedList { tags, songs, grouped_by: "artist", split_rule, notes })
}

fn song(
    track: String,
    seven_digital: Option<String>,
    split: Option<Split>,
    labels: Vec<f32>,
    metadata: &Metadata,
) -> Song {
    let known = metadata.0.get(&track);
    let seven_digital = seven_digital.or_else(|| known.and_then(|known| known.seven_digital.clone()));
    Song {
        stems: [track.clone()].into_iter().chain(seven_digital).collect(),
        id: track,
        group: known.map(|known| known.artist.clone()),
        album: known.and_then(|known| known.album.clone()),
        split,
        labels,
        // The metadata's duration is that of the whole song, of which previews are a part.
        seconds: None,
    }
}

fn labels_of(track: &str, tagged: &Tagged, tags: &[String]) -> Vec<f32> {
    let strong = tagged.tracks.get(track).map_or(&[][..], Vec::as_slice);
    let is_strong = |tag: &String| strong.iter().any(|&number| tagged.tags[number] == *tag);
    tags.iter().map(|tag| f32::from(u8::from(is_strong(tag)))).collect()
}

fn paper_tags(dir: &Path) -> Result<Vec<String>, CorpusError> {
    let list = dir.join("tags.txt");
    if list.is_file() { rows::lines(&list) } else { Ok(PAPER_TAGS.map(Into::into).into()) }
}

/// The most frequent tags but for the words left out: ours, or those of `left_out.txt`.
fn recounted(
    dir: &Path,
    tagged: &Tagged,
    most: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, CorpusError> {
    let path = dir.join("left_out.txt");
    let left_out: HashSet<String> = if path.is_file() {
        notes.push("tags are counted anew, without the words of left_out.txt".into());
        rows::lines(&path)?.iter().map(|word| word.to_lowercase()).collect()
    } else {
        notes.push(format!("tags are counted anew, without {}", LEFT_OUT.join(", ")));
        LEFT_OUT.iter().map(|word| word.to_lowercase()).collect()
    };
    let mut counts = vec![0; tagged.tags.len()];
    tagged.tracks.values().flatten().for_each(|&tag| counts[tag] += 1);
    let counts = tagged.tags.iter().cloned().zip(counts);
    Ok(most_frequent(counts.filter(|(tag, _)| !left_out.contains(&tag.to_lowercase())).collect(), most))
}

/// A part of the published split.
struct Part {
    split: Split,
    /// MSD's id, and 7digital's number where it is listed.
    tracks: Vec<(String, Option<String>)>,
    labels: Option<npy::BoolMatrix>,
}

fn published(dir: &Path) -> Result<Vec<Part>, CorpusError> {
    let mut parts = Vec::new();
    for (split, name) in [(Split::Train, "train"), (Split::Validation, "valid"), (Split::Test, "test")] {
        let list = dir.join(format!("{name}_x_msd_id.txt"));
        if !list.is_file() {
            continue;
        }
        let tracks = rows::lines(&list)?;
        let numbers = dir.join(format!("{name}_x_7d_id.txt"));
        let numbers = if numbers.is_file() { Some((rows::lines(&numbers)?, numbers)) } else { None };
        if let Some((numbers, path)) = &numbers
            && numbers.len() != tracks.len()
        {
            let reason = format!("{} lines, but {} has {}", numbers.len(), list.display(), tracks.len());
            return Err(CorpusError::Line { path: path.clone(), line: numbers.len() as u64, reason });
        }
        let path = dir.join(format!("{name}_y.npy"));
        let labels = if path.is_file() { Some(npy::read(&path)?) } else { None };
        if let Some(labels) = &labels {
            let columns = paper_tags(dir)?.len();
            if (labels.rows, labels.columns) != (tracks.len(), columns) {
                let (rows, found) = (labels.rows, labels.columns);
                let reason = format!(
                    "labels of {rows} tracks and {found} tags, for {} tracks and {columns} tags",
                    tracks.len()
                );
                return Err(CorpusError::Line { path, line: 1, reason });
            }
        }
        let mut numbers = numbers.map(|(numbers, _)| numbers.into_iter());
        let tracks = tracks.into_iter().map(|track| (track, numbers.as_mut().and_then(Iterator::next)));
        parts.push(Part { split, tracks: tracks.collect(), labels });
    }
    Ok(parts)
}

/// What `track_metadata.db` knows of a track.
struct Known {
    artist: String,
    album: Option<String>,
    seven_digital: Option<String>,
}

/// By the tracks' ids; empty where the file is not there.
struct Metadata(HashMap<String, Known>);

impl Metadata {
    fn read(dir: &Path) -> Result<Self, CorpusError> {
        let path = dir.join("track_metadata.db");
        if !path.is_file() {
            return Ok(Self(HashMap::new()));
        }
        read_metadata(&path).map(Self).map_err(|source| CorpusError::Database { path, source })
    }
}

fn read_metadata(path: &Path) -> rusqlite::Result<HashMap<String, Known>> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut query =
        database.prepare("SELECT track_id, artist_id, artist_name, track_7digitalid, release FROM songs")?;
    let rows = query.query_map([], |row| {
        let (artist, name): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        let number: Option<i64> = row.get(3)?;
        let seven_digital = number.filter(|number| *number > 0).map(|number| number.to_string());
        let artist = artist.filter(|artist| !artist.is_empty()).or(name).unwrap_or_default();
        let release: Option<String> = row.get(4)?;
        // Artists have albums of the same name.
        let album =
            release.filter(|release| !release.is_empty()).map(|release| format!("{artist}: {release}"));
        Ok((row.get(0)?, Known { artist, album, seven_digital }))
    })?;
    rows.collect()
}

/// Tracks that are matched to another song: lines `ERROR: <SONG TRACK> this song != that song`
/// (<http://millionsongdataset.com/blog/12-2-12-fixing-matching-errors/>).
fn mismatched(dir: &Path) -> Result<HashSet<String>, CorpusError> {
    let path = dir.join("sid_mismatches.txt");
    if !path.is_file() {
        return Ok(HashSet::new());
    }
    let track = |line: &String| {
        let (_, rest) = line.split_once('<')?;
        let (ids, _) = rest.split_once('>')?;
        Some(ids.split_once(' ')?.1.trim().to_owned())
    };
    Ok(rows::lines(&path)?.iter().filter_map(track).collect())
}
