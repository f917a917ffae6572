//! last.fm's tags of the Million Song Dataset: the SQLite file `lastfm_tags.db`, or one JSON file for each track, in folders
//! or in the archives that they came in (<http://millionsongdataset.com/lastfm/>).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;

use crate::corpus::CorpusError;

/// A tag counts as present from above this strength, of 100, on (Choi et al. 2016).
const STRENGTH: f64 = 50.0;

/// Tracks and the tags that are strong in them.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    /// Names of the tags.
    pub tags: Vec<String>,
    /// By the track's id, places in `tags`. Tracks without a strong tag are not there.
    pub tracks: BTreeMap<String, Vec<usize>>,
    numbers: HashMap<String, usize>,
}

/// Names under which the JSON files come.
const ARCHIVES: [&str; 3] = ["lastfm_train", "lastfm_test", "lastfm_subset"];

impl Tagged {
    /// Reads what there is in the folder; nothing where there are no tags.
    pub fn read(dir: &Path) -> Result<Option<Self>, CorpusError> {
        let database = dir.join("lastfm_tags.db");
        if database.is_file() {
            let read = from_database(&database);
            return read.map(Some).map_err(|source| CorpusError::Database { path: database, source });
        }
        let mut tagged = Self::default();
        let mut found = false;
        for name in ARCHIVES {
            let (folder, archive) = (dir.join(name), dir.join(format!("{name}.zip")));
            if folder.is_dir() {
                found = true;
                tagged.add_folder(&folder)?;
            } else if archive.is_file() {
                found = true;
                tagged.add_archive(&archive)?;
            }
        }
        Ok(found.then_some(tagged))
    }

    fn add(&mut self, track: &str, tag: &str) {
        let number = match self.numbers.get(tag) {
            Some(&number) => number,
            None => {
                self.numbers.insert(tag.into(), self.tags.len());
                self.tags.push(tag.into());
                self.tags.len() - 1
            }
        };
        let tags = match self.tracks.get_mut(track) {
            Some(tags) => tags,
            None => self.tracks.entry(track.into()).or_default(),
        };
        if !tags.contains(&number) {
            tags.push(number);
        }
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), CorpusError> {
        let failed = |source| CorpusError::Read { path: folder.into(), source };
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        entries.sort();
        for path in entries {
            // What the archives hold: folders of one letter, three deep, without links.
            if path.is_dir() && !path.is_symlink() {
                self.add_folder(&path)?;
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let text = std::fs::read(&path)
                    .map_err(|source| CorpusError::Read { path: path.clone(), source })?;
                self.add_json(&text, &path)?;
            }
        }
        Ok(())
    }

    fn add_archive(&mut self, path: &Path) -> Result<(), CorpusError> {
        let failed = |source| CorpusError::Read { path: path.into(), source };
        let broken = |error: zip::result::ZipError| failed(std::io::Error::other(error));
        let file = File::open(path).map_err(failed)?;
        let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(broken)?;
        for number in 0..archive.len() {
            let mut entry = archive.by_index(number).map_err(broken)?;
            let name = entry.name().map_err(broken)?.into_owned();
            if entry.is_file() && name.ends_with(".json") {
                let name = path.join(name);
                let mut text = Vec::new();
                entry.read_to_end(&mut text).map_err(failed)?;
                self.add_json(&text, &name)?;
            }
        }
        Ok(())
    }

    fn add_json(&mut self, text: &[u8], path: &Path) -> Result<(), CorpusError> {
        let wrong = |reason: String| CorpusError::Line { path: path.into(), line: 1, reason };
        let track: Track = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        for (tag, strength) in &track.tags {
            let strength = match strength {
                Strength::Number(number) => *number,
                Strength::Text(text) => {
                    text.parse().map_err(|_| wrong(format!("{text:?} is not the strength of a tag")))?
                }
            };
            if strength > STRENGTH {
                self.add(&track.track_id, tag);
            }
        }
        Ok(())
    }
}

/// A JSON file of a track; it holds more.
#[derive(Deserialize)]
struct Track {
    track_id: String,
    tags: Vec<(String, Strength)>,
}

/// Written as text, as in `["rock", "100"]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Strength {
    Number(f64),
    Text(String),
}

/// Tables `tids` and `tags` by their row numbers, and `tid_tag` of both with a strength.
fn from_database(path: &Path) -> rusqlite::Result<Tagged> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let names = |query: &str| -> rusqlite::Result<HashMap<i64, String>> {
        let mut query = database.prepare(query)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    let tracks = names("SELECT ROWID, tid FROM tids")?;
    let tags = names("SELECT ROWID, tag FROM tags")?;
    let mut tagged = Tagged::default();
    let mut query = database.prepare("SELECT tid, tag FROM tid_tag WHERE val > ?1 ORDER BY tid, tag")?;
    let mut rows = query.query([STRENGTH])?;
    while let Some(row) = rows.next()? {
        let (track, tag): (i64, i64) = (row.get(0)?, row.get(1)?);
        if let (Some(track), Some(tag)) = (tracks.get(&track), tags.get(&tag)) {
            tagged.add(track, tag);
        }
    }
    Ok(tagged)
}
