//! What a model answered and what is true, clip by clip and tag by tag.
use std::collections::HashMap;

use thiserror::Error;

use super::LeftOut;
use super::ranking::{Ranking, Undefined};

/// Why [`Scores`] cannot be made of the values given.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ScoresError {
    #[error("there is no tag to score")]
    NoTags,
    #[error("there is no clip to score")]
    NoClips,
    #[error("{clips} clips of {tags} tags are more than can be scored at once")]
    TooMany { clips: usize, tags: usize },
    #[error("{what} has {found} values; {clips} clips of {tags} tags need {}", clips * tags)]
    Length { what: &'static str, found: usize, clips: usize, tags: usize },
    #[error("tag {tag:?} is there twice (tags are compared without regard to case)")]
    Duplicate { tag: String },
    #[error("the probability of tag {tag:?} for clip {clip} is {value}, not a number from 0 to 1")]
    Probability { tag: String, clip: usize, value: f32 },
    #[error(
        "the label of tag {tag:?} for clip {clip} is {value}, neither from 0 to 1 nor NaN (not labelled)"
    )]
    Label { tag: String, clip: usize, value: f32 },
    #[error("the positive threshold is {0}, not above 0 and at most 1")]
    PositiveThreshold(f32),
    #[error("the model and the corpus have no tag in common")]
    NothingInCommon,
}

/// Probabilities and labels of `clips` clips for the same tags, checked when made.
///
/// Both tables are clip-major, `[clips, tags]`. A label is 0..=1 (soft labels count as present from
/// [`positive_threshold`](Self::positive_threshold) on), or NaN where the clip is not labelled for the tag:
/// such a clip is left out of that tag's figures.
#[derive(Clone, Debug)]
pub struct Scores {
    tags: Vec<String>,
    clips: usize,
    truth: Vec<f32>,
    probabilities: Vec<f32>,
    positive_threshold: f32,
    /// By clip, the number of its group; nothing where each clip stands alone.
    groups: Option<Vec<u32>>,
}

/// Clip numbers share a 32-bit word with two flags in the bootstrap.
const MAX_CLIPS: usize = 1 << 30;

impl Scores {
    /// Labels count as present from here on unless [`with_positive_threshold`](Self::with_positive_threshold)
    /// says otherwise.
    pub const DEFAULT_POSITIVE_THRESHOLD: f32 = 0.5;

