//! From a `.deb` to the listed files.

use super::folder::Folder;
use super::{FetchError, List, Track, deb};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Longest copyright file that is kept, in bytes; Debian's longest with music has 0.2 MB.
const LONGEST_COPYRIGHT: u64 = 4 << 20;

/// Listed files that did not come out of a package: their paths, and why.
pub(super) type Missing = Vec<(String, &'static str)>;

/// Writes the music of a package that is not there yet, and its copyright file.
///
/// What is listed and is not in the package, or differs from the list, is returned. Nothing is ever written under a name
/// that the package gives: what it holds is only looked up in the list.
///
/// # Errors
/// When the package is damaged or the disk fails; files that came out before stay.
pub(super) fn unpack(
    list: &List,
    package: &str,
    deb: &Path,
    folder: &Folder<'_>,
    temporary: &Path,
) -> Result<Missing, FetchError> {
    let mut plain: HashMap<&str, &Track> = HashMap::new();
    let mut zips: HashMap<&str, BTreeMap<&str, &Track>> = HashMap::new();
    for track in list.tracks_of(package).filter(|track| !folder.holds(list, track)) {
        match track.path.split_once(".d/") {
            Some((zip, inner)) if is_zip(zip) => drop(zips.entry(zip).or_default().insert(inner, track)),
            _ => drop(plain.insert(&track.path, track)),
        }
    }
    let mut missing = Missing::new();
    let copyright = format!("usr/share/doc/{package}/copyright");
    deb::each_file(deb, |path, content| {
        if path == copyright {
            let mut text = Vec::new();
            content.take(LONGEST_COPYRIGHT).read_to_end(&mut text)?;
            let to = folder.dir.join("copyright").join(package);
            crate::files::write_atomically(&to, &text).map_err(FetchError::file(to))?;
        } else if let Some(track) = plain.remove(path) {
            if !folder.write(list, track, content)? {
                missing.push((track.path.clone(), DIFFERS));
            }
        } else if let Some(mut inside) = zips.remove(path) {
            let mut file = tempfile::tempfile_in(temporary).map_err(FetchError::file(temporary))?;
            io::copy(content, &mut file)?;
            file.flush()?;
            file.rewind()?;
            missing.extend(unzip(list, &mut inside, file, folder)?);
        }
        Ok(())
    })
    .map_err(|failure: Failure| match failure {
        Failure::Reading(error) => FetchError::Package { path: deb.into(), reason: error.to_string() },
        // The name in the package alone would not say in which.
        Failure::Other(FetchError::Package { path, reason }) => {
            FetchError::Package { path: deb.into(), reason: format!("{}: {reason}", path.display()) }
        }
        Failure::Other(error) => error,
    })?;
    let absent = plain.into_values().chain(zips.into_values().flat_map(BTreeMap::into_values));
    missing.extend(absent.map(|track| (track.path.clone(), ABSENT)));
    missing.sort();
    Ok(missing)
}

const DIFFERS: &str = "differs from the list";
const ABSENT: &str = "is not in the package";

fn is_zip(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|ending| ["zip", "pk3", "pk4", "jar"].iter().any(|zip| ending.eq_ignore_ascii_case(zip)))
}

fn unzip(
    list: &List,
    inside: &mut BTreeMap<&str, &Track>,
    file: std::fs::File,
    folder: &Folder<'_>,
) -> Result<Missing, Failure> {
    let mut missing = Missing::new();
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(io::Error::other)?;
    while let Some((name, track)) = inside.pop_first() {
        match archive.by_name(name) {
            Ok(mut entry) => {
                if !folder.write(list, track, &mut entry)? {
                    missing.push((track.path.clone(), DIFFERS));
                }
            }
            Err(zip::result::ZipError::FileNotFound) => missing.push((track.path.clone(), ABSENT)),
            Err(error) => {
                let path = PathBuf::from(&track.path);
                return Err(Failure::Other(FetchError::Package { path, reason: error.to_string() }));
            }
        }
    }
    Ok(missing)
}

/// Errors of reading a package get its name where they leave this file.
enum Failure {
    Reading(io::Error),
    Other(FetchError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Reading(error)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Other(error)
    }
}
