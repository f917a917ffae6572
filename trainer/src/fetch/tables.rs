//! What lies beside the music: a manifest, and who made it under which licence.

use super::{FetchError, List, Track, audio_path};
use crate::corpus::Split;
use crate::files::write_atomically;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Writes `manifest.csv`, `licences.csv` and `LICENCES.md` about the tracks that are there.
pub(super) fn write(list: &List, present: &[&Track], to: &Path) -> Result<(), FetchError> {
    let tables = [
        ("manifest.csv", manifest(list, present)),
        ("licences.csv", licences(list, present)),
        ("LICENCES.md", markdown(list, present)),
    ];
    for (name, text) in tables {
        let path = to.join(name);
        write_atomically(&path, text.as_bytes()).map_err(FetchError::file(path))?;
    }
    Ok(())
}

/// Forward slashes, whatever the system.
fn local(list: &List, track: &Track) -> String {
    let path = audio_path(list, track);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn manifest(list: &List, present: &[&Track]) -> String {
    // "album" keeps a family together: an artist alone would part the packages of one family.
    rows(&["path", "split", "album", "title", "licence", "seconds", "source", "comment"], present, |track| {
        let split = match track.split {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        };
        let (licence, seconds) = (track.licence.clone(), track.seconds.to_string());
        let title = track.title.clone();
        let (package, artist) = (track.package.clone(), track.artist.clone());
        vec![local(list, track), split.into(), track.family.clone(), title, licence, seconds, package, artist]
    })
}

fn licences(list: &List, present: &[&Track]) -> String {
    let header = [
        "path",
        "package",
        "version",
        "path_in_package",
        "licence",
        "licence_from",
        "artist",
        "artist_from",
        "title",
        "sha256",
    ];
    let versions: BTreeMap<&str, &str> =
        list.packages.iter().map(|package| (package.package.as_str(), package.version.as_str())).collect();
    rows(&header, present, |track| {
        let version = versions.get(track.package.as_str()).copied().unwrap_or_default();
        let fields = [
            &track.package,
            version,
            &track.path,
            &track.licence,
            &track.licence_from,
            &track.artist,
            &track.artist_from,
            &track.title,
            &track.sha256,
        ];
        std::iter::once(local(list, track)).chain(fields.map(str::to_owned)).collect()
    })
}

fn rows(header: &[&str], present: &[&Track], row: impl Fn(&Track) -> Vec<String>) -> String {
    let mut text = csv_row(header.iter().map(|name| (*name).to_owned()).collect());
    for track in present {
        text += &csv_row(row(track));
    }
    text
}

/// Quoted where it must be.
fn csv_row(fields: Vec<String>) -> String {
    let quoted = fields.iter().map(|field| match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

fn markdown(list: &List, present: &[&Track]) -> String {
    let mut text = String::from(
        "# Licences of this sound\n\nAll of it is from Debian's main archive, whose licences are free. The licence is the \
         one that the package's copyright file gives for the file; `copyright/` has these files, and they are what \
         counts. `*` marks a licence that is given for the package as a whole, `~` one found by its name in a copyright \
         file of free form. Artists are those of the files' own tags, else the holders of the copyright. \
         `licences.csv` has a line for every file.\n\n| package | files | licence | artist or holder |\n|---|---:|---|---|\n",
    );
    let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    for package in &list.packages {
        // (licence, artist) to number of files, in a fixed order.
        let mut groups: BTreeMap<(String, String), usize> = BTreeMap::new();
        for track in present.iter().filter(|track| track.package == package.package) {
            let mark = match track.licence_from.as_str() {
                "default" => " *",
                "text" => " ~",
                _ => "",
            };
            *groups.entry((format!("{}{mark}", track.licence), track.artist.clone())).or_default() += 1;
        }
        for ((licence, artist), files) in groups {
            let name = format!("{} {}", package.package, package.version);
            // A table in memory takes any text.
            let _ = writeln!(text, "| {name} | {files} | {} | {} |", cell(&licence), cell(&artist));
        }
    }
    text
}
