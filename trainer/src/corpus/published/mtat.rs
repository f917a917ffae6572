//! `mtat:DIR`: MagnaTagATune, as `annotations_final.csv` and `clip_info_final.csv`.

use std::collections::HashMap;
use std::path::Path;

use super::rows::Table;
use super::{About, PublishedList, Song, audio, first_file, most_frequent};
use crate::corpus::{CorpusError, Split};

pub(super) const ABOUT: About = About {
    title: "MagnaTagATune",
    licence: "annotations and audio for research; audio from Magnatune, CC BY-NC-SA",
    citation: "E. Law, K. West, M. Mandel, M. Bay, J. S. Downie, \"Evaluation of algorithms using games: the case of music \
               tagging\", ISMIR 2009",
    url: "https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset",
};

/// How many tags the field reports on.
const TAGS: usize = 50;
/// Length of the clips in seconds.
const SECONDS: f64 = 29.1;

/// Tags that say the same, the one that stays first: K. Choi's list (github.com/keunwoochoi/magnatagatune-list).
const SYNONYMS: [&[&str]; 29] = [
    &["beat", "beats"],
    &["chant", "chanting"],
    &["choir", "choral"],
    &["classical", "clasical", "classic"],
    &["drum", "drums"],
    &["electro", "electronic", "electronica", "electric"],
    &["fast", "fast beat", "quick"],
    &[
        "female",
        "female singer",
        "female singing",
        "female vocals",
        "female vocal",
        "female voice",
        "woman",
        "woman singing",
        "women",
    ],
    &["flute", "flutes"],
    &["guitar", "guitars"],
    &["hard", "hard rock"],
    &["harpsichord", "harpsicord"],
    &["heavy", "heavy metal", "metal"],
    &["horn", "horns"],
    &["india", "indian"],
    &["jazz", "jazzy"],
    &["male", "male singer", "male vocal", "male vocals", "male voice", "man", "man singing", "men"],
    &["no beat", "no drums"],
    &["no singer", "no singing", "no vocal", "no vocals", "no voice", "no voices", "instrumental"],
    &["opera", "operatic"],
    &["orchestra", "orchestral"],
    &["quiet", "silence"],
    &["singer", "singing"],
    &["space", "spacey"],
    &["string", "strings"],
    &["synth", "synthesizer"],
    &["violin", "violins"],
    &["vocal", "vocals", "voice", "voices"],
    &["strange", "weird"],
];

/// Which tags and clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    /// Synonyms are one tag.
    merged: bool,
    /// Clips with none of the tags are left out.
    cleaned: bool,
}

impl Choices {
    pub fn new(words: &[String]) -> Option<Self> {
        words.iter().try_fold(Self::default(), |choices, word| match word.as_str() {
            "merged" => Some(Self { merged: true, ..choices }),
            "cleaned" => Some(Self { cleaned: true, ..choices }),
            _ => None,
        })
    }
}

pub(super) fn list(dir: &Path, choices: Choices) -> Result<PublishedList, CorpusError> {
    let annotations = first_file(dir, &["annotations_final.csv"], ABOUT.title)?;
    let known = artists_and_albums(dir)?;
    let mut table = Table::open(&annotations, b'\t', false)?;
    let (clip_id, path) = (table.column("clip_id")?, table.column("mp3_path")?);
    let columns: Vec<usize> = (0..table.header().len()).filter(|&i| i != clip_id && i != path).collect();
    let names: Vec<&str> = columns.iter().map(|&column| table.header()[column].as_str()).collect();
    let (tags, of_column) = merge(&names, choices.merged);
    let mut clips = Vec::new();
    while let Some(row) = table.next()? {
        let mut yes = vec![false; tags.len()];
        for (&column, &tag) in columns.iter().zip(&of_column) {
            match row.cell(column) {
                "0" => {}
                "1" => yes[tag] = true,
                _ => return Err(table.value(&row, column, "0 or 1")),
            }
        }
        let mp3 = row.cell(path);
        let split = folder_split(mp3)
            .ok_or_else(|| table.value(&row, path, "a path in one of the folders 0 to f"))?;
        clips.push((row.cell(clip_id).to_owned(), mp3.to_owned(), split, yes));
    }
    let counts = tags
        .iter()
        .enumerate()
        .map(|(tag, name)| (name.clone(), clips.iter().filter(|(.., yes)| yes[tag]).count()));
    let kept = most_frequent(counts.collect(), TAGS);
    let places: Vec<usize> =
        kept.iter().filter_map(|tag| tags.iter().position(|other| other == tag)).collect();
    let listed = clips.len();
    let mut songs: Vec<Song> = clips
        .into_iter()
        .map(|(clip, mp3, split, yes)| Song {
            stems: audio::stem(Path::new(&mp3)).into_iter().collect(),
            group: known.get(&clip).map(|(artist, _)| artist.clone()),
            album: known.get(&clip).and_then(|(_, album)| album.clone()),
            id: mp3,
            split: Some(split),
            labels: places.iter().map(|&place| f32::from(u8::from(yes[place]))).collect(),
            seconds: Some(SECONDS),
        })
        .collect();
    let mut notes = Vec::new();
    if choices.merged {
        notes.push("synonyms are one tag: figures are not those of the field's 50 tags".into());
    }
    if choices.cleaned {
        songs.retain(|song| song.labels.contains(&1.0));
        notes.push(format!("{} clips with none of the tags are left out", listed - songs.len()));
    }
    Ok(PublishedList {
        tags: kept,
        songs,
        grouped_by: "artist",
        split_rule: Some("given: folders 0 to b train, c validates, d to f test".into()),
        notes,
    })
}

/// The tags, and for each column which it is.
fn merge(names: &[&str], merged: bool) -> (Vec<String>, Vec<usize>) {
    let mut tags: Vec<String> = Vec::new();
    let of_column = names.iter().map(|&name| {
        let group = SYNONYMS.iter().filter(|_| merged).find(|group| group.contains(&name));
        let name = group.map_or(name, |group| group[0]);
        tags.iter().position(|tag| tag == name).unwrap_or_else(|| {
            tags.push(name.into());
            tags.len() - 1
        })
    });
    let of_column = of_column.collect();
    (tags, of_column)
}

/// 12, 1 and 3 of the sixteen folders.
fn folder_split(mp3: &str) -> Option<Split> {
    let (folder, _) = mp3.split_once('/')?;
    match folder.as_bytes() {
        [b'0'..=b'9' | b'a' | b'b'] => Some(Split::Train),
        [b'c'] => Some(Split::Validation),
        [b'd'..=b'f'] => Some(Split::Test),
        _ => None,
    }
}

/// The artist of each clip, and its album, by both their names; nothing where the list is not there.
fn artists_and_albums(dir: &Path) -> Result<HashMap<String, (String, Option<String>)>, CorpusError> {
    let path = dir.join("clip_info_final.csv");
    if !path.exists() {
        return Ok(HashMap::new());
    }
    // Titles hold quotation marks of all sorts, and tabs.
    let mut table = Table::open(&path, b'\t', true)?;
    let (clip_id, artist) = (table.column("clip_id")?, table.column("artist")?);
    let album = table.column("album")?;
    let mut known = HashMap::new();
    while let Some(row) = table.next()? {
        let (artist, album) = (row.cell(artist), row.cell(album));
        // Artists have albums of the same name.
        let album = (!album.is_empty()).then(|| format!("{artist}: {album}"));
        known.insert(row.cell(clip_id).to_owned(), (artist.to_owned(), album));
    }
    Ok(known)
}
