//! Songs in an order that one likes to hear.

use super::search::{Hit, nearest, vector_of};
use super::vector::{dot, middle};
use crate::library::{Library, LibraryError, Model, Track};
use std::collections::HashSet;

/// What a playlist shall be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaylistOptions {
    /// How many songs.
    pub length: usize,
    /// Whether an artist may come twice in a row.
    pub same_artist: bool,
}

/// How many times as many near songs as asked for are looked at: room for the rule about artists.
const CHOICE: usize = 5;

/// A playlist that begins near the songs in `from` and goes on from each song to the one nearest to it, never far from
/// where it began. The songs in `but` are not in it.
///
/// Artists are told apart by what files say; songs without an artist count as by different ones.
///
/// # Errors
/// When the library fails.
pub fn playlist(
    library: &Library,
    model: &Model,
    from: &[Vec<f32>],
    but: &HashSet<i64>,
    options: PlaylistOptions,
) -> Result<Vec<Hit>, LibraryError> {
    let centre = middle(from);
    let wanted = options.length.saturating_mul(CHOICE).max(50);
    let near = nearest(library, model, &centre, wanted, but)?;
    // The nearest ones are enough, unless they are all by one artist.
    let vectors: Vec<Vec<f32>> = near.iter().map(|hit| vector_of(&hit.song, model)).collect();
    let mut left: Vec<usize> = (0..near.len()).collect();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < options.length && !left.is_empty() {
        let here = chosen.last().map_or(&centre, |&last| &vectors[last]);
        let before = chosen.last().and_then(|&last| artist(&near[last]));
        let again =
            |candidate: usize| !options.same_artist && before.is_some() && artist(&near[candidate]) == before;
        // Near to the last song, and near to where it began.
        let pull = |candidate: usize| dot(here, &vectors[candidate]) + 2.0 * near[candidate].score;
        let best = left
            .iter()
            .enumerate()
            .filter(|(_, candidate)| !again(**candidate))
            .max_by(|(_, a), (_, b)| pull(**a).total_cmp(&pull(**b)))
            .map(|(place, _)| place);
        // Nobody else is left: better a shorter list than one that breaks the rule.
        let Some(place) = best else { break };
        chosen.push(left.remove(place));
    }
    Ok(chosen.into_iter().map(|index| near[index].clone()).collect())
}

fn artist(hit: &Hit) -> Option<String> {
    hit.track.meta.artist.as_ref().map(|artist| artist.trim().to_lowercase())
}

/// An extended M3U of these songs.
pub fn m3u(hits: &[Hit]) -> String {
    hits.iter().fold(M3U.into(), |text, hit| text + &m3u_entry(&hit.track))
}

/// What an extended M3U begins with.
pub const M3U: &str = "#EXTM3U\n";

/// A song's lines in an extended M3U.
pub fn m3u_entry(track: &Track) -> String {
    // A line break in a name would begin another entry.
    let name = track.name().replace(['\n', '\r'], " ");
    format!("#EXTINF:{},{name}\n{}\n", track.seconds.round() as i64, track.path.display())
}
