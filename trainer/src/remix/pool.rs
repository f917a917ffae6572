//! What tracks are drawn from, and how often each is.

use super::tracks::Track;
use crate::corpus::Split;
use crate::corpus::synth::dice::Dice;
use std::collections::HashMap;

/// The tracks of one side.
pub(super) struct Pool {
    /// Numbers of the tracks.
    pub tracks: Vec<usize>,
    /// Sums of their weights.
    sums: Vec<f32>,
}

impl Pool {
    /// Music: as often as the root of a track's length, so that a few long ones do not drown the rest.
    pub fn of_music(tracks: &[Track], split: Split) -> Self {
        Self::weighted(tracks, split, |track| track.seconds.sqrt())
    }

    /// Voices: each corpus as often as any other, so that some songs hold their own beside thousands of spoken words;
    /// in it each group as often as the root of its length, and in that each file as its length.
    pub fn of_voices(tracks: &[Track], split: Split) -> Self {
        let mut groups: HashMap<(usize, &str), f32> = HashMap::new();
        let on_side = || tracks.iter().filter(|track| track.split == split);
        for track in on_side() {
            *groups.entry((track.corpus, &track.group)).or_default() += track.seconds;
        }
        let of_group = |track: &Track| groups[&(track.corpus, track.group.as_str())];
        let in_corpus = |track: &Track| track.seconds / of_group(track).sqrt();
        // Summed in the order of the tracks: a map's order would move the last bits from run to run.
        let mut corpora: HashMap<usize, f32> = HashMap::new();
        for track in on_side() {
            *corpora.entry(track.corpus).or_default() += in_corpus(track);
        }
        Self::weighted(tracks, split, |track| in_corpus(track) / corpora[&track.corpus])
    }

    fn weighted(tracks: &[Track], split: Split, weight: impl Fn(&Track) -> f32) -> Self {
        let numbers: Vec<usize> = (0..tracks.len()).filter(|&i| tracks[i].split == split).collect();
        let mut sum = 0.0;
        let sums = numbers.iter().map(|&i| {
            sum += f64::from(weight(&tracks[i]));
            sum as f32
        });
        Self { sums: sums.collect(), tracks: numbers }
    }

    /// One of them, None where there are none.
    pub fn draw(&self, dice: &mut Dice) -> Option<usize> {
        let height = dice.between(0.0, self.sums.last().copied()?);
        let place = self.sums.partition_point(|sum| *sum <= height);
        self.tracks.get(place.min(self.tracks.len() - 1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::ClipSource;

    #[test]
    fn a_song_is_drawn_beside_a_thousand_words() {
        let track = |corpus: usize, group: &str, seconds| Track {
            id: String::new(),
            corpus,
            group: group.into(),
            split: Split::Train,
            seconds,
            source: ClipSource::File("none".into()),
        };
        let mut tracks = vec![track(0, "long", 400.0), track(0, "short", 100.0)];
        tracks.extend((0..1000).map(|i| track(1, if i < 500 { "one" } else { "other" }, 2.0)));
        let pool = Pool::of_voices(&tracks, Split::Train);
        let mut counts = [0.0_f64; 4];
        for index in 0..4000 {
            let drawn = pool.draw(&mut Dice::new(1, index, 0)).unwrap();
            counts[match drawn {
                0 => 0,
                1 => 1,
                2..502 => 2,
                _ => 3,
            }] += 1.0 / 4000.0;
        }
        // Half the songs, of which two thirds the one four times as long; speakers alike.
        for (count, expected) in counts.into_iter().zip([0.333, 0.167, 0.25, 0.25]) {
            assert!((count - expected).abs() < 0.03, "{counts:?}");
        }
        assert!(Pool::of_voices(&tracks, Split::Test).draw(&mut Dice::new(1, 0, 0)).is_none());
    }
}
