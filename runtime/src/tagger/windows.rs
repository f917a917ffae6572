//! Which frames go into the network at once.

use super::TaggerError;
use crate::card::{Axis, InputSpec};
use crate::mel::FrameCodes;
use crate::pcm;
use std::ops::Range;

/// Most frames that go through a sliding network in one pass, but for a longer window: 6 minutes at 12 kHz and a hop
/// of 256 samples. It bounds the memory that a song takes.
pub(super) const PASS_FRAMES: usize = 1 << 14;

/// The windows of a song of so many frames: at least one, where a short song is repeated.
pub(super) fn count(input: &InputSpec, frames: usize) -> usize {
    frames.saturating_sub(input.frames) / input.hop_frames + 1
}

/// Most windows in one pass.
pub(super) fn per_pass(input: &InputSpec) -> usize {
    if input.sliding { PASS_FRAMES.saturating_sub(input.frames) / input.hop_frames + 1 } else { 1 }
}

/// Frames that so many windows span.
pub(super) fn span(input: &InputSpec, windows: usize) -> usize {
    input.frames + (windows - 1) * input.hop_frames
}

/// The passes over so many windows of a song: for each the first frame and the number of windows. Passes start at
/// multiples of `hop_frames` and overlap as windows do, so a window hears the same frames whatever pass it is in.
pub(super) fn passes(input: &InputSpec, windows: usize) -> impl Iterator<Item = (usize, usize)> {
    let each = per_pass(input);
    let hop = input.hop_frames;
    (0..windows).step_by(each).map(move |first| (first * hop, each.min(windows - first)))
}

/// Lays frames `range` of `frames` (`[frames, mel_bands]`, repeated where the range is longer) out as the network
/// wants them, rounded to `codes` where it was trained on those.
pub(super) fn lay_out(
    input: &InputSpec,
    frames: &[f32],
    mel_bands: usize,
    range: Range<usize>,
    codes: Option<FrameCodes>,
) -> Vec<f32> {
    let available = frames.len() / mel_bands;
    let frame = |t: usize| &frames[t % available * mel_bands..][..mel_bands];
    let round = |value: f32| codes.map_or(value, |codes| codes.decode(codes.encode(value)));
    let mut out = Vec::with_capacity(range.len() * mel_bands);
    if frames_before_bands(input) {
        range.for_each(|t| out.extend(frame(t).iter().map(|&value| round(value))));
        return out;
    }
    out.resize(range.len() * mel_bands, 0.0);
    let length = range.len();
    // Sixteen frames at a time: their lines of the source stay in the nearest cache.
    for start in (0..length).step_by(16) {
        let rows: Vec<&[f32]> = (start..length.min(start + 16)).map(|t| frame(range.start + t)).collect();
        for (band, out) in out.chunks_exact_mut(length).enumerate() {
            out[start..].iter_mut().zip(&rows).for_each(|(out, row)| *out = round(row[band]));
        }
    }
    out
}

/// Frames `range` of `frames` (`[frames, mel_bands]`, repeated where the range is longer) as codes.
pub(super) fn codes(frames: &[f32], mel_bands: usize, range: Range<usize>, codes: FrameCodes) -> Vec<u8> {
    let available = frames.len() / mel_bands;
    let frame = |t: usize| &frames[t % available * mel_bands..][..mel_bands];
    range.flat_map(|t| frame(t).iter().map(move |&value| codes.encode(value))).collect()
}

/// Sizes of the input's axes.
pub(super) fn shape<D: Clone>(input: &InputSpec, batch: D, frames: D, mel_bands: D) -> Vec<D> {
    let size = |axis: &Axis| match axis {
        Axis::Batch => batch.clone(),
        Axis::Frames => frames.clone(),
        Axis::MelBands => mel_bands.clone(),
    };
    input.layout.iter().map(size).collect()
}

fn frames_before_bands(input: &InputSpec) -> bool {
    let place = |axis| input.layout.iter().position(|&other| other == axis);
    place(Axis::Frames) < place(Axis::MelBands)
}

/// Checks that there is something to hear.
pub(super) fn audible(samples: &[f32]) -> Result<(), TaggerError> {
    if samples.is_empty() {
        return Err(TaggerError::Empty);
    }
    let peak = pcm::peak(samples).map_err(|index| TaggerError::NotFinite { index })?;
    if peak < super::SILENCE { Err(TaggerError::Silent { peak }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn input(layout: [Axis; 3], frames: usize, hop_frames: usize, sliding: bool) -> InputSpec {
        let other = Default::default();
        InputSpec {
            name: "x".into(),
            layout: layout.into(),
            frames,
            hop_frames,
            sliding,
            codes: false,
            other,
        }
    }

    const CHANNELS_FIRST: [Axis; 3] = [Axis::Batch, Axis::MelBands, Axis::Frames];

    proptest! {
        #[test]
        fn passes_hold_each_window_once(
            window in 1usize..40_000, hop in 1usize..5_000, frames in 0usize..200_000, sliding in any::<bool>(),
        ) {
            let input = input(CHANNELS_FIRST, window, hop, sliding);
            let mut starts = Vec::new();
            for (first, windows) in passes(&input, count(&input, frames)) {
                prop_assert!(windows >= 1);
                let end = first + span(&input, windows);
                prop_assert!(end <= frames.max(window));
                prop_assert!(windows == 1 || span(&input, windows) <= PASS_FRAMES);
                starts.extend((0..windows).map(|i| first + i * hop));
            }
            let want: Vec<usize> = (0..).map(|i| i * hop).take_while(|&s| s == 0 || s + window <= frames).collect();
            prop_assert_eq!(starts, want);
        }

        #[test]
        fn layouts_hold_the_same_numbers(available in 1usize..40, start in 0usize..50, length in 0usize..60) {
            let bands = 3;
            let frames: Vec<f32> = (0..available * bands).map(|i| i as f32).collect();
            let wide = lay_out(&input(CHANNELS_FIRST, 1, 1, false), &frames, bands, start..start + length, None);
            let layout = [Axis::Frames, Axis::Batch, Axis::MelBands];
            let tall = lay_out(&input(layout, 1, 1, false), &frames, bands, start..start + length, None);
            for t in 0..length {
                for b in 0..bands {
                    let want = ((start + t) % available * bands + b) as f32;
                    prop_assert_eq!((tall[t * bands + b], wide[b * length + t]), (want, want));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_heard_says_so() {
        assert!(matches!(audible(&[]), Err(TaggerError::Empty)));
        assert!(matches!(audible(&[0.0, 9e-5]), Err(TaggerError::Silent { peak }) if peak == 9e-5));
        assert!(matches!(audible(&[1.0, f32::NAN]), Err(TaggerError::NotFinite { index: 1 })));
        assert!(matches!(audible(&[f32::NEG_INFINITY]), Err(TaggerError::NotFinite { index: 0 })));
        assert!(audible(&[0.0, -1.1e-4]).is_ok());
    }

    #[test]
    fn frames_are_rounded_to_codes() {
        let input = input(CHANNELS_FIRST, 1, 1, false);
        let rounded = lay_out(&input, &[-0.26, -200.0], 2, 0..1, Some(FrameCodes::DECIBEL));
        assert_eq!(rounded, [-0.5, -100.0]);
    }
}
