//! Random crops of coded clips as batches, prepared on another thread.

use super::augment::{Change, Place, apply, mix_labels};
use super::config::{Balance, TrainConfig};
use super::hearing::{Heard, ask_for, heard, order, starts};
use super::windows::Windows;
use crate::net::{Architecture, Standardise};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// A clip to learn from or to score: codes in the feature cache and its labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledClip<'a> {
    /// 8-bit frame codes, frame-major [frames, mel_bands]; at least one frame.
    pub codes: &'a [u8],
    /// One label per tag, 0 to 1, NaN where not labelled.
    pub labels: &'a [f32],
    /// Labels of its parts, where they have labels of their own.
    pub windows: Windows<'a>,
}

impl<'a> LabelledClip<'a> {
    /// A clip whose labels hold for all of it.
    pub fn whole(codes: &'a [u8], labels: &'a [f32]) -> Self {
        Self { codes, labels, windows: Windows::default() }
    }
}

/// Numbers of one step, ready to be made tensors.
pub struct Batch {
    /// What is heard.
    pub x: Crops,
    /// Labels [clips, tags, answers], 0 where not labelled.
    pub targets: Vec<f32>,
    /// Weight of each label [clips, tags, answers], 0 where not labelled.
    pub weights: Vec<f32>,
    /// Answers of the network to a crop that have labels of their own; 1 where all of them have the crop's.
    pub answers: usize,
    /// Clips in this batch.
    pub clips: usize,
}

impl Batch {
    /// Parts of nearly equal size for so many ranks, in order.
    ///
    /// # Errors
    /// When there are fewer clips than ranks, or the codes are on a device, which only one rank can have.
    pub fn split(self, ranks: usize) -> Result<Vec<Batch>, String> {
        let Crops::Values(x) = &self.x else {
            return Err("several ranks cannot share codes that are on a device".into());
        };
        if self.clips < ranks {
            return Err(format!("a batch of {} clips cannot be shared by {ranks} ranks", self.clips));
        }
        let (crop, tags) = (x.len() / self.clips, self.targets.len() / self.clips);
        let part = |rank: usize| {
            let (from, to) = (self.clips * rank / ranks, self.clips * (rank + 1) / ranks);
            Batch {
                x: Crops::Values(x[from * crop..to * crop].to_vec()),
                targets: self.targets[from * tags..to * tags].to_vec(),
                weights: self.weights[from * tags..to * tags].to_vec(),
                answers: self.answers,
                clips: to - from,
            }
        };
        Ok((0..ranks).map(part).collect())
    }
}

/// What a batch is heard from.
pub enum Crops {
    /// Standardised log-mels [clips, mel_bands, frames], augmented.
    Values(Vec<f32>),
    /// Which clips from which frame on, and what is to be done to them, where the codes are on the device.
    Places {
        /// A clip's number and the frame its crop starts at.
        starts: Vec<(usize, usize)>,
        /// Augmentations in order.
        changes: Vec<Change>,
    },
}

/// Which frames of a crop each answer of the network hears: answer `i` those from `i stride` to `i stride + field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Answers to a crop.
    pub count: usize,
    /// Frames that one hears.
    pub field: usize,
    /// Frames from one to the next.
    pub stride: usize,
}

impl Answers {
    /// One that hears all of a crop.
    pub fn one(frames: usize) -> Self {
        Self { count: 1, field: frames, stride: frames }
    }

    /// Those of a network to crops of `frames` frames.
    pub fn of(architecture: &Architecture, frames: usize) -> Self {
        let (field, stride) = (architecture.receptive_field(), architecture.stride());
        if !architecture.slides() || frames <= field {
            return Self::one(frames);
        }
        Self { count: (frames - field) / stride + 1, field, stride }
    }
}

/// Makes the batches of any epoch.
pub struct Batcher<'a> {
    clips: &'a [LabelledClip<'a>],
    heard: Vec<Heard>,
    table: Vec<[f32; 256]>,
    deviation: f32,
    config: &'a TrainConfig,
    frames: usize,
    answers: Answers,
    positive_weight: Vec<f32>,
    values: bool,
}

