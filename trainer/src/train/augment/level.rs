//! Steps that change levels: gain, equaliser, noise floor.

use super::{Change, Place};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Cosines in an equaliser's curve.
const COSINES: usize = 4;
/// Softest noise floor, in decibel below the loudest.
const FLOOR_RANGE: f32 = 20.0;

pub fn gain(decibel: f32, of_clip: impl Fn(u64) -> ChaCha8Rng, place: &Place<'_>) -> Change {
    let most = decibel / place.deviation;
    let offsets = place.clips.iter().flat_map(|&clip| {
        let offset = of_clip(clip).random_range(-most..=most);
        std::iter::repeat_n(offset, place.bands)
    });
    Change::Offset(offsets.collect())
}

pub fn equalise(decibel: f32, of_clip: impl Fn(u64) -> ChaCha8Rng, place: &Place<'_>) -> Change {
    let all: f32 = (1..=COSINES).map(|k| 1.0 / k as f32).sum();
    let most = decibel / place.deviation / all;
    let offsets = place.clips.iter().flat_map(|&clip| {
        let mut rng = of_clip(clip);
        let heights: [f32; COSINES] =
            std::array::from_fn(|k| rng.random_range(-most..=most) / (k + 1) as f32);
        (0..place.bands).map(move |band| {
            let at = std::f32::consts::PI * (band as f32 + 0.5) / place.bands as f32;
            heights.iter().enumerate().map(|(k, height)| height * ((k + 1) as f32 * at).cos()).sum()
        })
    });
    Change::Offset(offsets.collect())
}

pub fn noise(decibel: f32, of_clip: impl Fn(u64) -> ChaCha8Rng, place: &Place<'_>) -> Change {
    let floors = place.clips.iter().map(|&clip| {
        let mut rng = of_clip(clip);
        let below = rng.random_range(decibel..=decibel + FLOOR_RANGE);
        if rng.random_bool(0.5) { -below / place.deviation } else { f32::NEG_INFINITY }
    });
    Change::Floor(floors.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn place(clips: &[u64]) -> Place<'_> {
        Place { clips, bands: 32, frames: 5, deviation: 10.0, epoch: 0, step: 0 }
    }

    fn of_clip(clip: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(clip)
    }

    #[test]
    fn a_gain_is_one_offset_and_stays_in_its_range() {
        let clips: Vec<u64> = (0..200).collect();
        let Change::Offset(offsets) = gain(6.0, of_clip, &place(&clips)) else { panic!() };
        let (mut least, mut most) = (f32::MAX, f32::MIN);
        for clip in offsets.chunks(32) {
            assert!(clip.iter().all(|o| *o == clip[0] && o.abs() <= 0.6));
            (least, most) = (least.min(clip[0]), most.max(clip[0]));
        }
        assert!(least < -0.5 && most > 0.5);
    }

    #[test]
    fn an_equaliser_is_smooth_bounded_and_has_no_mean() {
        let clips: Vec<u64> = (0..200).collect();
        let Change::Offset(offsets) = equalise(4.0, of_clip, &place(&clips)) else { panic!() };
        let mut farthest: f32 = 0.0;
        for curve in offsets.chunks(32) {
            assert!(curve.iter().sum::<f32>().abs() < 1e-4, "a level is the gain's to change");
            assert!(curve.windows(2).all(|w| (w[1] - w[0]).abs() < 0.4 * 0.2));
            farthest = curve.iter().fold(farthest, |m, o| m.max(o.abs()));
        }
        assert!(farthest <= 0.4 && farthest > 0.25, "{farthest}");
    }

    #[test]
    fn noise_is_there_in_half_of_the_clips() {
        let clips: Vec<u64> = (0..1000).collect();
        let Change::Floor(floors) = noise(10.0, of_clip, &place(&clips)) else { panic!() };
        let heard: Vec<f32> = floors.into_iter().filter(|f| f.is_finite()).collect();
        assert!((400..600).contains(&heard.len()));
        assert!(heard.iter().all(|f| (-3.0..=-1.0).contains(f)));
    }
}
