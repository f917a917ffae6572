//! Labels of parts of a clip, as a crop of its frames meets them.

use crate::corpus::LabelWindow;
use std::ops::Range;

/// Windows of a clip with labels of their own, in frames of its features; none where its labels hold for all of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Windows<'a> {
    windows: &'a [LabelWindow],
    /// Frames in a second.
    frame_rate: f64,
}

impl<'a> Windows<'a> {
    /// A view of windows, which rise by their start, of a clip whose features have `frame_rate` frames a second.
    pub fn new(windows: &'a [LabelWindow], frame_rate: f64) -> Self {
        Self { windows, frame_rate }
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether the clip's labels hold for all of it.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Frames in a second.
    pub fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    /// Each window's frames and labels, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Range<f64>, &'a [f32])> + use<'a> {
        let rate = self.frame_rate;
        self.windows.iter().map(move |window| {
            let start = f64::from(window.start_seconds) * rate;
            (start..start + f64::from(window.seconds) * rate, window.labels.as_slice())
        })
    }

    /// The frames from the first window's first to the last one's last, of a clip of `have` frames.
    pub fn extent(&self, have: usize) -> Range<usize> {
        let spans = || self.iter().map(|(span, _)| span);
        let from = spans().map(|span| span.start).fold(f64::INFINITY, f64::min);
        let to = spans().map(|span| span.end).fold(0.0, f64::max);
        if self.is_empty() {
            0..have
        } else {
            (from.floor() as usize).min(have)..(to.round() as usize).min(have)
        }
    }

    /// Frames of a clip of `have` that are in some window.
    pub fn labelled_frames(&self, have: usize) -> f64 {
        let (mut sum, mut reached) = (0.0, 0.0f64);
        for (span, _) in self.iter() {
            let end = span.end.min(have as f64);
            sum += (end - span.start.max(reached)).max(0.0);
            reached = reached.max(end);
        }
        sum
    }

    /// Labels of a crop of `frames` frames from `from` on, of a clip of `have`, which begins again where it ends: of each
    /// tag the mean over the windows that the crop meets and that are labelled for it, weighted by how much of each it
    /// hears. A crop that meets none has the labels of the nearest one. NaN where nothing is labelled.
    pub fn of_crop(&self, from: usize, frames: usize, have: usize, labels: &mut [f32]) {
        let mut sums = vec![(0.0f64, 0.0f64); labels.len()];
        let mut add = |window: &[f32], weight: f64| {
            for ((sum, weights), &label) in sums.iter_mut().zip(window).filter(|(_, label)| !label.is_nan()) {
                *sum += weight * f64::from(label);
                *weights += weight;
            }
        };
        let (first, have) = (from as f64, have as f64);
        let last = first + frames as f64;
        // How often the clip is heard whole, and what is heard beside that.
        let again = (last - have).max(0.0);
        let (whole, rest) = ((again / have).floor(), again % have);
        let mut met = false;
        for (span, window) in self.iter() {
            let heard = |from: f64, to: f64| (span.end.min(to) - span.start.max(from)).max(0.0);
            let weight = heard(first, last.min(have)) + whole * heard(0.0, have) + heard(0.0, rest);
            if weight > 0.0 {
                met = true;
                add(window, weight);
            }
        }
        if !met {
            let away = |span: &Range<f64>| (span.start - last).max(first - span.end);
            let nearest = self.iter().min_by(|(a, _), (b, _)| away(a).total_cmp(&away(b)));
            nearest.into_iter().for_each(|(_, window)| add(window, 1.0));
        }
        for (label, (sum, weights)) in labels.iter_mut().zip(sums) {
            *label = if weights > 0.0 { (sum / weights) as f32 } else { f32::NAN };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Vec<LabelWindow> {
        let window = |start_seconds, labels: [f32; 2]| LabelWindow {
            start_seconds,
            seconds: 2.0,
            labels: labels.to_vec(),
        };
        vec![window(1.0, [0.0, f32::NAN]), window(3.0, [0.5, 0.25]), window(5.0, [1.0, f32::NAN])]
    }

    fn of_crop(from: usize, frames: usize, have: usize) -> [f32; 2] {
        let (windows, mut labels) = (windows(), [0.0; 2]);
        // Windows of 20 frames from the 10th to the 70th.
        Windows::new(&windows, 10.0).of_crop(from, frames, have, &mut labels);
        labels
    }

    #[test]
    fn a_crop_has_the_mean_of_what_it_meets() {
        assert_eq!(of_crop(30, 20, 100), [0.5, 0.25]);
        assert_eq!(of_crop(25, 20, 100), [0.375, 0.25]);
        // Five frames of the first, all of the second, ten of the third.
        assert!((of_crop(25, 35, 100)[0] - 20.0 / 35.0).abs() < 1e-6);
        // Labels that are missing leave the others.
        assert!(of_crop(50, 10, 100)[1].is_nan());
        assert_eq!(of_crop(49, 11, 100), [(0.5 + 10.0) / 11.0, 0.25]);
    }

    #[test]
    fn a_crop_that_meets_nothing_has_the_nearest() {
        assert_eq!(of_crop(80, 10, 100)[0], 1.0);
        assert_eq!(of_crop(0, 10, 100)[0], 0.0);
    }

    #[test]
    fn a_clip_that_begins_again_is_heard_again() {
        // Of 40 frames: 20 of the first window and 10 of the second; then the first ten again.
        assert!((of_crop(0, 40, 40)[0] - 5.0 / 30.0).abs() < 1e-6);
        assert!((of_crop(0, 55, 40)[0] - 5.0 / 35.0).abs() < 1e-6);
        assert!((of_crop(0, 120, 40)[0] - 5.0 / 30.0).abs() < 1e-6);
    }

    #[test]
    fn extents_end_with_the_audio() {
        let windows = windows();
        let view = Windows::new(&windows, 10.0);
        assert_eq!((view.extent(100), view.extent(40)), (10..70, 10..40));
        assert_eq!((view.labelled_frames(100), view.labelled_frames(40)), (60.0, 30.0));
        assert_eq!(Windows::default().extent(40), 0..40);
    }
}
