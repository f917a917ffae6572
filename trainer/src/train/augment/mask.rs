//! SpecAugment's masks (Park et al. 2019).

use super::{Change, Place};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

pub fn masks(
    bands: usize,
    frames: usize,
    masks: usize,
    of_clip: impl Fn(u64) -> ChaCha8Rng,
    place: &Place<'_>,
) -> Change {
    // Never more than half at once, however short the crop (the paper's bound on the share of the frames).
    let (longest_bands, longest_frames) = (bands.min(place.bands / 2), frames.min(place.frames / 2));
    let mut keep_bands = vec![1.0; place.clips.len() * place.bands];
    let mut keep_frames = vec![1.0; place.clips.len() * place.frames];
    let rows = keep_bands.chunks_mut(place.bands).zip(keep_frames.chunks_mut(place.frames));
    for ((bands, frames), &clip) in rows.zip(place.clips) {
        let mut rng = of_clip(clip);
        for _ in 0..masks {
            hide(bands, longest_bands, &mut rng);
            hide(frames, longest_frames, &mut rng);
        }
    }
    Change::Mask { bands: keep_bands, frames: keep_frames }
}

fn hide(keep: &mut [f32], longest: usize, rng: &mut ChaCha8Rng) {
    let length = rng.random_range(0..=longest);
    let from = rng.random_range(0..=keep.len() - length);
    keep[from..from + length].fill(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn masks_are_runs_of_the_length_asked_for() {
        let clips: Vec<u64> = (0..300).collect();
        let place = Place { clips: &clips, bands: 40, frames: 60, deviation: 1.0, epoch: 0, step: 0 };
        let of_clip = |clip: u64| ChaCha8Rng::seed_from_u64(clip);
        let Change::Mask { bands, frames } = masks(9, 1000, 1, of_clip, &place) else { panic!() };
        for (keep, size, longest) in [(bands, 40, 9), (frames, 60, 30)] {
            let mut seen = vec![false; longest + 1];
            for row in keep.chunks(size) {
                let hidden = row.iter().filter(|&&k| k == 0.0).count();
                let turns = row.windows(2).filter(|w| w[0] != w[1]).count();
                assert!(row.iter().all(|&k| k == 0.0 || k == 1.0) && hidden <= longest && turns <= 2);
                seen[hidden] = true;
            }
            assert!(seen.iter().filter(|&&s| s).count() > longest * 3 / 4, "{seen:?}");
        }
    }
}
