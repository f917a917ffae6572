//! The fast search gives what computing everything gives.

use player::library::meta::Meta;
use player::library::{Library, Model, Stamp};
use player::near::playlist::{PlaylistOptions, playlist};
use player::near::query::Query;
use player::near::search::{matching, nearest, vector_of};
use player::near::store::{CHUNK, pack};
use player::near::vector::{dot, level};
use proptest::prelude::*;
use runtime::tagger::Tagger;
use std::collections::HashSet;
use std::path::Path;

/// A library of made-up songs, in a few heaps so that many are nearly alike.
fn library(songs: usize, seed: u64, heaps: usize) -> (tempfile::TempDir, Library, Model) {
    let folder = tempfile::tempdir().unwrap();
    let mut library = Library::open(&folder.path().join("library.db")).unwrap();
    let tagger = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
    let model = library.model(&Tagger::load(tagger).unwrap()).unwrap();
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let kinds: Vec<Vec<f32>> = (0..heaps).map(|_| (0..100).map(|_| next() - 0.4).collect()).collect();
    let made = (0..songs).map(|i| {
        let values: Vec<f32> = kinds[i % heaps].iter().map(|value| value + 0.02 * (next() - 0.5)).collect();
        let scores = values[..50].iter().map(|value| value.clamp(0.0, 1.0)).collect();
        let meta = Meta { artist: Some(format!("artist {}", i % 7)), ..Meta::default() };
        (
            format!("/m/{i}.mp3").into(),
            Stamp { size: i as i64, modified: 0 },
            meta,
            scores,
            values[50..].to_vec(),
        )
    });
    library.put_many(made, &model).unwrap();
    pack(&mut library, &model, false).unwrap();
    (folder, library, model)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn nothing_that_is_nearer_is_missed(seed in any::<u64>(), heaps in 1usize..6, n in 0usize..40, at in 1i64..2000) {
        let (_folder, library, model) = library(2 * CHUNK + 300, seed, heaps);
        let query = library.song(at).unwrap().unwrap();
        let vector = vector_of(&query, &model);
        let hits = nearest(&library, &model, &vector, n, &HashSet::from([query.id])).unwrap();
        let mut all: Vec<f32> = Vec::new();
        library.each_track(&model, |_, song| {
            if song.id != query.id {
                all.push(dot(&vector, &vector_of(&song, &model)));
            }
            Ok::<_, player::library::LibraryError>(())
        }).unwrap();
        all.sort_by(|a, b| b.total_cmp(a));
        let found: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
        prop_assert_eq!(&found[..], &all[..n.min(all.len())]);
    }

    #[test]
    fn nothing_that_fits_better_is_missed(seed in any::<u64>(), heaps in 1usize..9, n in 1usize..60) {
        let (_folder, library, model) = library(CHUNK + 200, seed, heaps);
        let query = Query::parse("(rock or jazz) and not sad", &model.tags).unwrap();
        let fits = |scores: &[f32]| query.fits(|tag| level(scores[tag], model.thresholds[tag]), |_| 0.0);
        let mut all: Vec<f32> = Vec::new();
        library.each_track(&model, |_, song| {
            all.push(fits(&song.scores));
            Ok::<_, player::library::LibraryError>(())
        }).unwrap();
        all.retain(|fit| *fit > 0.5);
        all.sort_by(|a, b| b.total_cmp(a));
        let hits = matching(&library, &model, &query, n).unwrap();
        let found: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
        prop_assert_eq!(&found[..], &all[..n.min(all.len())]);
    }
}

#[test]
fn playlists_have_no_two_songs_of_an_artist_in_a_row() {
    let (_folder, library, model) = library(400, 3, 2);
    let seed = library.song(5).unwrap().unwrap();
    let from = [vector_of(&seed, &model)];
    let but = HashSet::from([seed.id]);
    for same_artist in [false, true] {
        let options = PlaylistOptions { length: 30, same_artist };
        let hits = playlist(&library, &model, &from, &but, options).unwrap();
        let artists: Vec<_> = hits.iter().map(|hit| hit.track.meta.artist.clone().unwrap()).collect();
        assert_eq!(hits.len(), 30);
        assert_eq!(artists.windows(2).any(|two| two[0] == two[1]), same_artist, "{artists:?}");
        let songs: HashSet<i64> = hits.iter().map(|hit| hit.song.id).collect();
        assert!(songs.len() == 30 && !songs.contains(&seed.id));
    }
}
