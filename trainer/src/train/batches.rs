//! Random crops of coded clips as batches, prepared on another thread.

use super::config::{Balance, TrainConfig};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// A clip to learn from or to score: codes in the feature cache and its labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledClip<'a> {
    /// 8-bit frame codes, frame-major [frames, mel_bands]; at least one frame.
    pub codes: &'a [u8],
    /// One label per tag, 0 to 1, NaN where not labelled.
    pub labels: &'a [f32],
}

/// Numbers of one step, ready to be made tensors.
pub struct Batch {
    /// Standardised log-mels [clips, mel_bands, frames].
    pub x: Vec<f32>,
    /// Labels [clips, tags], 0 where not labelled.
    pub targets: Vec<f32>,
    /// Weight of each label [clips, tags], 0 where not labelled.
    pub weights: Vec<f32>,
    /// Clips in this batch.
    pub clips: usize,
}

/// Makes the batches of any epoch.
pub struct Batcher<'a> {
    clips: &'a [LabelledClip<'a>],
    table: Vec<[f32; 256]>,
    config: &'a TrainConfig,
    positive_weight: Vec<f32>,
}

impl<'a> Batcher<'a> {
    /// `table` is what each code of each band becomes ([`crate::net::Standardise::table`]).
    pub fn new(clips: &'a [LabelledClip<'a>], table: Vec<[f32; 256]>, config: &'a TrainConfig) -> Self {
        let positive_weight = match config.balance {
            Balance::None => vec![1.0; clips.first().map_or(0, |c| c.labels.len())],
            Balance::Tags => {
                tag_shares(clips).iter().map(|p| ((1.0 - p) / p.max(1e-6)).sqrt().clamp(1.0, 10.0)).collect()
            }
        };
        Self { clips, table, config, positive_weight }
    }

    /// Steps in an epoch. A last batch of fewer than half the clips is dropped: its moments would be noise.
    pub fn steps(&self) -> usize {
        let (whole, rest) =
            (self.clips.len() / self.config.batch_size, self.clips.len() % self.config.batch_size);
        (whole + usize::from(2 * rest >= self.config.batch_size)).max(1)
    }

    /// Order in which an epoch hears the clips.
    pub fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.clips.len()).collect();
        order.shuffle(&mut generator(self.config.seed, epoch, u64::MAX));
        order
    }

    /// Batch `step` of an epoch whose order is `order`.
    pub fn batch(&self, order: &[usize], epoch: usize, step: usize) -> Batch {
        let start = step * self.config.batch_size;
        let chosen = &order[start..(start + self.config.batch_size).min(order.len())];
        let (bands, frames) = (self.table.len(), self.config.crop_frames);
        let mut x = vec![0.0; chosen.len() * bands * frames];
        x.par_chunks_mut(bands * frames).zip(chosen).for_each(|(x, &clip)| {
            let codes = self.clips[clip].codes;
            let spare = (codes.len() / bands).saturating_sub(frames);
            let from = generator(self.config.seed, epoch, clip as u64).random_range(0..=spare);
            crop(codes, &self.table, from, frames, x);
        });
        let labels = chosen.iter().flat_map(|&clip| self.clips[clip].labels);
        let targets = labels.clone().map(|l| if l.is_nan() { 0.0 } else { *l }).collect();
        let weights = labels
            .enumerate()
            .map(|(i, l)| {
                let positive = self.positive_weight[i % self.positive_weight.len()];
                if l.is_nan() { 0.0 } else { 1.0 + (positive - 1.0) * l }
            })
            .collect();
        Batch { x, targets, weights, clips: chosen.len() }
    }
}

/// Share of clips that have each tag, of those labelled for it.
pub fn tag_shares(clips: &[LabelledClip<'_>]) -> Vec<f32> {
    let tags = clips.first().map_or(0, |c| c.labels.len());
    (0..tags)
        .map(|t| {
            let labelled = clips.iter().map(|c| c.labels[t]).filter(|l| !l.is_nan());
            let (sum, count) = labelled.fold((0.0f64, 0u32), |(s, n), l| (s + f64::from(l), n + 1));
            if count == 0 { 0.5 } else { (sum / f64::from(count)) as f32 }
        })
        .collect()
}

/// Writes `frames` frames of `codes` from frame `from` into `x` [mel_bands, frames]; a clip that ends is begun again.
pub fn crop(codes: &[u8], table: &[[f32; 256]], from: usize, frames: usize, x: &mut [f32]) {
    let bands = table.len();
    let have = codes.len() / bands;
    for f in 0..frames {
        let frame = (from + f) % have;
        let codes = &codes[frame * bands..(frame + 1) * bands];
        for (band, (&code, row)) in codes.iter().zip(table).enumerate() {
            x[band * frames + f] = row[usize::from(code)];
        }
    }
}

/// A generator for one place: independent of every other place and of how often it was asked.
fn generator(seed: u64, epoch: usize, place: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, value) in key.chunks_exact_mut(8).zip([seed, epoch as u64, place, 0x6d69_6e69_6d00_0001]) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(batch_size: usize, crop_frames: usize) -> TrainConfig {
        TrainConfig {
            epochs: 1,
            batch_size,
            learning_rate: 0.1,
            warm_up: 0.0,
            weight_decay: 0.0,
            balance: Balance::Tags,
            crop_frames,
            patience: 1,
            positive_threshold: 0.5,
            seed: 5,
        }
    }

    #[test]
    fn short_clips_are_repeated_and_bands_come_first() {
        let table: Vec<[f32; 256]> = (0..2).map(|b| std::array::from_fn(|c| (b * 1000 + c) as f32)).collect();
        let mut x = vec![0.0; 10];
        crop(&[1, 2, 3, 4, 5, 6], &table, 1, 5, &mut x);
        assert_eq!(x, [3.0, 5.0, 1.0, 3.0, 5.0, 1004.0, 1006.0, 1002.0, 1004.0, 1006.0]);
    }

    #[test]
    fn batches_depend_on_seed_epoch_and_place_alone() {
        let codes: Vec<u8> = (0..200).map(|i| i as u8).collect();
        let labels = [1.0, f32::NAN, 0.0, 0.25];
        let clips: Vec<LabelledClip<'_>> =
            (0..11).map(|i| LabelledClip { codes: &codes[i * 8..], labels: &labels }).collect();
        let config = config(4, 10);
        let batcher = Batcher::new(&clips, vec![[0.5; 256]; 2], &config);
        assert_eq!(batcher.steps(), 3);
        let order = batcher.order(3);
        let again = batcher.batch(&order, 3, 2);
        assert_eq!((again.clips, again.x.len()), (3, 3 * 2 * 10));
        assert_eq!(again.targets[..4], [1.0, 0.0, 0.0, 0.25]);
        assert_eq!(again.weights[1], 0.0);
        assert_ne!(order, batcher.order(4));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..11).collect::<Vec<_>>());
        assert_eq!(batcher.order(3), order);
    }
}
