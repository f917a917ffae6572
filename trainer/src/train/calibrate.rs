//! After training on a teacher's labels: probabilities that mean what they say, and thresholds.

use super::batches::LabelledClip;
use super::score::answers;
use super::segments::{Answers, Cut, SEGMENT_SECONDS, pieces};
use crate::eval::{Line, Pieces, Reliability, fit, reliability, threshold_by_expectation};
use crate::net::{Net, Network};
use candle_core::{Device, Result};
use serde::Serialize;

/// What calibrating on validation clips came to.
#[derive(Clone, Debug, Serialize)]
pub struct Calibrated {
    /// Validation windows that the lines were fitted to.
    pub windows: usize,
    /// Of the network as it was trained, on these windows.
    pub before: Reliability,
    /// Of lines fitted to the windows of every other clip, on the rest, so that none is judged on what it was fitted to.
    pub after: Reliability,
    /// For each tag; already in the network's last layer.
    pub lines: Vec<Line>,
    /// For each tag: as many validation segments reach it as the teacher expects to have the tag.
    #[serde(skip)]
    pub thresholds: Vec<f32>,
}

/// Fits a line to each tag's logits on windows of validation clips, puts them into the network's last layer, and chooses
/// thresholds on segments by [`threshold_by_expectation`]. None where no window is labelled.
///
/// # Errors
/// When candle fails.
pub fn calibrate(
    network: &Net,
    tags: &[String],
    clips: &[LabelledClip<'_>],
    table: &[[f32; 256]],
    device: &Device,
) -> Result<Option<Calibrated>> {
    let mut answers = answers(network, clips, table, device)?;
    let windows = pieces(clips, &answers, (tags, tags), Cut::Windows);
    let Some(before) = reliability(windows.answers(), windows.truth(), tags.len()) else { return Ok(None) };
    let lines = lines(&windows, tags.len(), |_| true);
    let halves = [0, 1].map(|half| self::lines(&windows, tags.len(), |clip| clip % 2 != half));
    let tag_of = |place: usize| place % tags.len();
    let moved: Vec<f32> = windows
        .answers()
        .iter()
        .enumerate()
        .map(|(place, &p)| {
            let half = windows.clip_of()[place / tags.len()] as usize % 2;
            halves[half][tag_of(place)].of(p)
        })
        .collect();
    let Some(after) = reliability(&moved, windows.truth(), tags.len()) else { return Ok(None) };
    network.bend_output(&lines)?;
    for Answers { probabilities, .. } in &mut answers {
        probabilities.iter_mut().enumerate().for_each(|(place, p)| *p = lines[tag_of(place)].of(*p));
    }
    let segments = pieces(clips, &answers, (tags, tags), Cut::Segments(SEGMENT_SECONDS));
    let threshold =
        |tag| threshold_by_expectation(of_tag(&segments, tag, tags.len(), |_| true)).unwrap_or(0.5);
    let thresholds = (0..tags.len()).map(threshold).collect();
    Ok(Some(Calibrated { windows: windows.len(), before, after, lines, thresholds }))
}

fn lines(pieces: &Pieces, tags: usize, of_clip: impl Fn(u32) -> bool + Copy) -> Vec<Line> {
    (0..tags).map(|tag| fit(of_tag(pieces, tag, tags, of_clip))).collect()
}

/// Answers and truth of one tag, on pieces of some clips.
fn of_tag(
    pieces: &Pieces,
    tag: usize,
    tags: usize,
    of_clip: impl Fn(u32) -> bool,
) -> impl Iterator<Item = (f32, f32)> {
    let places = (0..pieces.len()).filter(move |&piece| of_clip(pieces.clip_of()[piece]));
    places.map(move |piece| (pieces.answers()[piece * tags + tag], pieces.truth()[piece * tags + tag]))
}

impl Net {
    /// Moves each tag's logits along a line, by the weights and the biases of the last layer.
    ///
    /// # Errors
    /// When there is not one line per tag, or candle fails.
    pub fn bend_output(&self, lines: &[Line]) -> Result<()> {
        let Some(crate::net::blocks::Block::Output(output)) = self.blocks().last() else {
            candle_core::bail!("{} does not end with an output layer", self.architecture().network)
        };
        let device = output.bias.device();
        let column = |of: fn(&Line) -> f32| {
            let values: Vec<f32> = lines.iter().map(of).collect();
            candle_core::Tensor::from_vec(values, lines.len(), device)
        };
        let (slopes, intercepts) = (column(|line| line.slope)?, column(|line| line.intercept)?);
        let (weight, bias) = (output.weight.as_tensor(), output.bias.as_tensor());
        let bent = weight.broadcast_mul(&slopes.reshape((lines.len(), 1, 1))?)?;
        let shifted = ((bias * slopes)? + intercepts)?;
        output.weight.set(&bent)?;
        output.bias.set(&shifted)
    }
}