    /// Checks and takes the two tables, `[clips, tags]` each.
    ///
    /// # Errors
    /// No tag or clip, a table of another length, a tag twice (without regard to case), a probability that is
    /// not within 0..=1, a label that is neither within 0..=1 nor NaN.
    pub fn new(
        tags: Vec<String>,
        clips: usize,
        truth: Vec<f32>,
        probabilities: Vec<f32>,
    ) -> Result<Self, ScoresError> {
        if tags.is_empty() {
            return Err(ScoresError::NoTags);
        }
        if clips == 0 {
            return Err(ScoresError::NoClips);
        }
        let too_many = ScoresError::TooMany { clips, tags: tags.len() };
        let cells = clips.checked_mul(tags.len()).filter(|_| clips <= MAX_CLIPS).ok_or(too_many)?;
        for (what, table) in [("the table of labels", &truth), ("the table of probabilities", &probabilities)]
        {
            if table.len() != cells {
                return Err(ScoresError::Length { what, found: table.len(), clips, tags: tags.len() });
            }
        }
        let mut seen = HashMap::new();
        for tag in &tags {
            if seen.insert(tag.to_lowercase(), ()).is_some() {
                return Err(ScoresError::Duplicate { tag: tag.clone() });
            }
        }
        let cell = |at: usize| (tags[at % tags.len()].clone(), at / tags.len());
        if let Some(at) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            let (tag, clip) = cell(at);
            return Err(ScoresError::Probability { tag, clip, value: probabilities[at] });
        }
        if let Some(at) = truth.iter().position(|y| !y.is_nan() && !(0.0..=1.0).contains(y)) {
            let (tag, clip) = cell(at);
            return Err(ScoresError::Label { tag, clip, value: truth[at] });
        }
        let positive_threshold = Self::DEFAULT_POSITIVE_THRESHOLD;
        Ok(Self { tags, clips, truth, probabilities, positive_threshold, groups: None })
    }

    /// Scores of a model on a corpus whose tags are others, or in another order: the tags in common, matched
    /// without regard to case, in the model's order and under the model's names, and what was left out and why.
    ///
    /// `probabilities` is `[clips, model_tags]`, `truth` is `[clips, corpus_tags]`.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`ScoresError::NothingInCommon`].
    pub fn matched(
        model_tags: &[String],
        probabilities: &[f32],
        corpus_tags: &[String],
        truth: &[f32],
        clips: usize,
    ) -> Result<(Self, Vec<LeftOut>), ScoresError> {
        for (what, table, tags) in [
            ("the table of probabilities", probabilities, model_tags.len()),
            ("the table of labels", truth, corpus_tags.len()),
        ] {
            if clips.checked_mul(tags) != Some(table.len()) {
                let clips_and_tags = ScoresError::Length { what, found: table.len(), clips, tags };
                let fits = clips.checked_mul(tags).is_some();
                return Err(if fits { clips_and_tags } else { ScoresError::TooMany { clips, tags } });
            }
        }
        let pairs = match_tags(model_tags, corpus_tags);
        if pairs.is_empty() {
            return Err(ScoresError::NothingInCommon);
        }
        let gather = |table: &[f32], width: usize, pick: fn(&(usize, usize)) -> usize| -> Vec<f32> {
            table.chunks_exact(width).flat_map(|row| pairs.iter().map(move |pair| row[pick(pair)])).collect()
        };
        let scores = Self::new(
            pairs.iter().map(|pair| model_tags[pair.0].clone()).collect(),
            clips,
            gather(truth, corpus_tags.len(), |pair| pair.1),
            gather(probabilities, model_tags.len(), |pair| pair.0),
        )?;
        let alone = |tags: &[String], met: fn(&(usize, usize)) -> usize, reason: &str| -> Vec<LeftOut> {
            let lonely = tags.iter().enumerate().filter(|(at, _)| !pairs.iter().any(|pair| met(pair) == *at));
            lonely.map(|(_, tag)| LeftOut { tag: tag.clone(), reason: reason.to_string() }).collect()
        };
        let mut left_out = alone(model_tags, |pair| pair.0, "the corpus has no such tag");
        left_out.extend(alone(corpus_tags, |pair| pair.1, "the model has no such tag"));
        Ok((scores, left_out))
    }

    /// Soft labels count as present from `threshold` on.
    ///
    /// # Errors
    /// [`ScoresError::PositiveThreshold`] unless `0 < threshold <= 1`.
    pub fn with_positive_threshold(self, threshold: f32) -> Result<Self, ScoresError> {
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(ScoresError::PositiveThreshold(threshold));
        }
        Ok(Self { positive_threshold: threshold, ..self })
    }

    /// The same clips with these of the tags alone, in this order.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`ScoresError::NothingInCommon`] when one of them is not there.
    pub fn only(&self, tags: &[String]) -> Result<Self, ScoresError> {
        let places: Option<Vec<usize>> = tags.iter().map(|tag| self.tag_index(tag)).collect();
        let places = places.ok_or(ScoresError::NothingInCommon)?;
        let gather = |table: &[f32]| -> Vec<f32> {
            table.chunks_exact(self.tags.len()).flat_map(|row| places.iter().map(|&at| row[at])).collect()
        };
        let only = Self::new(tags.to_vec(), self.clips, gather(&self.truth), gather(&self.probabilities))?;
        Ok(Self { positive_threshold: self.positive_threshold, groups: self.groups.clone(), ..only })
    }

    /// Clips of one group (an artist, say) are drawn together where intervals of means are made; one without a group stands
    /// alone. `groups` are by clip; of another number of clips they are taken for none.
    pub fn with_groups<'g>(self, groups: impl IntoIterator<Item = Option<&'g str>>) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut count = 0;
        let mut next = || {
            count += 1;
            count - 1
        };
        let groups = groups.into_iter().map(|group| match group {
            Some(group) => *numbers.entry(group).or_insert_with(&mut next),
            None => next(),
        });
        let groups: Vec<u32> = groups.collect();
        let alone = groups.len() != self.clips || count as usize == groups.len();
        Self { groups: (!alone).then_some(groups), ..self }
    }

    /// With the groups of other scores of the same clips.
    pub(crate) fn with_groups_of(self, other: &Self) -> Self {
        Self { groups: other.groups.clone().filter(|groups| groups.len() == self.clips), ..self }
    }

    /// By clip, the number of its group, from 0 on; nothing where each clip stands alone.
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// Names of the tags, in order.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Number of clips.
    pub fn clips(&self) -> usize {
        self.clips
    }

    /// Labels, `[clips, tags]`, NaN where not labelled.
    pub fn truth(&self) -> &[f32] {
        &self.truth
    }

    /// Probabilities, `[clips, tags]`.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// From which label on a tag counts as present.
    pub fn positive_threshold(&self) -> f32 {
        self.positive_threshold
    }

    /// Place of the tag of this name, compared without regard to case.
    pub fn tag_index(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.tags.iter().position(|tag| tag.to_lowercase() == name)
    }

    /// `(clip, probability, present)` of the clips that are labelled for tag number `tag`, in clip order.
    /// Empty if there is no such tag.
    pub fn labelled(&self, tag: usize) -> impl Iterator<Item = (usize, f64, bool)> + '_ {
        let width = self.tags.len();
        let clips = if tag < width { self.clips } else { 0 };
        (0..clips).map(move |clip| (clip, clip * width + tag)).filter_map(move |(clip, at)| {
            let label = self.truth[at];
            let present = label >= self.positive_threshold;
            (!label.is_nan()).then(|| (clip, f64::from(self.probabilities[at]), present))
        })
    }

    /// Names and rankings of the tags that have a positive and a negative clip, in order.
    pub fn rankings(&self) -> impl Iterator<Item = (&str, Ranking)> + '_ {
        let tags = self.tags.iter().enumerate();
        tags.filter_map(|(place, tag)| Some((tag.as_str(), self.ranking(place).ok()?)))
    }

    /// The labelled clips of tag number `tag` in order of probability.
    ///
    /// # Errors
    /// [`Undefined`] where the tag has no positive or no negative clip.
    pub fn ranking(&self, tag: usize) -> Result<Ranking, Undefined> {
        Ranking::new(self.labelled(tag).map(|(_, probability, present)| (probability, present)))
    }
}

/// Places `(in left, in right)` of the tags that both lists have, without regard to case, in the order of
/// `left`. Where a list has a name twice, its first place counts.
pub fn match_tags(left: &[String], right: &[String]) -> Vec<(usize, usize)> {
    let mut places = HashMap::new();
    for (place, tag) in right.iter().enumerate() {
        places.entry(tag.to_lowercase()).or_insert(place);
    }
    let met =
        left.iter().enumerate().filter_map(|(place, tag)| Some((place, places.remove(&tag.to_lowercase())?)));
    met.collect()
}