impl<'a> Batcher<'a> {
    /// Crops of `frames` frames; `decode` is the decibel of each code. `answers` are what the network says of such a crop:
    /// where clips have windows, each answer is to say what the windows say of the frames that it hears. With `values`
    /// the batches hold the crops themselves, else where they are to be found.
    pub fn new(
        clips: &'a [LabelledClip<'a>],
        standardise: &Standardise,
        decode: &dyn Fn(u8) -> f32,
        config: &'a TrainConfig,
        frames: usize,
        answers: Answers,
        values: bool,
    ) -> Self {
        let parted = clips.iter().any(|clip| !clip.windows.is_empty());
        let answers = if parted { answers } else { Answers::one(frames) };
        let positive_weight = match config.balance {
            Balance::None => vec![1.0; clips.first().map_or(0, |c| c.labels.len())],
            Balance::Tags => {
                tag_shares(clips).iter().map(|p| ((1.0 - p) / p.max(1e-6)).sqrt().clamp(1.0, 10.0)).collect()
            }
        };
        let (table, deviation) = (standardise.table(decode), standardise.deviation);
        let heard = heard(clips, config.crops_per_clip, table.len(), frames);
        Self { clips, heard, table, deviation, config, frames, answers, positive_weight, values }
    }

    /// Steps in an epoch. A last batch of fewer than half the crops, or of one, is dropped: its moments would be noise.
    pub fn steps(&self) -> usize {
        clips_per_epoch(self.heard.len(), self.config.batch_size).div_ceil(self.config.batch_size).max(1)
    }

    /// Order in which an epoch hears the clips, some of them more than once.
    pub fn order(&self, epoch: usize) -> Vec<Heard> {
        order(&self.heard, &self.draw(), epoch)
    }

    /// Batch `step` of an epoch whose order is `order`.
    pub fn batch(&self, order: &[Heard], epoch: usize, step: usize) -> Batch {
        let (bands, frames, draw) = (self.table.len(), self.frames, self.draw());
        let batch = |step| order.chunks(self.config.batch_size).nth(step).unwrap_or_default();
        let starts_of = |batch| starts(self.clips, batch, &draw, epoch, bands, frames);
        let (chosen, starts) = (batch(step), starts_of(batch(step)));
        if self.values {
            // The next ones too, which a disk can read while these are made.
            ask_for(self.clips, &starts, bands, frames);
            ask_for(self.clips, &starts_of(batch(step + 1)), bands, frames);
        }
        let keys: Vec<u64> = chosen.iter().map(|heard| heard.key()).collect();
        let place = Place { clips: &keys, bands, frames, deviation: self.deviation, epoch, step };
        let steps = self.config.augment.iter().enumerate();
        let changes: Vec<Change> = steps.map(|(nth, augment)| augment.draw(&draw, nth, &place)).collect();

        let (mut targets, mut weights) = self.labels(&starts);
        for change in &changes {
            if let Change::Mix { other, share } = change {
                mix_labels(&mut targets, &mut weights, other, share);
            }
        }
        let x = if self.values { self.values(&starts, &changes) } else { Crops::Places { starts, changes } };
        Batch { x, targets, weights, answers: self.answers.count, clips: chosen.len() }
    }

    fn values(&self, starts: &[(usize, usize)], changes: &[Change]) -> Crops {
        let (bands, frames) = (self.table.len(), self.frames);
        let mut x = vec![0.0; starts.len() * bands * frames];
        x.par_chunks_mut(bands * frames).zip(starts).for_each(|(x, &(clip, from))| {
            crop(self.clips[clip].codes, &self.table, from, frames, x);
        });
        for change in changes {
            apply(change, &mut x, bands, frames);
        }
        Crops::Values(x)
    }

    /// Targets and weights [crops, tags, answers] of crops, each a clip and the frame it starts at.
    fn labels(&self, starts: &[(usize, usize)]) -> (Vec<f32>, Vec<f32>) {
        let smoothing = self.config.label_smoothing as f32;
        let (tags, Answers { count, field, stride }) = (self.positive_weight.len(), self.answers);
        let mut all = vec![0.0; starts.len() * tags * count];
        all.par_chunks_mut(tags * count).zip(starts).for_each(|(all, &(clip, from))| {
            let clip = &self.clips[clip];
            let have = clip.codes.len() / self.table.len();
            let mut labels = clip.labels.to_vec();
            for answer in 0..count {
                if !clip.windows.is_empty() {
                    clip.windows.of_crop(from + answer * stride, field, have, &mut labels);
                }
                all.iter_mut().skip(answer).step_by(count).zip(&labels).for_each(|(to, &label)| *to = label);
            }
        });
        let labels = all.iter();
        let smooth = |l: f32| l * (1.0 - smoothing) + 0.5 * smoothing;
        let targets = labels.clone().map(|&l| if l.is_nan() { 0.0 } else { smooth(l) }).collect();
        let weights = labels
            .enumerate()
            .map(|(i, l)| {
                let positive = self.positive_weight[i / count % tags];
                if l.is_nan() { 0.0 } else { 1.0 + (positive - 1.0) * l }
            })
            .collect();
        (targets, weights)
    }

    fn draw(&self) -> Draw {
        Draw { seed: self.config.seed }
    }
}

/// Crops of an epoch that has so many `clips` to hear, whose last batch is dropped where it has fewer than half the clips of the others, or one.
pub fn clips_per_epoch(clips: usize, batch_size: usize) -> usize {
    let rest = clips % batch_size.max(1);
    if clips > rest && (rest == 1 || 2 * rest < batch_size) { clips - rest } else { clips }
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

/// Generators for the places of a run, each independent of every other one and of how often it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
}

impl Draw {
    /// For the order of an epoch.
    pub fn order(&self, epoch: usize) -> ChaCha8Rng {
        self.generator(epoch, u64::MAX, 0)
    }

    /// For the place of a clip's crop.
    pub fn crop(&self, epoch: usize, clip: u64) -> ChaCha8Rng {
        self.generator(epoch, clip, 0)
    }

