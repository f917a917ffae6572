//! Maps of songs and recommendations.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use trainer::corpus::ClipSource;
use trainer::corpus::synth::{SynthSpec, corpus, write_wav};
use trainer::similar::{MapOptions, Question, Space, distance, map, nearest, neighbours, point, quality};

/// Points in three heaps, a third of them in each, in turns.
fn heaps(count: usize) -> Vec<Vec<f32>> {
    let mut state = 5u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count)
        .map(|i| (0..11).map(|axis| noise() + if axis == i % 3 { 6.0 } else { 0.0 }).collect())
        .collect()
}

#[test]
fn neighbours_are_the_nearest_ones() {
    let points = heaps(50);
    for (i, near) in neighbours(&points, 7).iter().enumerate() {
        let mut all: Vec<usize> = (0..50).filter(|&j| j != i).collect();
        all.sort_by(|&a, &b| distance(&points[i], &points[a]).total_cmp(&distance(&points[i], &points[b])));
        assert_eq!(near.iter().map(|near| near.index).collect::<Vec<_>>(), all[..7]);
        assert!(near.iter().all(|near| near.distance == distance(&points[i], &points[near.index])));
    }
    // Of equals the earlier; no more than there are.
    let equals = vec![vec![1.0; 3]; 4];
    let found: Vec<usize> =
        nearest(&equals, &[1.0; 3], 9, |i| i != 1).iter().map(|near| near.index).collect();
    assert_eq!(found, [0, 2, 3]);
}

/// tests/golden/map/make.py.
#[test]
fn trustworthiness_is_that_of_scikit_learn() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/map/golden.json")).unwrap();
    let points: Vec<Vec<f32>> = serde_json::from_value(golden["points"].clone()).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let places: Vec<[f32; 2]> = serde_json::from_value(case["places"].clone()).unwrap();
        let count = case["neighbours"].as_u64().unwrap() as usize;
        let found = quality(&points, &places, count);
        assert_eq!(found.neighbours, count);
        let right = case["trustworthiness"].as_f64().unwrap();
        assert!((found.trustworthiness - right).abs() < 1e-9, "{found:?}, scikit-learn says {right}");
    }
    let flat: Vec<Vec<f32>> = points.iter().map(|point| point[..2].to_vec()).collect();
    let same: Vec<[f32; 2]> = flat.iter().map(|point| [point[0], point[1]]).collect();
    let perfect = quality(&flat, &same, 10);
    assert_eq!((perfect.trustworthiness, perfect.preserved), (1.0, 1.0));
}

#[test]
fn a_map_is_the_same_for_a_seed_and_keeps_heaps_apart() {
    let points = heaps(300);
    let options = MapOptions { epochs: 500, ..MapOptions::default() };
    let one = map(&points, options);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(one, pool.install(|| map(&points, options)));
    assert_ne!(one, map(&points, MapOptions { seed: 2, ..options }));
    let places: Vec<Vec<f32>> = one.iter().map(|place| place.to_vec()).collect();
    let kept = neighbours(&places, 10)
        .iter()
        .enumerate()
        .flat_map(|(i, near)| near.iter().map(move |n| n.index % 3 == i % 3))
        .filter(|same| *same)
        .count();
    assert!(kept > 2990, "{kept} of 3000 neighbours are of the same heap");
    assert!(quality(&points, &one, 10).trustworthiness > 0.9);
    assert!(map(&points[..4], options).is_empty());
    assert_eq!(map(&points[..5], options).len(), 5);
}

#[test]
fn precision_counts_what_is_relevant_among_those_allowed() {
    // On a line: songs of artists A A B B B, tags x x x y y.
    let points: Vec<Vec<f32>> = [0.0, 1.0, 2.1, 3.3, 4.6].iter().map(|&at| vec![at]).collect();
    let (artist, tag) = ([0, 0, 1, 1, 1], [0, 0, 0, 1, 1]);
    let by_artist = Question { allowed: &|_, _| true, relevant: &|a, b| artist[a] == artist[b] };
    let queries = by_artist.queries(5);
    assert_eq!(queries, [0, 1, 2, 3, 4]);
    // The nearest: 0-1, 1-0, 2-1, 3-2, 4-3.
    assert_eq!(by_artist.by_distance(&points, &queries, 1).mean, 0.8);
    let chance = by_artist.by_chance(5, &queries).mean;
    assert!((chance - (1.0 / 4.0 * 2.0 + 2.0 / 4.0 * 3.0) / 5.0).abs() < 1e-12);
    let filtered = Question { allowed: &|a, b| artist[a] != artist[b], relevant: &|a, b| tag[a] == tag[b] };
    let queries = filtered.queries(5);
    // The songs tagged y have only their own artist's.
    assert_eq!(queries, [0, 1, 2]);
    assert_eq!(filtered.by_distance(&points, &queries, 1).mean, 1.0);
    assert_eq!(filtered.by_order(&[4, 3, 2, 1, 0], &queries, 2).mean, (0.0 + 0.0 + 1.0) / 3.0);
}

