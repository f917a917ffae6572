//! What is said of a song by its tags, in one sense at a time.

use crate::library::Model;
pub use runtime::sense::{Entry, Sense, TABLE, of};

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
