//! A network's answers on whole clips: every window, averaged.

use super::batches::{LabelledClip, crop};
use crate::eval::{Scores, ScoresError};
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
    let bands = table.len();
    let field = network.architecture().receptive_field();
    let tags = network.architecture().tags();
    // Clips of one length run together; the answers go back to their places.
    let mut places: Vec<usize> = (0..clips.len()).collect();
    let frames_of = |i: usize| (clips[i].codes.len() / bands).max(field);
    places.sort_by_key(|&i| frames_of(i));
    let mut all = vec![0.0; clips.len() * tags];
    let mut rest = places.as_slice();
    while let Some(&first) = rest.first() {
        let frames = frames_of(first);
        let count =
            rest.iter().take((FRAMES / frames).max(1)).take_while(|&&i| frames_of(i) == frames).count();
        let (now, later) = rest.split_at(count);
        rest = later;
        let mut x = vec![0.0; count * bands * frames];
        for (x, &i) in x.chunks_mut(bands * frames).zip(now) {
            crop(clips[i].codes, table, 0, frames, x);
        }
        let x = Tensor::from_vec(x, (count, bands, frames), device)?;
        let mean = candle_nn::ops::sigmoid(&network.forward(&x)?)?.mean(2)?;
        for (row, &i) in mean.to_vec2::<f32>()?.iter().zip(now) {
            all[i * tags..(i + 1) * tags].copy_from_slice(row);
        }
    }
    Ok(all)
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

/// Mean AUC over the tags that have one, and loss, where there are clips to measure them on.
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
) -> Result<(Option<f64>, Option<f64>)> {
    if clips.is_empty() {
        return Ok((None, None));
    }
    let p = probabilities(network, clips, table, device)?;
    let labels = clips.iter().flat_map(|c| c.labels);
    let (sum, count) = labels.zip(&p).filter(|(l, _)| !l.is_nan()).fold((0.0, 0u32), |(sum, n), (&l, &p)| {
        let (l, p) = (f64::from(l), f64::from(p).clamp(1e-7, 1.0 - 1e-7));
        (sum - l * p.ln() - (1.0 - l) * (1.0 - p).ln(), n + 1)
    });
    let loss = (count > 0).then(|| sum / f64::from(count));
    let scored = scores(tags, clips, p).and_then(|s| s.with_positive_threshold(positive_threshold));
    let Ok(scores) = scored else { return Ok((None, loss)) };
    let aucs: Vec<f64> = (0..tags.len()).filter_map(|t| Some(scores.ranking(t).ok()?.auc())).collect();
    let auc = (!aucs.is_empty()).then(|| aucs.iter().sum::<f64>() / aucs.len() as f64);
    Ok((auc, loss))
}
