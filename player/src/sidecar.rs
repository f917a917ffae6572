//! What the library knows, in the forms that other programs read.

use crate::library::{Model, Song, Track};
use crate::sense::{Sense, said};
use serde_json::{Map, Value, json};

/// A song in the form of AcousticBrainz's high-level documents: a classifier for each tag, `rock` or `not rock`, decided
/// at the tag's threshold, and who made it under `metadata`.
pub fn acousticbrainz(model: &Model, track: &Track, song: &Song) -> Value {
    let version = json!({ "model": model.name, "minim": env!("CARGO_PKG_VERSION") });
    let mut high = Map::new();
    for ((tag, &p), &threshold) in model.tags.iter().zip(&song.scores).zip(&model.thresholds) {
        let negative = format!("not {tag}");
        let p = rounded(p);
        let (value, probability) = if f64::from(threshold) <= p { (tag, p) } else { (&negative, 1.0 - p) };
        let name = tag.to_lowercase().replace([' ', '-'], "_");
        let all = json!({ tag.as_str(): p, negative.as_str(): rounded(1.0 - p as f32) });
        let probability = rounded(probability as f32);
        high.insert(
            format!("tag_{name}"),
            json!({ "all": all, "probability": probability, "value": value, "version": version }),
        );
    }
    let list = |word: &Option<String>| word.iter().cloned().collect::<Vec<_>>();
    let name = track.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    json!({
        "highlevel": high,
        "metadata": {
            "audio_properties": { "length": (song.seconds * 1e3).round() / 1e3 },
            "tags": {
                "artist": list(&track.meta.artist),
                "title": list(&track.meta.title),
                "album": list(&track.meta.album),
                "file_name": name,
            },
            "version": { "highlevel": version },
        },
    })
}

/// Four digits are more than a network means.
fn rounded(p: f32) -> f64 {
    (f64::from(p) * 1e4).round() / 1e4
}

/// A song in the form that ListenBrainz's API takes (`playing_now`), with what was heard as tags; nothing where the
/// file says no artist or title, without which ListenBrainz takes nothing.
pub fn listenbrainz(model: &Model, track: &Track, song: &Song) -> Option<Value> {
    let (artist, title) = (track.meta.artist.as_ref()?, track.meta.title.as_ref()?);
    let tags: Vec<&str> = [Sense::Genre, Sense::Mood, Sense::Era, Sense::Instrument]
        .into_iter()
        .flat_map(|sense| said(model, &song.scores, sense, 3))
        .collect();
    let mut data = json!({
        "artist_name": artist,
        "track_name": title,
        "additional_info": {
            "duration_ms": (song.seconds * 1e3).round() as u64,
            "tags": tags,
            "submission_client": "minim",
            "submission_client_version": env!("CARGO_PKG_VERSION"),
        },
    });
    if let Some(album) = &track.meta.album {
        data["release_name"] = json!(album);
    }
    Some(json!({ "listen_type": "playing_now", "payload": [{ "track_metadata": data }] }))
}

/// The first line of the table.
pub fn csv_head(model: &Model) -> String {
    let mut line = String::from("path,artist,title,album,seconds");
    for tag in &model.tags {
        line.push(',');
        line += &field(tag);
    }
    line + "\n"
}

/// A song's line of the table: a probability for each tag.
pub fn csv_line(track: &Track, song: &Song) -> String {
    let text = |word: &Option<String>| field(word.as_deref().unwrap_or_default());
    let meta = &track.meta;
    let path = field(&track.path.display().to_string());
    let mut line = format!(
        "{path},{},{},{},{:.3}",
        text(&meta.artist),
        text(&meta.title),
        text(&meta.album),
        song.seconds
    );
    for &p in &song.scores {
        line += &format!(",{}", rounded(p));
    }
    line + "\n"
}

/// A field of CSV (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::meta::Meta;

    fn example() -> (Model, Track, Song) {
        let model = Model {
            id: 1,
            name: "m".into(),
            tags: vec!["rock".into(), "female vocalists".into()],
            thresholds: vec![0.3, 0.2],
            width: 0,
        };
        let meta = Meta { artist: Some("Ann, \"A\"".into()), title: Some("T".into()), ..Default::default() };
        let track = Track { file: 1, song: 1, path: "/m/a.mp3".into(), seconds: 61.5, meta };
        let song = Song { id: 1, seconds: 61.5, scores: vec![0.25, 0.5], embedding: vec![] };
        (model, track, song)
    }

    #[test]
    fn acousticbrainz_has_a_decision_for_each_tag() {
        let (model, track, song) = example();
        let document = acousticbrainz(&model, &track, &song);
        let rock = &document["highlevel"]["tag_rock"];
        assert_eq!((rock["value"].as_str(), rock["probability"].as_f64()), (Some("not rock"), Some(0.75)));
        assert_eq!(document["highlevel"]["tag_female_vocalists"]["value"], "female vocalists");
        assert_eq!(document["metadata"]["tags"]["file_name"], "a.mp3");
    }

    #[test]
    fn listenbrainz_needs_artist_and_title() {
        let (model, mut track, song) = example();
        let sent = listenbrainz(&model, &track, &song).unwrap();
        let data = &sent["payload"][0]["track_metadata"];
        assert_eq!(data["additional_info"]["tags"], json!(["Female Vocals"]));
        assert!(data.get("release_name").is_none());
        track.meta.title = None;
        assert!(listenbrainz(&model, &track, &song).is_none());
    }

    #[test]
    fn tables_quote_what_needs_it() {
        let (model, track, song) = example();
        assert_eq!(csv_head(&model), "path,artist,title,album,seconds,rock,female vocalists\n");
        assert_eq!(csv_line(&track, &song), "/m/a.mp3,\"Ann, \"\"A\"\"\",T,,61.500,0.25,0.5\n");
    }
}
