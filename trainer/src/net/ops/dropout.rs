//! Values that training sets to zero, drawn by counting.

use candle_core::{Device, Result, Shape, Tensor};

/// Where the random numbers of a training step come from: nothing but these two numbers, so that a resumed run draws
/// what it would have drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice {
    /// The run's seed.
    pub seed: u64,
    /// The optimiser's step.
    pub step: u64,
}

impl Dice {
    /// A key for one place (a layer, say) in this step.
    pub fn key(self, place: u64) -> u64 {
        [self.step, place].into_iter().fold(mix(self.seed), |key, value| mix(key ^ mix(value)))
    }
}

/// Inverted dropout: a value is 0 with probability `rate`, else divided by `1 - rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of zeros, 0 to below 1.
    pub rate: f32,
    /// From [`Dice::key`].
    pub key: u64,
}

impl Dropout {
    /// What the value at `index` is multiplied by. Four neighbours share one hash: 16 bits each decide.
    pub fn factor(&self, index: usize) -> f32 {
        let bits = mix(self.key ^ (index as u64 / 4)) >> (16 * (index % 4));
        if (bits & 0xffff) as u32 >= self.threshold() { self.kept() } else { 0.0 }
    }

    /// Values whose 16 bits are below this are dropped.
    pub fn threshold(&self) -> u32 {
        (self.rate * 65536.0).round() as u32
    }

    /// What a value that stays is multiplied by.
    pub fn kept(&self) -> f32 {
        65536.0 / (65536 - self.threshold().min(65535)) as f32
    }

    /// Multiplies `values`, the first of which has index `first`, by their factors: [`factor`](Self::factor) with one
    /// hash for four.
    pub fn apply(&self, first: usize, values: &mut [f32]) {
        let (threshold, kept) = (self.threshold(), self.kept());
        let ahead = values.len().min(first.wrapping_neg() % 4);
        let (start, values) = values.split_at_mut(ahead);
        for (i, value) in start.iter_mut().enumerate() {
            *value *= self.factor(first + i);
        }
        for (i, values) in values.chunks_mut(4).enumerate() {
            let mut bits = mix(self.key ^ ((first + ahead) as u64 / 4 + i as u64));
            for value in values {
                *value *= if (bits & 0xffff) as u32 >= threshold { kept } else { 0.0 };
                bits >>= 16;
            }
        }
    }

    /// All factors of a tensor.
    ///
    /// # Errors
    /// When candle cannot allocate.
    pub fn mask(&self, shape: &Shape, device: &Device) -> Result<Tensor> {
        let factors: Vec<f32> = (0..shape.elem_count()).map(|i| self.factor(i)).collect();
        Tensor::from_vec(factors, shape, device)
    }
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_right_and_the_mean_stays() {
        for rate in [0.1, 0.5] {
            let dropout = Dropout { rate, key: Dice { seed: 1, step: 2 }.key(3) };
            let factors: Vec<f32> = (0..200_000).map(|i| dropout.factor(i)).collect();
            let zeros = factors.iter().filter(|f| **f == 0.0).count() as f32 / 200_000.0;
            let mean = factors.iter().sum::<f32>() / 200_000.0;
            assert!((zeros - rate).abs() < 0.005 && (mean - 1.0).abs() < 0.01, "{rate}: {zeros} {mean}");
        }
    }

    #[test]
    fn applied_factors_are_the_factors() {
        let dropout = Dropout { rate: 0.4, key: 5 };
        for first in 0..9 {
            for count in 0..11 {
                let mut values = vec![1.0; count];
                dropout.apply(first, &mut values);
                let want: Vec<f32> = (0..count).map(|i| dropout.factor(first + i)).collect();
                assert_eq!(values, want, "{count} from {first}");
            }
        }
    }

    #[test]
    fn steps_and_places_differ() {
        let dice = Dice { seed: 1, step: 2 };
        assert_ne!(dice.key(1), dice.key(2));
        assert_ne!(dice.key(1), Dice { step: 1, ..dice }.key(1));
        assert_ne!(dice.key(1), Dice { seed: 2, ..dice }.key(1));
        assert_eq!(dice.key(1), dice.key(1));
    }
}