#[test]
fn points_are_what_the_spaces_say() {
    assert_eq!(point(Space::Tags, &[0.25, 0.0, 1.0]), [0.5, 0.0, 1.0]);
    assert_eq!(point(Space::Embedding, &[3.0, 4.0]), [0.6, 0.8]);
    assert_eq!(point(Space::Embedding, &[0.0, 0.0]), [0.0, 0.0]);
}

fn trainer(folder: &Path, args: &[&str]) -> Output {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).arg("--model").arg(model).output().unwrap()
}

fn json(out: &Output) -> Value {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Clips of the synthesiser in a manifest with artists, tags and splits.
fn music(folder: &Path) {
    let clips = corpus(&SynthSpec { clips: 40, seconds: 4.0, seed: 3 });
    let mut manifest = String::from("path,artist,tags\n");
    fs::create_dir(folder.join("music & more")).unwrap();
    for (number, clip) in clips.clips.iter().enumerate() {
        let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
        let path = format!("music & more/{number}.wav");
        write_wav(synth, &folder.join(&path)).unwrap();
        let tags: Vec<&str> = clips
            .tags
            .iter()
            .zip(&clip.labels)
            .filter(|(_, label)| **label == 1.0)
            .map(|(tag, _)| tag.as_str())
            .collect();
        manifest += &format!("{path},Band {},{}\n", number % 8, tags.join(";"));
    }
    fs::write(folder.join("songs.csv"), manifest).unwrap();
}

#[test]
fn a_corpus_is_mapped_into_pictures_and_a_page() {
    let folder = TempDir::new().unwrap();
    music(folder.path());
    let args = ["map", "--corpus", "manifest:songs.csv", "--out", "map", "--json", "--epochs", "300"];
    let said = json(&trainer(folder.path(), &args));
    assert_eq!(said["songs"], 40);
    assert_eq!(said["maps"].as_array().unwrap().len(), 2);
    assert!(said["maps"][1]["quality"]["trustworthiness"].as_f64().unwrap() > 0.6);
    for name in ["tags.png", "tags.svg", "embedding.png", "embedding.svg", "map.html", "map.json"] {
        assert!(fs::metadata(folder.path().join("map").join(name)).unwrap().len() > 1000, "{name}");
    }
    let page = fs::read_to_string(folder.path().join("map/map.html")).unwrap();
    assert!(page.contains("../music%20%26%20more/7.wav") && !page.contains("/*DATA*/"));
    for outside in ["http://", "https://", "src=\"", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let first = fs::read(folder.path().join("map/map.json")).unwrap();
    json(&trainer(folder.path(), &args));
    assert_eq!(fs::read(folder.path().join("map/map.json")).unwrap(), first);
    let data: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(data["songs"][0]["artist"], "band 0");
    // Subsets, and one tag's colour.
    let subset =
        ["map", "--corpus", "manifest:songs.csv", "--out", "sub", "--json", "--epochs", "100", "--subset"];
    let some = json(&trainer(
        folder.path(),
        &[&subset[..], &["artist=Band 3", "--by", "tags", "--colour", "rock"]].concat(),
    ));
    assert_eq!(some["songs"], 5);
    for (wrong, why) in [
        ("genre=polka", "neither the corpus nor the model"),
        ("year=1999", "write genre=TAG"),
        ("artist=Band 9", "too few"),
    ] {
        let out = trainer(folder.path(), &[&subset[..], &[wrong]].concat());
        assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains(why), "{wrong}");
    }
}

#[test]
fn songs_are_recommended_for_a_file_and_all_of_them_measured() {
    let folder = TempDir::new().unwrap();
    music(folder.path());
    let query =
        ["recommend", "--corpus", "manifest:songs.csv", "-n", "3", "--json", "--query", "music & more/4.wav"];
    let said = json(&trainer(folder.path(), &query));
    for space in ["tags", "embedding", "map"] {
        let near = said["nearest"][space].as_array().unwrap();
        assert_eq!(near.len(), 3);
        // Not the song itself.
        assert!(
            near.iter().all(|song| song["path"].as_str().is_some_and(|path| !path.ends_with("more/4.wav")))
        );
        assert!(near.is_sorted_by(|a, b| a["distance"].as_f64() <= b["distance"].as_f64()));
    }
    // A copy under another name is not the song itself: the song is nearest to it.
    fs::copy(folder.path().join("music & more/4.wav"), folder.path().join("copy.wav")).unwrap();
    let out = trainer(
        folder.path(),
        &[
            "recommend",
            "--corpus",
            "manifest:songs.csv",
            "-n",
            "1",
            "--query",
            "copy.wav",
            "nowhere.wav",
            "songs.csv",
        ],
    );
    assert_eq!(out.status.code(), Some(1));
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.matches("4.wav  (band 4)").count(), 3, "{text}");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("nowhere.wav: No such file"), "{said}");
    assert!(said.contains("\nsongs.csv: not a readable audio file"), "{said}");
    let said = json(&trainer(
        folder.path(),
        &["eval-recommend", "--corpus", "manifest:songs.csv", "--json", "--at", "5"],
    ));
    let questions = said["questions"].as_array().unwrap();
    assert!(questions.len() >= 3);
    for question in questions {
        let ways: Vec<&str> =
            question["ways"].as_array().unwrap().iter().map(|way| way["by"].as_str().unwrap()).collect();
        assert_eq!(ways, ["tags", "embedding", "map", "chance", "the commonest tags"]);
    }
    let artist = &questions[0];
    let chance = artist["ways"][3]["precision"]["mean"].as_f64().unwrap();
    assert!((chance - 4.0 / 39.0).abs() < 1e-9, "{chance}");
}

