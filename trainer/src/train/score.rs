//! A network's answers on whole clips: every window, averaged.

use super::batches::{LabelledClip, crop};
use super::segments::{Answers, Cut, SEGMENT_SECONDS, pieces};
use crate::corpus::mostly_soft;
use crate::eval::{Scores, ScoresError};
use crate::features::will_need;
use crate::net::Network;
use candle_core::{Device, Result, Tensor};

/// Frames scored at once, so that memory does not grow with the clips' length: sixteen clips of half a minute.
const FRAMES: usize = 16 * 1366;

/// Mean probability over the windows of each clip, [clips, tags]. Clips shorter than the receptive field are repeated
/// to fill it, as the runtime does.
///
/// # Errors
/// When candle fails.
pub fn probabilities(
    network: &dyn Network,
    clips: &[LabelledClip<'_>],
    table: &[[f32; 256]],
    device: &Device,
) -> Result<Vec<f32>> {
    let tags = network.architecture().tags();
    let mut all = vec![0.0; clips.len() * tags];
    by_length(network, clips, table, device, |now, windows| {
        for (row, &i) in windows.mean(2)?.to_vec2::<f32>()?.iter().zip(now) {
            all[i * tags..(i + 1) * tags].copy_from_slice(row);
        }
        Ok(())
    })?;
    Ok(all)
}

/// Probabilities on every window of each clip.
///
/// # Errors
/// When candle fails.
pub fn answers(
    network: &dyn Network,
    clips: &[LabelledClip<'_>],
    table: &[[f32; 256]],
    device: &Device,
) -> Result<Vec<Answers>> {
    let architecture = network.architecture();
    let (first, hop) = (architecture.receptive_field() as f64 / 2.0, architecture.stride() as f64);
    let mut all = vec![Answers { probabilities: Vec::new(), first, hop }; clips.len()];
    by_length(network, clips, table, device, |now, windows| {
        let windows = windows.transpose(1, 2)?.contiguous()?;
        for (at, &i) in now.iter().enumerate() {
            all[i].probabilities = windows.get(at)?.flatten_all()?.to_vec1()?;
        }
        Ok(())
    })?;
    Ok(all)
}

/// Runs the network over clips, those of one length together, and gives their numbers and probabilities
/// [clips, tags, windows].
fn by_length(
    network: &dyn Network,
    clips: &[LabelledClip<'_>],
    table: &[[f32; 256]],
    device: &Device,
    mut take: impl FnMut(&[usize], Tensor) -> Result<()>,
) -> Result<()> {
    let bands = table.len();
    let field = network.architecture().receptive_field();
    let mut places: Vec<usize> = (0..clips.len()).collect();
    let frames_of = |i: usize| (clips[i].codes.len() / bands).max(field);
    places.sort_by_key(|&i| frames_of(i));
    let mut rest = places.as_slice();
    while let Some(&first) = rest.first() {
        let frames = frames_of(first);
        let count =
            rest.iter().take((FRAMES / frames).max(1)).take_while(|&&i| frames_of(i) == frames).count();
        let (now, later) = rest.split_at(count);
        // These and as many more, which are read from the disk while the network runs.
        rest.iter().take(2 * count).for_each(|&i| will_need(clips[i].codes));
        rest = later;
        let mut x = vec![0.0; count * bands * frames];
        for (x, &i) in x.chunks_mut(bands * frames).zip(now) {
            crop(clips[i].codes, table, 0, frames, x);
        }
        let x = Tensor::from_vec(x, (count, bands, frames), device)?;
        take(now, candle_nn::ops::sigmoid(&network.forward(&x)?)?)?;
    }
    Ok(())
}

/// Pairs probabilities with the clips' labels.
///
/// # Errors
/// When they do not fit or are not finite.
pub fn scores(
    tags: &[String],
    clips: &[LabelledClip<'_>],
    probabilities: Vec<f32>,
) -> std::result::Result<Scores, ScoresError> {
    let truth = clips.iter().flat_map(|c| c.labels.iter().copied()).collect();
    Scores::new(tags.to_vec(), clips.len(), truth, probabilities)
}

/// What validation found; nothing where there are no clips, or no labels of the kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Validated {
    /// Mean over the tags that have one.
    pub auc: Option<f64>,
    /// Mean cross-entropy of the clips' mean answers.
    pub loss: Option<f64>,
    /// Mean over the tags of the rank correlation with the labels over segments, where they are a teacher's.
    pub agreement: Option<f64>,
}

/// Scores a network on validation clips. Where they have labels of windows, or mostly soft ones, its agreement with them
/// is measured too.
///
/// # Errors
/// When candle fails.
pub fn validate(
    network: &dyn Network,
    tags: &[String],
    clips: &[LabelledClip<'_>],
    table: &[[f32; 256]],
    positive_threshold: f32,
    device: &Device,
) -> Result<Validated> {
    if clips.is_empty() {
        return Ok(Validated::default());
    }
    let (p, agreement) = if taught(clips) {
        let answers = answers(network, clips, table, device)?;
        let segments = pieces(clips, &answers, (tags, tags), Cut::Segments(SEGMENT_SECONDS));
        let means = answers.iter().flat_map(|answers| answers.mean(0.0, f64::INFINITY, tags.len()));
        (means.collect(), segments.mean_correlation())
    } else {
        (probabilities(network, clips, table, device)?, None)
    };
    let labels = clips.iter().flat_map(|c| c.labels);
    let (sum, count) = labels.zip(&p).filter(|(l, _)| !l.is_nan()).fold((0.0, 0u32), |(sum, n), (&l, &p)| {
        let (l, p) = (f64::from(l), f64::from(p).clamp(1e-7, 1.0 - 1e-7));
        (sum - l * p.ln() - (1.0 - l) * (1.0 - p).ln(), n + 1)
    });
    let loss = (count > 0).then(|| sum / f64::from(count));
    let scored = scores(tags, clips, p).and_then(|s| s.with_positive_threshold(positive_threshold));
    let Ok(scores) = scored else { return Ok(Validated { auc: None, loss, agreement }) };
    let aucs: Vec<f64> = (0..tags.len()).filter_map(|t| Some(scores.ranking(t).ok()?.auc())).collect();
    let auc = (!aucs.is_empty()).then(|| aucs.iter().sum::<f64>() / aucs.len() as f64);
    Ok(Validated { auc, loss, agreement })
}

/// Whether the labels are a teacher's: of windows, or most of them neither 0 nor 1.
pub fn taught(clips: &[LabelledClip<'_>]) -> bool {
    clips.iter().any(|clip| !clip.windows.is_empty())
        || mostly_soft(clips.iter().flat_map(|clip| clip.labels.iter().copied()))
}
