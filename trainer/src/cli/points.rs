//! Where songs lie for another program.

use super::show;
use super::songs::Songs;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A name and a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    name: String,
    file: PathBuf,
}

impl FromStr for Foreign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.into(), file: file.into() })
            }
            _ => Err(format!("{text:?} is not NAME=FILE.csv")),
        }
    }
}

/// A table's name, and its points by the files' whole paths.
pub type Table = (String, HashMap<PathBuf, Vec<f32>>);

/// Reads the tables; `taken` are names that they may not have.
pub fn read_all(tables: &[Foreign], taken: &[&str]) -> Result<Vec<Table>> {
    let mut all: Vec<Table> = Vec::new();
    for Foreign { name, file } in tables {
        if taken.contains(&name.as_str()) {
            bail!("--points {name}: a way of our own has that name");
        }
        if all.iter().any(|(other, _)| other == name) {
            bail!("--points {name}: two tables have that name");
        }
        all.push((name.clone(), read(file)?));
    }
    Ok(all)
}

/// The songs' points in each table, by its name; songs that a table lacks are taken out of `songs`.
pub fn keep_songs_with(tables: Vec<Table>, songs: &mut Songs) -> Result<Vec<(String, Vec<Vec<f32>>)>> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let before = songs.songs.len();
    let whole = |path: &Option<PathBuf>| path.as_ref().and_then(|path| path.canonicalize().ok());
    songs.songs.retain(|song| {
        whole(&song.path).is_some_and(|path| tables.iter().all(|(_, points)| points.contains_key(&path)))
    });
    let left = songs.songs.len();
    if left < before {
        show::line(&format!("{} songs that a table lacks are left out", before - left));
    }
    if left == 0 {
        bail!("the tables of --points have none of the corpus's songs");
    }
    let of = |(name, points): Table| {
        let points = songs.songs.iter().filter_map(|song| points.get(&whole(&song.path)?).cloned());
        (name, points.collect())
    };
    Ok(tables.into_iter().map(of).collect())
}

/// Points by the files' whole paths; files that are not there are passed over.
fn read(file: &Path) -> Result<HashMap<PathBuf, Vec<f32>>> {
    let named = || file.display().to_string();
    let mut reader = csv::Reader::from_path(file).with_context(named)?;
    let header = reader.headers().with_context(named)?.clone();
    let path = header.iter().position(|name| name == "path");
    let path = path.with_context(|| format!("{}: there is no column \"path\"", file.display()))?;
    if header.len() < 2 {
        bail!("{}: there is no column beside the path", file.display());
    }
    let mut points = HashMap::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.with_context(named)?;
        let values = record.iter().enumerate().filter(|(column, _)| *column != path).map(|(_, value)| value);
        let values = values.map(|value| {
            let number: Option<f32> = value.trim().parse().ok().filter(|number: &f32| number.is_finite());
            number.with_context(|| format!("{}: line {}: {value:?} is no number", file.display(), row + 2))
        });
        let values: Vec<f32> = values.collect::<Result<_>>()?;
        // As in a manifest, paths are relative to the table.
        let beside = file.parent().unwrap_or(Path::new("."));
        if let Ok(whole) = beside.join(&record[path]).canonicalize() {
            points.insert(whole, values);
        }
    }
    Ok(points)
}
