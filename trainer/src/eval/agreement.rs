//! Agreement with a teacher: Spearman's rank correlation, tag by tag, of its probabilities and a model's.
//!
//! A student is good when it orders pieces of music as its teacher does, whether or not any of them reaches a yes: an
//! AUC has nothing to say about a tag that no piece has. Spearman: The proof and measurement of association between two
//! things. American Journal of Psychology 15 (1904); equal values share the mean of their ranks.
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bootstrap::{draw, percentile_interval};

/// Pieces of clips, each with the teacher's probabilities and the model's.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    tags: usize,
    clips: usize,
    clip_of: Vec<u32>,
    truth: Vec<f32>,
    answers: Vec<f32>,
}

impl Pieces {
    /// No pieces yet, of clips with this many tags.
    pub fn new(tags: usize) -> Self {
        Self { tags, ..Self::default() }
    }

    /// One more piece, of clip number `clip`: the teacher's probabilities, NaN where it has none, and the model's.
    pub fn push(
        &mut self,
        clip: usize,
        truth: impl Iterator<Item = f32>,
        answers: impl Iterator<Item = f32>,
    ) {
        self.clip_of.push(clip as u32);
        self.clips = self.clips.max(clip + 1);
        self.truth.extend(truth.take(self.tags));
        self.answers.extend(answers.take(self.tags));
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.clip_of.len()
    }

    /// The number of each piece's clip.
    pub fn clip_of(&self) -> &[u32] {
        &self.clip_of
    }

    /// The teacher's probabilities [pieces, tags].
    pub fn truth(&self) -> &[f32] {
        &self.truth
    }

    /// The model's probabilities [pieces, tags].
    pub fn answers(&self) -> &[f32] {
        &self.answers
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.clip_of.is_empty()
    }

    /// The rank correlation of each tag; none where the teacher says the same of all pieces, 0 where only the model does.
    pub fn correlations(&self) -> Vec<Option<f64>> {
        let ones = vec![1; self.clips];
        (0..self.tags).into_par_iter().map(|tag| Ordered::new(self, tag).correlation(&ones)).collect()
    }

    /// The mean of [`Self::correlations`] over the tags that have one.
    pub fn mean_correlation(&self) -> Option<f64> {
        mean(self.correlations().into_iter())
    }

    /// 95 % interval of the mean by resampling clips with all their pieces; it holds the mean itself.
    pub fn interval(&self, resamples: usize, seed: u64) -> Option<[f64; 2]> {
        let whole = self.mean_correlation()?;
        let ordered: Vec<Ordered> =
            (0..self.tags).into_par_iter().map(|tag| Ordered::new(self, tag)).collect();
        let means: Vec<Option<f64>> = (0..resamples as u64)
            .into_par_iter()
            .map(|resample| {
                let counts = draw(seed, resample, self.clips);
                mean(ordered.iter().map(|tag| tag.correlation(&counts)))
            })
            .collect();
        let means: Vec<f64> = means.into_iter().flatten().collect();
        let (low, high) = percentile_interval(&means, whole);
        Some([low, high])
    }
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Labelled pieces of one tag: their clips, and their order by either side's probability. Sorted once, so that each
/// resample is two passes.
struct Ordered {
    clip_of: Vec<u32>,
    by_truth: Vec<Place>,
    by_answer: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    piece: u32,
    /// Higher than the one before it.
    rises: bool,
}

impl Ordered {
    fn new(pieces: &Pieces, tag: usize) -> Self {
        let at = |table: &[f32], piece: usize| table[piece * pieces.tags + tag];
        let labelled: Vec<usize> =
            (0..pieces.len()).filter(|&piece| !at(&pieces.truth, piece).is_nan()).collect();
        let order = |table: &[f32]| {
            let mut order: Vec<u32> = (0..labelled.len() as u32).collect();
            let value = |piece: u32| at(table, labelled[piece as usize]);
            order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
            let mut before = f32::NEG_INFINITY;
            let place = |piece| {
                let rises = value(piece) > before;
                before = value(piece);
                Place { piece, rises }
            };
            order.into_iter().map(place).collect()
        };
        let (by_truth, by_answer) = (order(&pieces.truth), order(&pieces.answers));
        Self { clip_of: labelled.iter().map(|&piece| pieces.clip_of[piece]).collect(), by_truth, by_answer }
    }