    /// For the `nth` augmentation of a clip.
    pub fn augment(&self, epoch: usize, clip: u64, nth: usize) -> ChaCha8Rng {
        self.generator(epoch, clip, 1 + 2 * nth as u64)
    }

    /// For the `nth` augmentation, where it mixes the clips of a batch.
    pub fn mix(&self, epoch: usize, step: u64, nth: usize) -> ChaCha8Rng {
        self.generator(epoch, step, 2 + 2 * nth as u64)
    }

    fn generator(&self, epoch: usize, place: u64, purpose: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        let last = 0x6d69_6e69_6d00_0001 + (purpose << 8);
        for (bytes, value) in key.chunks_exact_mut(8).zip([self.seed, epoch as u64, place, last]) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::augment::Augments;

    fn decode(code: u8) -> f32 {
        f32::from(code) * 0.5 - 100.0
    }

    fn values(batch: &Batch) -> &[f32] {
        match &batch.x {
            Crops::Values(x) => x,
            Crops::Places { .. } => panic!("values were asked for"),
        }
    }

    fn clips<'a>(codes: &'a [u8], labels: &'a [f32]) -> Vec<LabelledClip<'a>> {
        (0..11).map(|i| LabelledClip::whole(&codes[i * 8..], labels)).collect()
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
        let clips = clips(&codes, &labels);
        let all: Augments = "gain=6,eq=4,noise=-10,spec-augment=1:3:1,mixup=0.4".parse().unwrap();
        for augment in [Vec::new(), all.0] {
            let config = TrainConfig { batch_size: 4, seed: 5, augment, ..Default::default() };
            let standardise = Standardise { mean: vec![-80.0; 2], deviation: 8.0 };
            let batcher = Batcher::new(&clips, &standardise, &decode, &config, 10, Answers::one(10), true);
            assert_eq!(batcher.steps(), 3);
            let order = batcher.order(3);
            let (batch, again) = (batcher.batch(&order, 3, 2), batcher.batch(&order, 3, 2));
            assert_eq!((batch.clips, values(&batch).len()), (3, 3 * 2 * 10));
            assert_eq!(values(&batch), values(&again));
            // All clips have the same labels, so that mixing them changes nothing.
            assert_eq!(batch.targets[..4], [1.0, 0.0, 0.0, 0.25]);
            assert_eq!(batch.weights[..4], [1.0, 0.0, 1.0, 1.0]);
            assert_ne!(values(&batch), values(&batcher.batch(&order, 4, 2)));
            assert_ne!(order, batcher.order(4));
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..11).map(|clip| Heard { clip, nth: 0 }).collect::<Vec<_>>());
            assert_eq!(batcher.order(3), order);
        }
    }

    #[test]
    fn labels_are_smoothed_and_rare_ones_weigh_more() {
        let codes = vec![100; 200];
        let labels = [1.0, f32::NAN, 0.0, 0.25];
        let clips = clips(&codes, &labels);
        let config =
            TrainConfig { label_smoothing: 0.2, balance: Balance::Tags, batch_size: 2, ..Default::default() };
        let batcher = Batcher::new(&clips, &Standardise::none(2), &decode, &config, 4, Answers::one(4), true);
        let batch = batcher.batch(&batcher.order(0), 0, 0);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&batch.targets[..4], &[0.9, 0.0, 0.1, 0.3]), "{:?}", batch.targets);
        // sqrt(0.75 / 0.25) at a label of 1, a quarter of the way there at 0.25.
        assert!(near(&batch.weights[..4], &[1.0, 0.0, 1.0, 1.0 + 0.25 * (3f32.sqrt() - 1.0)]));
    }

    #[test]
    fn every_answer_has_the_labels_of_what_it_hears() {
        use crate::corpus::LabelWindow;
        let codes = vec![100; 2 * 40];
        let window = |i: usize| LabelWindow {
            start_seconds: i as f32,
            seconds: 1.0,
            labels: vec![i as f32 / 4.0, if i == 2 { f32::NAN } else { 1.0 }],
        };
        let windows: Vec<LabelWindow> = (0..4).map(window).collect();
        let parted =
            LabelledClip { windows: Windows::new(&windows, 10.0), ..LabelledClip::whole(&codes, &[0.0; 2]) };
        let answers = Answers { count: 4, field: 10, stride: 10 };
        let config = TrainConfig { batch_size: 2, ..Default::default() };
        let batch = |clips: &[LabelledClip<'_>]| {
            let batcher = Batcher::new(clips, &Standardise::none(2), &decode, &config, 40, answers, true);
            batcher.batch(&batcher.order(0), 0, 0)
        };
        let each = batch(&[parted, LabelledClip::whole(&codes, &[0.5, 0.25])]);
        assert_eq!(each.answers, 4);
        let (first, second) = each.targets.split_at(8);
        let (parted, whole) = if first[0] == 0.0 { (first, second) } else { (second, first) };
        assert_eq!(parted, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(whole, [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]);
        assert_eq!(each.weights.iter().filter(|w| **w == 0.0).count(), 1);
        // Without windows a crop has one target, whatever the network says of it.
        assert_eq!(batch(&[LabelledClip::whole(&codes, &[0.5, 0.25])]).answers, 1);
    }
}
