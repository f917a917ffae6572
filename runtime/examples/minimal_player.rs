//! A minimal player: music flows in pieces of a tenth of a second, and its tags are said as they come.
//!
//! cargo run -p runtime --features onnx,decode --example minimal_player -- SONG [MODEL]
//!
//! Where this program counts time, one of your own would hand the samples to its sound card.

use runtime::decode::AudioStream;
use runtime::pcm::Pcm;
use runtime::tagger::{Pace, TagStream, Tagger};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let song = args.next().ok_or("usage: minimal_player SONG [MODEL]")?;
    let model = args.next().unwrap_or_else(|| "models/k2c1-msd50".into());

    // Once, for all songs.
    let tagger = Tagger::load(model)?;
    // For each song.
    let mut audio = AudioStream::open(song.as_ref())?;
    let mut heard = TagStream::new(&tagger, Pace::Live);

    let mut piece: Vec<f32> = Vec::new();
    while let Some(block) = audio.next()? {
        // The sound card would get block.append_interleaved().
        piece.extend_from_slice(block.mono);
        if piece.len() < block.sample_rate as usize / 10 {
            continue;
        }
        let before = heard.windows();
        heard.push(Pcm::new(block.sample_rate, &piece))?;
        piece.clear();
        if heard.windows() > before {
            say(&tagger, heard.seconds(), heard.probabilities(heard.windows() - 1));
        }
    }

    println!("the song:");
    for score in heard.finish()?.top::<5>() {
        println!("  {:.2} {}", score.p, score.tag);
    }
    Ok(())
}

/// The three likeliest tags.
fn say(tagger: &Tagger, seconds: f64, probabilities: &[f32]) {
    let mut tags: Vec<_> = tagger.tags().iter().zip(probabilities).collect();
    tags.sort_by(|a, b| b.1.total_cmp(a.1));
    let top: Vec<String> = tags.iter().take(3).map(|(tag, p)| format!("{tag} {p:.2}")).collect();
    println!("{seconds:6.1} s  {}", top.join("  "));
}