    /// Spearman's correlation where clip `i` is there `counts[i]` times.
    fn correlation(&self, counts: &[u32]) -> Option<f64> {
        let count = |piece: usize| f64::from(counts[self.clip_of[piece] as usize]);
        let all: f64 = (0..self.clip_of.len()).map(count).sum();
        let centred = |order: &[Place]| {
            let mut ranks = vec![0.0; order.len()];
            let (mut first, mut below) = (0, 0.0);
            while first < order.len() {
                let tied = 1 + order[first + 1..].iter().take_while(|place| !place.rises).count();
                let group = &order[first..first + tied];
                let size: f64 = group.iter().map(|place| count(place.piece as usize)).sum();
                // The mean of the ranks below + 1 to below + size, less that of all ranks, (all + 1) / 2.
                let rank = below + (size - all) / 2.0;
                group.iter().for_each(|place| ranks[place.piece as usize] = rank);
                below += size;
                first += tied;
            }
            ranks
        };
        let (truth, answers) = (centred(&self.by_truth), centred(&self.by_answer));
        let product = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).enumerate().map(|(piece, (a, b))| count(piece) * a * b).sum()
        };
        let (spread, spread_of_answers) = (product(&truth, &truth), product(&answers, &answers));
        if spread <= 0.0 {
            return None;
        }
        if spread_of_answers <= 0.0 {
            return Some(0.0);
        }
        Some(product(&truth, &answers) / (spread * spread_of_answers).sqrt())
    }
}

/// Agreement of a model with its teacher over pieces of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// What is compared: `segments`, `windows` or `tracks`.
    pub over: String,
    /// Length of a segment; absent for the labels' own windows, and for tracks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How many pieces.
    pub pieces: usize,
    /// Mean over the tags.
    pub mean_correlation: f64,
    /// By resampling clips.
    pub mean_correlation_ci95: [f64; 2],
    /// Each tag for which the teacher tells pieces apart.
    pub tags: Vec<TagAgreement>,
    /// Of the int8 model, where there is one beside the float one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Agreement>,
}

/// One tag of an [`Agreement`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagAgreement {
    /// Its name in the model.
    pub tag: String,
    /// Spearman's.
    pub correlation: f64,
}

/// The int8 model's agreement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Int8Agreement {
    /// Mean over the tags.
    pub mean_correlation: f64,
    /// int8 less float: below 0 where int8 is worse.
    pub difference: f64,
}

impl Agreement {
    /// Measures pieces; `int8` are the same ones with the int8 model's answers. None where the teacher says the same of
    /// all of them.
    pub fn of(
        over: &str,
        seconds: Option<f64>,
        tags: &[String],
        pieces: &Pieces,
        int8: Option<&Pieces>,
        (resamples, seed): (usize, u64),
    ) -> Option<Self> {
        let mean_correlation = pieces.mean_correlation()?;
        let correlations = pieces.correlations().into_iter().zip(tags);
        let int8 = int8
            .and_then(Pieces::mean_correlation)
            .map(|int8| Int8Agreement { mean_correlation: int8, difference: int8 - mean_correlation });
        Some(Self {
            over: over.into(),
            seconds,
            pieces: pieces.len(),
            mean_correlation,
            mean_correlation_ci95: pieces.interval(resamples, seed)?,
            tags: correlations
                .filter_map(|(correlation, tag)| {
                    Some(TagAgreement { tag: tag.clone(), correlation: correlation? })
                })
                .collect(),
            int8,
        })
    }

