//! Time without pitch: overlap-add of frames taken where they fit best (WSOLA, Verhelst and Roelands 1993).

/// Half a frame; frames overlap by as much.
const HOP_SECONDS: f64 = 0.032;
/// How far around its place a frame is looked for.
const REACH_SECONDS: f64 = 0.012;
/// The first look compares every so many samples at every so many places.
const COARSE: usize = 4;

/// `samples` in another time: `length` samples that go through `length * tempo` of the input's, at the pitch it had.
/// Where the input is too short for that it is taken to go on in silence. An input shorter than a frame comes back cut
/// or filled with silence.
pub fn stretch(rate: u32, samples: &[f32], tempo: f64, length: usize) -> Vec<f32> {
    let hop = (HOP_SECONDS * f64::from(rate)).round() as usize;
    let reach = (REACH_SECONDS * f64::from(rate)).round() as usize;
    if samples.len() < 2 * hop || hop == 0 {
        let mut short = samples.to_vec();
        short.resize(length, 0.0);
        return short;
    }
    // Silence before and after: every frame near a place that is needed then lies within.
    let wanted = (length as f64 * tempo).ceil() as usize;
    let mut padded = vec![0.0; reach];
    padded.extend_from_slice(samples);
    padded.resize(reach + samples.len().max(wanted) + 4 * hop + 2 * reach, 0.0);

    let window: Vec<f32> = (0..hop)
        .map(|i| (0.5 - 0.5 * (std::f64::consts::PI * (i as f64 + 0.5) / hop as f64).cos()) as f32)
        .collect();
    let mut out = Vec::with_capacity(length + hop);
    // The first frame's second half goes on from where its first half, which has nothing to overlap, ends.
    let mut place = reach;
    out.extend_from_slice(&padded[place..place + hop]);
    let mut frame = 1_usize;
    while out.len() < length {
        let tail = place + hop;
        let ideal = reach + (frame as f64 * hop as f64 * tempo).round() as usize;
        let ideal = ideal.min(padded.len() - 2 * hop - reach);
        place = best(&padded, &padded[tail..tail + hop], ideal - reach.min(ideal), 2 * reach);
        let (old, new) = (&padded[tail..tail + hop], &padded[place..place + hop]);
        out.extend(window.iter().zip(old).zip(new).map(|((rise, old), new)| old + rise * (new - old)));
        frame += 1;
    }
    out.truncate(length);
    out
}

/// The place from `first` to `first + span` where the samples resemble `like` most, by normalised correlation.
fn best(samples: &[f32], like: &[f32], first: usize, span: usize) -> usize {
    let coarse = most_alike(samples, like, first, first + span, COARSE);
    let (low, high) = (coarse.saturating_sub(COARSE - 1).max(first), (coarse + COARSE - 1).min(first + span));
    most_alike(samples, like, low, high, 1)
}

fn most_alike(samples: &[f32], like: &[f32], first: usize, last: usize, step: usize) -> usize {
    let thinned: Vec<f32> = like.iter().step_by(step).copied().collect();
    let score = |place: usize| {
        let there = samples[place..place + like.len()].iter().step_by(step);
        let (mut product, mut energy) = (0.0_f32, 1e-9_f32);
        for (a, b) in thinned.iter().zip(there) {
            product += a * b;
            energy += b * b;
        }
        product / energy.sqrt()
    };
    let mut found = (first, f32::MIN);
    for place in (first..=last).step_by(step) {
        let score = score(place);
        if score > found.1 {
            found = (place, score);
        }
    }
    found.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frequency, sine};
    use super::*;

    #[test]
    fn the_length_changes_and_the_pitch_does_not() {
        for hertz in [110.0, 440.0, 1500.0] {
            let input = sine(16_000, hertz, 4.0);
            for tempo in [0.75, 0.9, 1.0, 1.2, 1.33] {
                let length = (input.len() as f64 / tempo) as usize;
                let out = stretch(16_000, &input, tempo, length);
                assert_eq!(out.len(), length);
                let found = frequency(16_000, &out[1000..length - 3000]);
                assert!((found / hertz - 1.0).abs() < 0.005, "{hertz} Hz at tempo {tempo} gave {found} Hz");
                let level = |samples: &[f32]| crate::remix::effects::rms(samples);
                assert!((level(&out[..length - 3000]) / level(&input) - 1.0).abs() < 0.05);
            }
        }
    }

    #[test]
    fn events_move_with_the_tempo() {
        // A click each 0.5 s at tempo 1.25 comes each 0.4 s.
        let mut input = vec![0.0; 16_000 * 4];
        (0..8).for_each(|i| input[i * 8000 + 4000..i * 8000 + 4040].fill(1.0));
        let out = stretch(16_000, &input, 1.25, 16_000 * 3);
        let loud = |at: usize| out[at.saturating_sub(900)..at + 900].iter().any(|s| *s > 0.4);
        for i in 0..7 {
            let at = (i * 8000 + 4000) * 4 / 5;
            assert!(loud(at), "no click near {at}");
            assert!(!loud(at + 3200), "a click near {}", at + 3200);
        }
    }

    #[test]
    fn too_little_is_filled_and_nothing_panics() {
        for length in [0, 1, 100, 5000, 50_000] {
            for input in [0, 1, 1023, 1024, 1025, 2000] {
                let out = stretch(16_000, &vec![0.5; input], 1.3, length);
                assert!(out.len() == length && out.iter().all(|s| s.is_finite()));
            }
        }
    }
}