#[test]
fn albums_genres_and_the_points_of_others_are_measured_too() {
    let folder = TempDir::new().unwrap();
    let clips = corpus(&SynthSpec { clips: 24, seconds: 6.0, seed: 11 });
    let mut manifest = String::from("path,artist,album,rock,sad,polka\n");
    let mut points = String::from("x,path,y\n");
    for (number, clip) in clips.clips.iter().enumerate() {
        let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
        let file = format!("{number}.wav");
        write_wav(synth, &folder.path().join(&file)).unwrap();
        let (artist, album) = (number % 6, number % 12 / 6);
        let yes = |of: usize| usize::from(number % 4 == of);
        manifest += &format!("{file},Band {artist},Album {album},{},{},{}\n", yes(0), yes(1), yes(2));
        // Songs lie by their album, but for the last one, which is not there.
        if number < 23 {
            points += &format!("{artist},{},{}\n", folder.path().join(&file).display(), 10 * album);
        }
    }
    fs::write(folder.path().join("songs.csv"), manifest).unwrap();
    fs::write(folder.path().join("points.csv"), points).unwrap();
    let with = |more: &[&str]| {
        let args = ["eval-recommend", "--corpus", "manifest:songs.csv", "--json", "--at", "1"];
        trainer(folder.path(), &[&args, more].concat())
    };
    let precision = |said: &Value, relevant: &str, filter: bool, by: &str| -> Option<f64> {
        let asked = said["questions"].as_array()?.iter();
        let question =
            asked.into_iter().find(|q| q["relevant"] == relevant && q["artist_filter"] == filter)?;
        question["ways"].as_array()?.iter().find(|way| way["by"] == by)?["precision"]["mean"].as_f64()
    };
    let said = json(&with(&["--points", "by album=points.csv"]));
    assert_eq!(said["songs"], 23);
    assert_eq!(precision(&said, "the same album", false, "by album"), Some(1.0));
    // Of 22 others, one is of the same album.
    let chance = precision(&said, "the same album", false, "chance").unwrap();
    assert!((chance - 1.0 / 22.0).abs() < 1e-9, "{chance}");
    // Rock is known to be a genre, a polka is not.
    let genre = |more: &[&str]| precision(&json(&with(more)), "shares a genre", true, "chance").unwrap();
    let (one, two) = (genre(&[]), genre(&["--genres", "rock,polka"]));
    assert!(one > 0.0 && (one - two).abs() < 0.2);
    let queries = |said: &Value| {
        let question = said["questions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|q| q["relevant"] == "shares a genre")
            .unwrap()
            .clone();
        question["ways"][0]["precision"]["queries"].as_u64().unwrap()
    };
    assert_eq!((queries(&json(&with(&[]))), queries(&json(&with(&["--genres", "rock,polka"])))), (6, 12));
    for (wrong, why) in [
        (["--genres", "waltz"], "the corpus has no such tag"),
        (["--points", "tags=points.csv"], "a way of our own has that name"),
        (["--points", "a=songs.csv"], "line 2: \"Band 0\" is no number"),
        (["--points", "a=nowhere.csv"], "nowhere.csv"),
    ] {
        let out = with(&wrong);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && said.contains(why), "{why} in {said}");
    }
}