    /// A line for people.
    pub fn line(&self) -> String {
        let length = self.seconds.map_or(String::new(), |seconds| format!(" of {seconds:.2} s"));
        let int8 = self.int8.map_or(String::new(), |int8| {
            format!("; int8 {:.4} ({:+.4})", int8.mean_correlation, int8.difference)
        });
        let [low, high] = self.mean_correlation_ci95;
        format!(
            "rank correlation with the labels over {} {}{length}: {:.4}  {low:.3} - {high:.3}, mean of {} tags{int8}",
            self.pieces,
            self.over,
            self.mean_correlation,
            self.tags.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(truth: &[f32], answers: &[f32]) -> Pieces {
        let mut pieces = Pieces::new(1);
        for (clip, (&truth, &answer)) in truth.iter().zip(answers).enumerate() {
            pieces.push(clip, [truth].into_iter(), [answer].into_iter());
        }
        pieces
    }

    fn spearman(truth: &[f32], answers: &[f32]) -> Option<f64> {
        pieces(truth, answers).correlations()[0]
    }

    /// By hand, and as scipy.stats.spearmanr gives them.
    #[test]
    fn known_correlations() {
        let near =
            |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 1e-12, "{got:?} {want}");
        near(spearman(&[0.1, 0.2, 0.3], &[0.2, 0.5, 0.9]), 1.0);
        near(spearman(&[0.1, 0.2, 0.3], &[0.9, 0.5, 0.2]), -1.0);
        // Ranks 1 2 3 4 5 and 5 6 7 8 7 (ties: 1, 2, 3.5, 5, 3.5): cov 8, spreads 10 and 9.5.
        near(spearman(&[0.1, 0.2, 0.3, 0.4, 0.5], &[0.5, 0.6, 0.7, 0.8, 0.7]), 8.0 / 95f64.sqrt());
        // Ranks 1.5 1.5 3 4 and 2 1 4 3: cov 3.5 of 4.5 and 5.
        near(spearman(&[0.0, 0.0, 0.1, 0.9], &[0.2, 0.1, 0.4, 0.3]), 3.5 / 22.5f64.sqrt());
        near(spearman(&[0.1, f32::NAN, 0.3], &[0.2, 0.99, 0.9]), 1.0);
        near(spearman(&[0.1, 0.2], &[0.5, 0.5]), 0.0);
        assert_eq!(spearman(&[0.2, 0.2], &[0.4, 0.5]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn counting_a_clip_twice_is_having_it_twice() {
        let (truth, answers) = ([0.3, 0.1, 0.1, 0.7], [0.2, 0.3, 0.1, 0.5]);
        let once = pieces(&truth, &answers);
        let twice = [&truth[..], &truth[1..2]].concat();
        let answers = [&answers[..], &answers[1..2]].concat();
        let counted = Ordered::new(&once, 0).correlation(&[1, 2, 1, 1]).unwrap();
        assert!((counted - spearman(&twice, &answers).unwrap()).abs() < 1e-12);
        // A clip that is not drawn is not there.
        let fewer = Ordered::new(&once, 0).correlation(&[1, 0, 1, 1]).unwrap();
        assert!((fewer - spearman(&[0.3, 0.1, 0.7], &[0.2, 0.1, 0.5]).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_mean_and_repeat_themselves() {
        let truth: Vec<f32> = (0..60).map(|i| i as f32 / 60.0).collect();
        let answers: Vec<f32> = (0..60).map(|i| ((i * 7) % 11) as f32 / 40.0 + i as f32 / 90.0).collect();
        let pieces = pieces(&truth, &answers);
        let [low, high] = pieces.interval(200, 1).unwrap();
        let mean = pieces.mean_correlation().unwrap();
        assert!(low < mean && mean < high && high - low < 0.3, "{low} {mean} {high}");
        assert_eq!(pieces.interval(200, 1), Some([low, high]));
    }
}
