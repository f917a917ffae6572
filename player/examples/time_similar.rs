//! How long `similar` and `search` take among many songs, on one thread: a library of made-up songs in a temporary folder.
//!
//! cargo run -p player --example time_similar -- [SONGS]

use player::library::Library;
use player::library::meta::Meta;
use player::library::{Model, Stamp};
use player::near::query::Query;
use player::near::search::{matching, nearest, vector_of};
use player::near::store;
use std::collections::HashSet;
use std::time::Instant;

/// Numbers that look like those of songs: a few kinds of music, each song near one of them.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let songs: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir()?;
    let mut library = Library::open(&folder.path().join("library.db"))?;
    let tagger = runtime::tagger::Tagger::load(player::model::find(None)?)?;
    let model = library.model(&tagger)?;
    fill(&mut library, &model, songs)?;
    let query = library.song(songs as i64 / 2)?.ok_or("no song")?;
    let vector = vector_of(&query, &model);
    let search = Query::parse("jazz and not sad or \"hard rock\"", &model.tags)?;
    for round in 0..5 {
        let started = Instant::now();
        let hits = nearest(&library, &model, &vector, 20, &HashSet::from([query.id]))?;
        let similar = started.elapsed();
        let started = Instant::now();
        let found = matching(&library, &model, &search, 20)?;
        let searched = started.elapsed();
        println!(
            "{songs} songs, round {round}: similar {:.1} ms ({} hits), search {:.1} ms ({} hits)",
            similar.as_secs_f64() * 1e3,
            hits.len(),
            searched.as_secs_f64() * 1e3,
            found.len()
        );
    }
    Ok(())
}

fn fill(library: &mut Library, model: &Model, songs: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut dice = Dice(7);
    let kinds: Vec<Vec<f32>> = (0..40).map(|_| (0..195).map(|_| dice.next() - 0.4).collect()).collect();
    let started = Instant::now();
    library.put_many(
        (0..songs).map(|i| {
            let kind = &kinds[(dice.next() * 40.0) as usize % 40];
            let values: Vec<f32> = kind.iter().map(|value| value + 0.5 * (dice.next() - 0.5)).collect();
            let scores: Vec<f32> = values[..50].iter().map(|value| value.clamp(0.0, 1.0) * 0.5).collect();
            let meta = Meta {
                title: Some(format!("song {i}")),
                artist: Some(format!("artist {}", i / 9)),
                ..Meta::default()
            };
            (
                format!("/music/{i}.mp3").into(),
                Stamp { size: i as i64, modified: 0 },
                meta,
                scores,
                values[50..].to_vec(),
            )
        }),
        model,
    )?;
    store::pack(library, model, false)?;
    eprintln!("filled in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
