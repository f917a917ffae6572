//! What a tagger says about a song.

use std::sync::Arc;

/// Tags of a song: per window, and over all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SongTags {
    pub(super) tags: Arc<[String]>,
    /// Number of windows that were heard, at least 1.
    pub windows: usize,
    /// Length of the song in seconds.
    pub seconds: f64,
    /// Probabilities, `[windows, tags]`.
    pub probabilities: Vec<f32>,
    /// Mean of the probabilities over the windows, `[tags]`.
    pub mean: Vec<f32>,
    /// Mean of the embeddings over the windows, `[width]`, where the network has them.
    pub embedding: Option<Vec<f32>>,
    /// Embeddings, `[windows, width]`, where the network has them.
    pub window_embeddings: Option<Vec<f32>>,
    /// How much each step of each window counted for its tags, `[windows, steps]`, each row adding up to 1, where the
    /// network says so. The steps divide a window, with the zeros that the network puts around it, evenly.
    pub attention: Option<Vec<f32>>,
}

/// What a network says of some windows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answers {
    /// `[windows, tags]`.
    pub probabilities: Vec<f32>,
    /// `[windows, width]`, where the network has them.
    pub embeddings: Option<Vec<f32>>,
    /// `[windows, steps]`, where the network has it.
    pub attention: Option<Vec<f32>>,
}

impl Answers {
    /// Adds those of the windows that follow.
    pub fn extend(&mut self, next: Self) {
        let more = |all: &mut Option<Vec<f32>>, next: Option<Vec<f32>>| match (all.as_mut(), next) {
            (Some(all), Some(next)) => all.extend(next),
            (None, next) => *all = next,
            (Some(_), None) => {}
        };
        self.probabilities.extend(next.probabilities);
        more(&mut self.embeddings, next.embeddings);
        more(&mut self.attention, next.attention);
    }
}

/// A tag and how likely it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagScore<'t> {
    /// Name of the tag.
    pub tag: &'t str,
    /// Its place in the card's list.
    pub index: usize,
    /// Mean probability over the song, 0 to 1.
    pub p: f32,
}

impl SongTags {
    pub(super) fn new(tags: Arc<[String]>, seconds: f64, answers: Answers) -> Self {
        let Answers { probabilities, embeddings: window_embeddings, attention } = answers;
        let windows = probabilities.len() / tags.len();
        let mean = mean_of_rows(&probabilities, windows);
        let embedding = window_embeddings.as_ref().map(|rows| mean_of_rows(rows, windows));
        Self { tags, windows, seconds, probabilities, mean, embedding, window_embeddings, attention }
    }

    /// Names of the tags, in the order of [`mean`](Self::mean).
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The `N` most likely tags, or all where there are fewer; best first, ties in the order of the card.
    pub fn top<const N: usize>(&self) -> heapless::Vec<TagScore<'_>, N> {
        let mut top = heapless::Vec::new();
        for score in self.scores() {
            let place = top.iter().position(|other: &TagScore<'_>| other.p < score.p).unwrap_or(top.len());
            if place < N {
                if top.is_full() {
                    top.pop();
                }
                // There is room, and the place is within it.
                let _ = top.insert(place, score);
            }
        }
        top
    }

    /// All tags, best first, ties in the order of the card.
    pub fn ranked(&self) -> Vec<TagScore<'_>> {
        let mut all: Vec<_> = self.scores().collect();
        all.sort_by(|a, b| b.p.total_cmp(&a.p));
        all
    }

    fn scores(&self) -> impl Iterator<Item = TagScore<'_>> {
        let scores = self.tags.iter().zip(&self.mean).enumerate();
        scores.map(|(index, (tag, &p))| TagScore { tag, index, p })
    }
}

fn mean_of_rows(rows: &[f32], count: usize) -> Vec<f32> {
    let width = rows.len() / count.max(1);
    let mut sums = vec![0.0f64; width];
    for row in rows.chunks_exact(width.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    sums.into_iter().map(|sum| (sum / count as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn song(mean: &[f32]) -> SongTags {
        let answers = Answers { probabilities: mean.to_vec(), ..Default::default() };
        SongTags::new((0..mean.len()).map(|i| format!("tag {i}")).collect(), 1.0, answers)
    }

    #[test]
    fn ties_keep_the_order_of_the_card() {
        let song = song(&[0.5, 0.9, 0.5, 0.1, 0.9]);
        let top = song.top::<4>();
        assert_eq!(top.iter().map(|score| score.index).collect::<Vec<_>>(), [1, 4, 0, 2]);
        assert_eq!((top[0].tag, top[0].p), ("tag 1", 0.9));
        assert_eq!(song.top::<0>().len(), 0);
        assert_eq!(song.top::<9>().len(), 5);
    }

    #[test]
    fn means_are_over_windows() {
        let tags: Arc<[String]> = ["a".to_string(), "b".to_string()].into();
        let answers = Answers {
            probabilities: vec![0.0, 0.5, 1.0, 0.7],
            embeddings: Some(vec![1.0, 2.0, 3.0, 3.0, 4.0, 5.0]),
            attention: None,
        };
        let song = SongTags::new(tags, 1.0, answers);
        assert_eq!((song.windows, &song.mean[..]), (2, &[0.5, 0.6][..]));
        assert_eq!(song.embedding.as_deref(), Some(&[2.0, 3.0, 4.0][..]));
    }

    proptest! {
        #[test]
        fn the_top_is_the_start_of_the_ranking(steps in proptest::collection::vec(0u8..6, 1..40)) {
            let song = song(&steps.iter().map(|&step| f32::from(step) / 5.0).collect::<Vec<_>>());
            let top = song.top::<7>();
            prop_assert_eq!(&top[..], &song.ranked()[..steps.len().min(7)]);
        }
    }
}
