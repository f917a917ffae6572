//! `fma:DIR`: the Free Music Archive's data set, as `fma_metadata/tracks.csv` and `genres.csv`.

use std::collections::HashMap;
use std::path::Path;

use super::rows::Table;
use super::{About, PublishedList, Song, first_file};
use crate::corpus::{CorpusError, Split};

pub(super) const ABOUT: About = About {
    title: "FMA",
    licence: "audio under the licence its artist chose; metadata CC BY 4.0",
    citation: "M. Defferrard, K. Benzi, P. Vandergheynst, X. Bresson, \"FMA: A Dataset for Music Analysis\", ISMIR 2017",
    url: "https://github.com/mdeff/fma",
};

/// Each holds those before it.
const SUBSETS: [&str; 4] = ["small", "medium", "large", "full"];

/// Which clips and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// Place in [`SUBSETS`].
    subset: usize,
    /// All genres instead of the top ones.
    all_genres: bool,
}

impl Choices {
    pub fn new(words: &[String]) -> Option<Self> {
        words.iter().try_fold(Self { subset: 1, all_genres: false }, |choices, word| match word.as_str() {
            "top" => Some(Self { all_genres: false, ..choices }),
            "genres" => Some(Self { all_genres: true, ..choices }),
            word => {
                let subset = SUBSETS.iter().position(|subset| *subset == word)?;
                Some(Self { subset, ..choices })
            }
        })
    }
}

/// A genre of `genres.csv`.
struct Genre {
    id: u32,
    title: String,
    top: bool,
}

pub(super) fn list(dir: &Path, choices: Choices) -> Result<PublishedList, CorpusError> {
    let tracks = first_file(dir, &["fma_metadata/tracks.csv", "tracks.csv"], ABOUT.title)?;
    let genres = first_file(dir, &["fma_metadata/genres.csv", "genres.csv"], ABOUT.title)?;
    let genres: Vec<Genre> =
        read_genres(&genres)?.into_iter().filter(|genre| choices.all_genres || genre.top).collect();
    let by_id: HashMap<u32, usize> =
        genres.iter().enumerate().map(|(place, genre)| (genre.id, place)).collect();
    let by_title: HashMap<&str, usize> =
        genres.iter().enumerate().map(|(place, genre)| (genre.title.as_str(), place)).collect();
    let mut table = Table::open(&tracks, b',', true)?;
    // Two lines name the columns, "set" above "split", and a third the index.
    let upper: Vec<String> = table.header().to_vec();
    let lower = table.next()?.ok_or_else(|| table.error(2, "there is no second line of names".into()))?;
    let column = |group: &str, name: &str| {
        let found = (0..upper.len()).find(|&i| upper[i] == group && lower.cell(i) == name);
        found.ok_or_else(|| table.error(2, format!("there is no column {group:?}, {name:?}")))
    };
    let (split, subset) = (column("set", "split")?, column("set", "subset")?);
    let (genre_top, genres_all) = (column("track", "genre_top")?, column("track", "genres_all")?);
    let (artist, album) = (column("artist", "id")?, column("album", "id")?);
    let duration = column("track", "duration")?;
    let mut songs = Vec::new();
    while let Some(row) = table.next()? {
        if row.cell(0) == "track_id" {
            continue;
        }
        let track: u32 = row.cell(0).parse().map_err(|_| table.value(&row, 0, "a track's number"))?;
        let place = SUBSETS.iter().position(|name| *name == row.cell(subset));
        if place.ok_or_else(|| table.value(&row, subset, "small, medium, large or full"))? > choices.subset {
            continue;
        }
        let mut labels = vec![0.0; genres.len()];
        if choices.all_genres {
            let list = row.cell(genres_all).trim_matches(['[', ']']);
            for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
                let id =
                    id.parse().map_err(|_| table.value(&row, genres_all, "a list of genres' numbers"))?;
                if let Some(&place) = by_id.get(&id) {
                    labels[place] = 1.0;
                }
            }
        } else if row.cell(genre_top).is_empty() {
            // Genres of several families: no top genre is a yes or a no.
            labels.fill(f32::NAN);
        } else {
            let place = by_title.get(row.cell(genre_top));
            labels[*place.ok_or_else(|| table.value(&row, genre_top, "a top genre of genres.csv"))?] = 1.0;
        }
        let split = match row.cell(split) {
            "training" => Split::Train,
            "validation" => Split::Validation,
            "test" => Split::Test,
            _ => return Err(table.value(&row, split, "training, validation or test")),
        };
        let stem = format!("{track:06}");
        songs.push(Song {
            id: stem.clone(),
            stems: vec![stem],
            group: Some(row.cell(artist).into()).filter(|artist: &String| !artist.is_empty()),
            // Tracks of no album have a number that is none.
            album: Some(row.cell(album).into())
                .filter(|album: &String| album.parse().is_ok_and(|number: i64| number > 0)),
            split: Some(split),
            labels,
            // Of the whole track, of which all subsets but the full one hold 30 s.
            seconds: row
                .cell(duration)
                .parse::<f64>()
                .ok()
                .map(|all| if choices.subset < 3 { all.min(30.0) } else { all }),
        });
    }
    let unlabelled = songs.iter().filter(|song| song.labels.iter().all(|label| label.is_nan())).count();
    let notes = (unlabelled > 0)
        .then(|| format!("{unlabelled} tracks have genres of several families and no top genre"));
    Ok(PublishedList {
        tags: genres.into_iter().map(|genre| genre.title).collect(),
        songs,
        grouped_by: "artist",
        split_rule: Some(format!("given: set.split of the {} subset", SUBSETS[choices.subset])),
        notes: notes.into_iter().collect(),
    })
}

fn read_genres(path: &Path) -> Result<Vec<Genre>, CorpusError> {
    let mut table = Table::open(path, b',', false)?;
    let (id, title, top) = (table.column("genre_id")?, table.column("title")?, table.column("top_level")?);
    let mut genres = Vec::new();
    while let Some(row) = table.next()? {
        let number: u32 = row.cell(id).parse().map_err(|_| table.value(&row, id, "a genre's number"))?;
        let top = row.cell(top) == row.cell(id);
        genres.push(Genre { id: number, title: row.cell(title).into(), top });
    }
    genres.sort_by_key(|genre| genre.id);
    Ok(genres)
}
