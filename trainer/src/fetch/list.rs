//! The list of packages and of the music in them.

use super::FetchError;
use crate::corpus::Split;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A package and where the archive keeps it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Package {
    /// Its name.
    pub package: String,
    /// The version that the sums are of.
    pub version: String,
    /// `all` or a processor's name.
    pub architecture: String,
    /// Path below a mirror's root.
    pub pool: String,
    /// Size of the `.deb` in bytes.
    pub bytes: u64,
    /// SHA-256 of the `.deb`, in lower-case hexadecimal.
    pub sha256: String,
}

/// One piece of music in a package.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Track {
    /// The package it is in.
    pub package: String,
    /// Its path in the package; `NAME.d/` stands for what is inside the zip or pk3 NAME.
    pub path: String,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Length in seconds.
    pub seconds: f64,
    /// Packages that belong together, such as those of one game or composer; no split divides them.
    pub family: String,
    /// What it is used for: training or validation, the same for a whole family.
    #[serde(deserialize_with = "split")]
    pub split: Split,
    /// Licence as the package's copyright file names it.
    pub licence: String,
    /// How the licence was found: `files` (a stanza about the file), `default` (the stanza about everything) or
    /// `text` (names in a copyright file of free form).
    pub licence_from: String,
    /// Artist or holder of the copyright, where known.
    pub artist: String,
    /// Where the artist is named: `tag`, `copyright`, or nowhere.
    pub artist_from: String,
    /// Title by the file's own tags, where known.
    pub title: String,
}

/// Packages with music and the music in them, in a fixed order.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// How messages call it.
    pub name: &'static str,
    /// The packages.
    pub packages: Vec<Package>,
    /// The music, by package in the order of the packages.
    pub tracks: Vec<Track>,
}

impl List {
    /// The project's own list of music in Debian 12.
    pub fn debian() -> &'static Self {
        static LIST: OnceLock<List> = OnceLock::new();
        LIST.get_or_init(|| {
            let packages = include_str!("../../data/debian-packages.csv");
            let tracks = include_str!("../../data/debian-music.csv");
            // The files are part of the program, and a test reads them.
            List::parse("debian", packages, tracks)
                .expect("the committed list of Debian's music is well-formed")
        })
    }

    /// The project's own list of speech in Debian 12, to be heard over music.
    pub fn voices() -> &'static Self {
        static LIST: OnceLock<List> = OnceLock::new();
        LIST.get_or_init(|| {
            let packages = include_str!("../../data/debian-voice-packages.csv");
            let tracks = include_str!("../../data/debian-voices.csv");
            // The files are part of the program, and a test reads them.
            List::parse("voices", packages, tracks)
                .expect("the committed list of Debian's voices is well-formed")
        })
    }

    /// Reads a list from two CSVs with the columns of [`Package`] and [`Track`].
    ///
    /// # Errors
    /// [`FetchError::List`] for what is no such CSV, and for names and paths that could lead out of a folder, tracks of
    /// unknown packages, and families in more than one split.
    pub fn parse(name: &'static str, packages: &str, tracks: &str) -> Result<Self, FetchError> {
        let wrong = |reason: String| FetchError::List { list: name, reason };
        let packages: Vec<Package> = rows(packages).map_err(|e| wrong(format!("packages: {e}")))?;
        let mut tracks: Vec<Track> = rows(tracks).map_err(|e| wrong(format!("tracks: {e}")))?;
        let mut order = HashMap::new();
        for (i, package) in packages.iter().enumerate() {
            let fine = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            let named = package.package.starts_with(|c: char| c.is_ascii_alphanumeric());
            if !named || !package.package.chars().all(fine) {
                return Err(wrong(format!("{:?} is no name of a package", package.package)));
            }
            if !safe(&package.pool) || !is_sum(&package.sha256) {
                return Err(wrong(format!("package {}: no such path or sum can be", package.package)));
            }
            if order.insert(package.package.clone(), i).is_some() {
                return Err(wrong(format!("package {} is there twice", package.package)));
            }
        }
        let (mut seen, mut split_of) = (HashSet::new(), HashMap::new());
        for track in &tracks {
            let at = format!("{} {}", track.package, track.path);
            if !order.contains_key(&track.package) {
                return Err(wrong(format!("{at}: the package is not listed")));
            }
            if !safe(&track.path) || !is_sum(&track.sha256) || track.seconds.is_nan() || track.seconds <= 0.0
            {
                return Err(wrong(format!("{at}: no such path, sum or length can be")));
            }
            if !seen.insert(at.clone()) {
                return Err(wrong(format!("{at} is there twice")));
            }
            if *split_of.entry(track.family.clone()).or_insert(track.split) != track.split {
                return Err(wrong(format!("{at}: family {} is in two splits", track.family)));
            }
        }
        tracks.sort_by_key(|track| order[&track.package]);
        Ok(Self { name, packages, tracks })
    }

    /// The music of a package.
    pub fn tracks_of<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a Track> {
        self.tracks.iter().filter(move |track| track.package == package)
    }
}

fn rows<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect()
}

fn split<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Split, D::Error> {
    match String::deserialize(from)?.as_str() {
        "train" => Ok(Split::Train),
        "validation" => Ok(Split::Validation),
        other => Err(serde::de::Error::custom(format!("split {other:?} is not train or validation"))),
    }
}

/// Whether a path has plain names only, so that it stays below whatever it is joined to.
fn safe(path: &str) -> bool {
    !path.contains(['\\', '\0', '\n', '\r']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}
