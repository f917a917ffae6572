//! What a tag is: a genre, a mood, an era, or an instrument.
//!
//! last.fm's listeners tag with all sorts of words. The table says what each of the Million Song Dataset's 50 is and how
//! other programs spell it; `docs/tags.md` shows it to people. Tags of other models have no sense until they are here.

use crate::library::Model;
use serde::Serialize;

/// What a tag says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sense {
    /// The kind of music.
    Genre,
    /// How it feels, or what it is good for.
    Mood,
    /// When it is from.
    Era,
    /// Who or what is heard.
    Instrument,
}

/// A tag, what it is, and its name in files.
pub type Entry = (&'static str, Sense, &'static str);

/// The table, in the order of last.fm's counts.
pub const TABLE: [Entry; 50] = {
    use Sense::{Era, Genre, Instrument, Mood};
    [
        ("rock", Genre, "Rock"),
        ("pop", Genre, "Pop"),
        ("alternative", Genre, "Alternative"),
        ("indie", Genre, "Indie"),
        ("electronic", Genre, "Electronic"),
        ("female vocalists", Instrument, "Female Vocals"),
        ("dance", Genre, "Dance"),
        ("00s", Era, "2000s"),
        ("alternative rock", Genre, "Alternative Rock"),
        ("jazz", Genre, "Jazz"),
        ("beautiful", Mood, "Beautiful"),
        ("metal", Genre, "Metal"),
        ("chillout", Genre, "Chillout"),
        ("male vocalists", Instrument, "Male Vocals"),
        ("classic rock", Genre, "Classic Rock"),
        ("soul", Genre, "Soul"),
        ("indie rock", Genre, "Indie Rock"),
        ("Mellow", Mood, "Mellow"),
        ("electronica", Genre, "Electronica"),
        ("80s", Era, "1980s"),
        ("folk", Genre, "Folk"),
        ("90s", Era, "1990s"),
        ("chill", Mood, "Chill"),
        ("instrumental", Instrument, "Instrumental"),
        ("punk", Genre, "Punk"),
        ("oldies", Era, "Oldies"),
        ("blues", Genre, "Blues"),
        ("hard rock", Genre, "Hard Rock"),
        ("ambient", Genre, "Ambient"),
        ("acoustic", Instrument, "Acoustic"),
        ("experimental", Genre, "Experimental"),
        ("female vocalist", Instrument, "Female Vocals"),
        ("guitar", Instrument, "Guitar"),
        ("Hip-Hop", Genre, "Hip-Hop"),
        ("70s", Era, "1970s"),
        ("party", Mood, "Party"),
        ("country", Genre, "Country"),
        ("easy listening", Genre, "Easy Listening"),
        ("sexy", Mood, "Sexy"),
        ("catchy", Mood, "Catchy"),
        ("funk", Genre, "Funk"),
        ("electro", Genre, "Electro"),
        ("heavy metal", Genre, "Heavy Metal"),
        ("Progressive rock", Genre, "Progressive Rock"),
        ("60s", Era, "1960s"),
        ("rnb", Genre, "R&B"),
        ("indie pop", Genre, "Indie Pop"),
        ("sad", Mood, "Sad"),
        ("House", Genre, "House"),
        ("happy", Mood, "Happy"),
    ]
};

/// What the table says of a tag, whatever its case.
pub fn of(tag: &str) -> Option<(Sense, &'static str)> {
    TABLE.iter().find(|(name, ..)| name.eq_ignore_ascii_case(tag)).map(|&(_, sense, name)| (sense, name))
}

/// What is said of a song in one sense: the names of its tags that reach their thresholds, those that exceed them most
/// first, `most` at most.
pub fn said(model: &Model, scores: &[f32], sense: Sense, most: usize) -> Vec<&'static str> {
    let mut tags: Vec<(f32, &str)> = model
        .tags
        .iter()
        .zip(scores)
        .zip(&model.thresholds)
        .filter(|((_, p), threshold)| p >= threshold)
        .filter_map(|((tag, p), threshold)| {
            of(tag).filter(|(this, _)| *this == sense).map(|(_, name)| (p / threshold.max(1e-6), name))
        })
        .collect();
    tags.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in tags {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(most);
    names
}

/// The table as the documentation shows it.
pub fn markdown() -> String {
    let mut text = String::from("| tag | is a | written as |\n|---|---|---|\n");
    for (tag, sense, name) in TABLE {
        let sense = format!("{sense:?}").to_lowercase();
        text += &format!("| {tag} | {sense} | {name} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tags_are_all_in_the_table() {
        let card = include_str!("../../models/k2c1-msd50/card.json");
        let card: serde_json::Value = serde_json::from_str(card).unwrap();
        let tags: Vec<&str> =
            card["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert_eq!(tags, TABLE.map(|(tag, ..)| tag));
    }

    #[test]
    fn the_documentation_shows_the_table() {
        assert!(
            include_str!("../../docs/tags.md").contains(&markdown()),
            "docs/tags.md should hold:\n{}",
            markdown()
        );
    }

    #[test]
    fn what_is_said_is_beyond_its_threshold_and_said_once() {
        let names = ["rock", "female vocalists", "female vocalist", "metal", "sad"];
        let model = Model {
            id: 1,
            name: "m".into(),
            tags: names.map(Into::into).into(),
            thresholds: vec![0.2, 0.1, 0.1, 0.1, 0.5],
            width: 0,
        };
        let scores = [0.3, 0.2, 0.4, 0.4, 0.4];
        assert_eq!(said(&model, &scores, Sense::Genre, 3), ["Metal", "Rock"]);
        assert_eq!(said(&model, &scores, Sense::Genre, 1), ["Metal"]);
        assert_eq!(said(&model, &scores, Sense::Instrument, 3), ["Female Vocals"]);
        assert!(said(&model, &scores, Sense::Mood, 3).is_empty());
    }
}
