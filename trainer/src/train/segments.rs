//! Clips cut into pieces on which a model's answers are set beside a teacher's.

use super::batches::LabelledClip;
use crate::eval::{Pieces, match_tags};

/// Length of a segment in seconds where nothing else is asked for: what the larger networks hear at once, and what a
/// tag's name usually speaks of.
pub const SEGMENT_SECONDS: f64 = 29.12;

/// What a model answered on its windows of a clip.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Probabilities [windows, tags]; at least one window.
    pub probabilities: Vec<f32>,
    /// Middle of the first window, in frames.
    pub first: f64,
    /// Frames from one window to the next.
    pub hop: f64,
}

/// How clips are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// At every so many seconds. A segment has the labels of the windows whose middle is in it, their mean weighted by
    /// their length; it counts if they fill half of it, or are all there is of the clip.
    Segments(f64),
    /// As the labels are.
    Windows,
    /// Not at all.
    Tracks,
}

/// The clips' pieces with the teacher's labels and a model's answers, for the tags that both have, in the model's order.
/// A piece's answers are the mean over the model's windows whose middle is in it, or those of the nearest one. A clip
/// whose labels hold for all of it is one piece, however it is cut.
pub fn pieces(
    clips: &[LabelledClip<'_>],
    answers: &[Answers],
    (model_tags, corpus_tags): (&[String], &[String]),
    cut: Cut,
) -> Pieces {
    let pairs = match_tags(model_tags, corpus_tags);
    let mut pieces = Pieces::new(pairs.len());
    for (number, (clip, answers)) in clips.iter().zip(answers).enumerate() {
        let mut add = |labels: &[f32], from: f64, to: f64| {
            let answers = answers.mean(from, to, model_tags.len());
            let truth = pairs.iter().map(|&(_, corpus)| labels[corpus]);
            pieces.push(number, truth, pairs.iter().map(|&(model, _)| answers[model]));
        };
        if cut == Cut::Tracks || clip.windows.is_empty() {
            add(clip.labels, 0.0, f64::INFINITY);
            continue;
        }
        let windows: Vec<_> = clip.windows.iter().collect();
        let Cut::Segments(seconds) = cut else {
            windows.iter().for_each(|(span, labels)| add(labels, span.start, span.end));
            continue;
        };
        let length = seconds * clip.windows.frame_rate();
        let number = |middle: f64| (middle / length).floor();
        let segments: Vec<_> = windows
            .chunk_by(|(a, _), (b, _)| number((a.start + a.end) / 2.0) == number((b.start + b.end) / 2.0))
            .collect();
        for segment in &segments {
            let filled: f64 = segment.iter().map(|(span, _)| span.end - span.start).sum();
            if filled < length / 2.0 && segments.len() > 1 {
                continue;
            }
            let mut sums = vec![(0.0f64, 0.0f64); clip.labels.len()];
            for (span, labels) in *segment {
                for ((sum, weight), &label) in sums.iter_mut().zip(*labels).filter(|(_, l)| !l.is_nan()) {
                    *sum += (span.end - span.start) * f64::from(label);
                    *weight += span.end - span.start;
                }
            }
            let labels: Vec<f32> = sums.into_iter().map(|(sum, weight)| (sum / weight) as f32).collect();
            let starts = segment.iter().map(|(span, _)| span.start).fold(f64::INFINITY, f64::min);
            let ends = segment.iter().map(|(span, _)| span.end).fold(0.0, f64::max);
            add(&labels, starts, ends);
        }
    }
    pieces
}

impl Answers {
    /// Mean over the windows whose middle is in `from..to`, or the one nearest to the middle of that.
    pub(super) fn mean(&self, from: f64, to: f64, tags: usize) -> Vec<f32> {
        let windows = self.probabilities.len() / tags.max(1);
        let middle = |window: usize| self.first + window as f64 * self.hop;
        let within = (0..windows).filter(|&window| (from..to).contains(&middle(window)));
        let mut chosen: Vec<usize> = within.collect();
        if chosen.is_empty() {
            // The end of a whole clip is not known here, and not asked for: it has all windows.
            let away = |window: &usize| (middle(*window) - (from + to) / 2.0).abs();
            chosen.extend((0..windows).min_by(|a, b| away(a).total_cmp(&away(b))));
        }
        let mut mean = vec![0.0f64; tags];
        for &window in &chosen {
            let row = &self.probabilities[window * tags..][..tags];
            mean.iter_mut().zip(row).for_each(|(sum, &p)| *sum += f64::from(p));
        }
        mean.into_iter().map(|sum| (sum / chosen.len().max(1) as f64) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::LabelWindow;
    use crate::train::Windows;

    #[test]
    fn segments_have_the_means_of_what_is_in_them() {
        // Windows of 3 s at 10 frames a second; segments of 9 s, of which the last is a third full.
        let windows: Vec<LabelWindow> = [0.1, 0.2, 0.6, 0.3, 0.9, 0.6, 0.5]
            .iter()
            .enumerate()
            .map(|(i, &label)| LabelWindow {
                start_seconds: 3.0 * i as f32,
                seconds: 3.0,
                labels: vec![label],
            })
            .collect();
        let codes = [0; 210];
        let clip = LabelledClip { codes: &codes, labels: &[0.45], windows: Windows::new(&windows, 10.0) };
        let whole = LabelledClip::whole(&codes, &[0.7]);
        // Windows of the model in the middle of frames 20, 60, 100, 140 and 180.
        let answers = Answers { probabilities: vec![0.1, 0.2, 0.3, 0.4, 0.5], first: 20.0, hop: 40.0 };
        let tags = ["a".to_string()];
        let of = |cut| pieces(&[clip, whole], &[answers.clone(), answers.clone()], (&tags, &tags), cut);
        let near = |got: &[f32], want: &[f32]| {
            let near = got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near, "{got:?} {want:?}");
        };
        let segments = of(Cut::Segments(9.0));
        near(segments.truth(), &[0.3, 0.6, 0.7]);
        near(segments.answers(), &[0.15, 0.35, 0.3]);
        let windows = of(Cut::Windows);
        near(windows.truth(), &[0.1, 0.2, 0.6, 0.3, 0.9, 0.6, 0.5, 0.7]);
        // Where there is no middle in a window, the nearest one answers.
        near(windows.answers(), &[0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.5, 0.3]);
        near(of(Cut::Tracks).truth(), &[0.45, 0.7]);
        near(of(Cut::Tracks).answers(), &[0.3, 0.3]);
        assert_eq!(of(Cut::Segments(1000.0)).len(), 2, "a short clip is a segment");
    }
}
