//! What an epoch hears: how often each clip, in which order, and from where on.

use super::batches::{Draw, LabelledClip};
use crate::features::will_need;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// How often an epoch hears a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CropsPerClip {
    /// Every clip once.
    One,
    /// A clip whose windows have labels of their own as often as crops fit into them, at least once; every other clip
    /// once.
    #[default]
    Duration,
}

/// One of the crops that an epoch hears of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// Number of the clip.
    pub clip: u32,
    /// The how many-th crop of it, from 0.
    pub nth: u32,
}

impl Heard {
    /// What its random numbers are drawn by. The first crop has its clip's number.
    pub fn key(self) -> u64 {
        u64::from(self.clip) | u64::from(self.nth) << 32
    }
}

/// Crops of `frames` frames of `bands` bands that an epoch hears, clip by clip.
pub fn heard(
    clips: &[LabelledClip<'_>],
    crops_per_clip: CropsPerClip,
    bands: usize,
    frames: usize,
) -> Vec<Heard> {
    let times = |clip: &LabelledClip<'_>| {
        if crops_per_clip == CropsPerClip::One || clip.windows.is_empty() {
            return 1;
        }
        // A crop's length is a whole number of frames, a window's is not: 2.99 crops are three.
        let fit = (clip.windows.labelled_frames(clip.codes.len() / bands) + 0.5) / frames as f64;
        (fit as u32).max(1)
    };
    let numbered = (0u32..).zip(clips);
    numbered.flat_map(|(clip, of)| (0..times(of)).map(move |nth| Heard { clip, nth })).collect()
}

/// The order in which epoch `epoch` hears them.
pub fn order(heard: &[Heard], draw: &Draw, epoch: usize) -> Vec<Heard> {
    let mut order = heard.to_vec();
    order.shuffle(&mut draw.order(epoch));
    order
}

/// The frame that a crop of `frames` frames begins at: anywhere in a clip, or where it has windows, where they are.
pub fn start(
    clip: &LabelledClip<'_>,
    heard: Heard,
    draw: &Draw,
    epoch: usize,
    bands: usize,
    frames: usize,
) -> usize {
    let have = clip.codes.len() / bands;
    let spare = have.saturating_sub(frames);
    let labelled = clip.windows.extent(have);
    let first = labelled.start.min(spare);
    let last = labelled.end.saturating_sub(frames).clamp(first, spare);
    draw.crop(epoch, heard.key()).random_range(first..=last)
}

/// Where the crops of a batch are: a clip's number and the frame that its crop begins at.
pub fn starts(
    clips: &[LabelledClip<'_>],
    batch: &[Heard],
    draw: &Draw,
    epoch: usize,
    bands: usize,
    frames: usize,
) -> Vec<(usize, usize)> {
    let place = |&heard: &Heard| {
        let clip = heard.clip as usize;
        (clip, start(&clips[clip], heard, draw, epoch, bands, frames))
    };
    batch.iter().map(place).collect()
}

/// Has crops read from the disk, all of them at once, where their codes lie in a file; does not wait for them.
pub fn ask_for(clips: &[LabelledClip<'_>], starts: &[(usize, usize)], bands: usize, frames: usize) {
    for &(clip, from) in starts {
        let codes = clips[clip].codes;
        // A clip that is shorter than the crop is begun again.
        will_need(codes.get(from * bands..(from + frames) * bands).unwrap_or(codes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::LabelWindow;
    use crate::train::windows::Windows;

    #[test]
    fn long_clips_with_windows_are_heard_often_and_where_they_have_labels() {
        let codes = vec![100; 2 * 1000];
        let windows: Vec<LabelWindow> = (0..20)
            .map(|i| LabelWindow {
                start_seconds: 10.0 + i as f32 * 2.992,
                seconds: 2.992,
                labels: vec![0.5],
            })
            .collect();
        let whole = LabelledClip { codes: &codes, labels: &[0.5], windows: Windows::default() };
        let parted = LabelledClip { windows: Windows::new(&windows, 10.0), ..whole };
        let short = LabelledClip { windows: Windows::new(&windows[..1], 10.0), ..whole };
        let clips = [whole, parted, short];
        // 598.4 frames of the second clip, 29.9 of the third.
        let all = heard(&clips, CropsPerClip::Duration, 2, 60);
        let times = |all: &[Heard], clip| all.iter().filter(|heard| heard.clip == clip).count();
        assert_eq!([0, 1, 2].map(|clip| times(&all, clip)), [1, 9, 1]);
        assert_eq!(heard(&clips, CropsPerClip::One, 2, 60).len(), 3);

        let draw = Draw { seed: 3 };
        let mut starts: Vec<usize> = (0..200)
            .flat_map(|epoch| all.iter().map(move |&heard| (epoch, heard)))
            .filter(|(_, heard)| heard.clip == 1)
            .map(|(epoch, heard)| start(&parted, heard, &draw, epoch, 2, 60))
            .collect();
        let first: Vec<usize> = starts[..9].to_vec();
        assert!(first.iter().any(|&start| start != first[0]), "each has its own place");
        starts.sort_unstable();
        assert!(starts[0] >= 100 && starts[0] < 105 && starts[1799] <= 638 && starts[1799] > 630);
        // A window shorter than the crop, at the end of the clip, is heard with what is before it.
        let at_end = [LabelWindow { start_seconds: 97.0, seconds: 3.0, labels: vec![0.5] }];
        let end = LabelledClip { windows: Windows::new(&at_end, 10.0), ..whole };
        assert_eq!(start(&end, Heard { clip: 0, nth: 0 }, &draw, 0, 2, 60), 940);
    }

    #[test]
    fn first_crops_are_drawn_by_the_clip_alone() {
        assert_eq!((Heard { clip: 7, nth: 0 }.key(), Heard { clip: 7, nth: 2 }.key()), (7, 7 + (2 << 32)));
    }
}
