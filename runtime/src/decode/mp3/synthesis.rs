//! The polyphase synthesis filter bank (ISO/IEC 11172-3, 2.4.3.2.2), at the file's rate divided by a whole number.
//!
//! Its two steps, the cosine transform of each slot and the weighting of the last sixteen, run over four slots at a time.
//! Of the samples, only every `step`-th is computed. With steps of 1, 2 and 4 these are the same ones in each slot. With
//! a step of 3 they are the same in every third slot, so that slots are stored by their number modulo 3.

use super::dct::dct32;
use super::hybrid::Slots;
use super::window::{Taps, taps};
use pulp::{Simd, WithSimd};
use wide::f32x4;

/// The values C(m) of one m, of the slots before and of those at hand.
type Row = [f32; 64];

/// Slots before the present one that count.
const BEFORE: usize = 15;

/// Slots of one number modulo 3: five before, and twelve of a frame.
const THIRD: usize = 21;
const THIRD_BEFORE: usize = BEFORE / 3;

/// State of the filter bank.
pub(super) struct Synthesis {
    rows: Box<[Row; 32]>,
    taps: &'static [Taps; 32],
    step: usize,
}

impl Synthesis {
    /// A filter bank that gives every `step`-th sample, 1 to 4.
    pub fn new(step: usize) -> Self {
        Self { rows: Box::new([[0.0; 64]; 32]), taps: taps(), step }
    }

    /// Forgets what was before.
    pub fn clear(&mut self) {
        self.rows.fill([0.0; 64]);
    }

    /// Turns slots, 18 or 36, into samples: that at `phase`, which is below the step, and every `step`-th after it.
    /// There may be a few more that mean nothing.
    pub fn run(&mut self, slots: &[Slots], count: usize, phase: usize, samples: &mut Vec<f32>) {
        // With the vectors of the processor at hand there are more registers; the sums stay the same.
        pulp::Arch::new().dispatch(Run { synthesis: self, slots, count, phase, samples });
    }

    #[inline(always)]
    fn run_inline(&mut self, slots: &[Slots], count: usize, phase: usize, samples: &mut Vec<f32>) {
        let padded = match (self.step, count > 18) {
            (_, true) => 36,
            (3, false) => 24,
            (_, false) => 20,
        };
        samples.resize((32 * padded - phase).div_ceil(self.step), 0.0);
        match slots.len() {
            0..=3 => self.transform::<12>(slots, count),
            4 => self.transform::<16>(slots, count),
            _ => self.transform::<32>(slots, count),
        }
        match (self.step, padded) {
            (3, 36) => self.weigh_thirds::<3>(phase, samples),
            (3, _) => self.weigh_thirds::<2>(phase, samples),
            (1, 36) => self.weigh::<1, 3>(count, phase, samples),
            (1, _) => self.weigh::<1, 5>(count, phase, samples),
            (2, 36) => self.weigh::<2, 3>(count, phase, samples),
            (2, _) => self.weigh::<2, 5>(count, phase, samples),
            (_, 36) => self.weigh::<4, 3>(count, phase, samples),
            (_, _) => self.weigh::<4, 5>(count, phase, samples),
        }
        self.advance(count);
    }

    /// How many sequences of slots there are, how many slots each has in its row, and how many of them came before.
    #[inline(always)]
    fn sequences(&self) -> (usize, usize, usize) {
        if self.step == 3 { (3, THIRD, THIRD_BEFORE) } else { (1, 64, BEFORE) }
    }

    /// The cosine transforms.
    #[inline(always)]
    fn transform<const BANDS: usize>(&mut self, slots: &[Slots], count: usize) {
        let (sequences, length, before) = self.sequences();
        for sequence in 0..sequences {
            for at in (0..count / sequences).step_by(4) {
                let mut bands = [f32x4::ZERO; BANDS];
                for (bands, slots) in bands.as_chunks_mut::<4>().0.iter_mut().zip(slots) {
                    let slot = |i: usize| slots[sequence + sequences * (at + i)];
                    *bands = f32x4::transpose([slot(0), slot(1), slot(2), slot(3)]);
                }
                let values = dct32(&bands);
                let place = sequence * length + before + at;
                for (row, value) in self.rows.iter_mut().zip(&values) {
                    if let Some(four) = row[place..].first_chunk_mut() {
                        *four = value.to_array();
                    }
                }
            }
        }
    }

    /// Weighs `4 * BLOCK` slots at a time, all in one sequence.
    #[inline(always)]
    fn weigh<const STEP: usize, const BLOCK: usize>(&self, count: usize, phase: usize, samples: &mut [f32]) {
        for n in (phase..32).step_by(STEP) {
            for first in (0..count).step_by(4 * BLOCK) {
                let sums = self.weigh_one::<BLOCK>(n, first, |back| BEFORE - back);
                spread(&sums, 32 / STEP, &mut samples[(32 * first + n - phase) / STEP..]);
            }
        }
    }

    /// Weighs all slots, in three sequences of `4 * BLOCK`.
    #[inline(always)]
    fn weigh_thirds<const BLOCK: usize>(&self, phase: usize, samples: &mut [f32]) {
        self.weigh_third::<0, BLOCK>(phase, samples);
        self.weigh_third::<1, BLOCK>(phase, samples);
        self.weigh_third::<2, BLOCK>(phase, samples);
    }

    #[inline(always)]
    fn weigh_third<const SEQUENCE: usize, const BLOCK: usize>(&self, phase: usize, samples: &mut [f32]) {
        // Sample n of slot t is number 32 t + n, and 32 is one less than a multiple of 3.
        for n in ((phase + SEQUENCE) % 3..32).step_by(3) {
            let sums = self.weigh_one::<BLOCK>(n, 0, |back| {
                let slot = SEQUENCE + BEFORE - back;
                slot % 3 * THIRD + slot / 3
            });
            spread(&sums, 32, &mut samples[(32 * SEQUENCE + n - phase) / 3..]);
        }
    }

    /// Sample `n` of the slots from `first` on; `at` says where in a row the slots so many back from the first one are.
    #[inline(always)]
    fn weigh_one<const BLOCK: usize>(
        &self,
        n: usize,
        first: usize,
        at: impl Fn(usize) -> usize,
    ) -> [f32x4; BLOCK] {
        let taps = &self.taps[n];
        let row = |row: usize| &self.rows[row & 31][first..];
        let (even, odd) = (row(taps.rows[0]), row(taps.rows[1]));
        let mut sums = [f32x4::ZERO; BLOCK];
        // Written out, for the compiler would not unroll the loop, and then every place would have to be computed.
        macro_rules! weigh {
            ($($row:ident $back:literal)*) => {$(
                let weight = f32x4::splat(taps.weights[$back]);
                let values = &$row[at($back)..][..4 * BLOCK];
                for (sum, values) in sums.iter_mut().zip(values.as_chunks::<4>().0) {
                    *sum += weight * f32x4::new(*values);
                }
            )*};
        }
        weigh!(even 0 odd 1 even 2 odd 3 even 4 odd 5 even 6 odd 7);
        weigh!(even 8 odd 9 even 10 odd 11 even 12 odd 13 even 14 odd 15);
        sums
    }

    /// Makes the last slots those before.
    #[inline(always)]
    fn advance(&mut self, count: usize) {
        let (_, length, _) = self.sequences();
        for row in self.rows.iter_mut() {
            if self.step == 3 {
                // Of eight, three will be written over.
                for third in row[..3 * length].as_chunks_mut::<THIRD>().0 {
                    move_down::<8>(third, count / 3);
                }
            } else {
                move_down::<16>(row, count);
            }
        }
    }
}

/// [`Synthesis::run`], to be compiled for each kind of processor.
struct Run<'a> {
    synthesis: &'a mut Synthesis,
    slots: &'a [Slots],
    count: usize,
    phase: usize,
    samples: &'a mut Vec<f32>,
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.synthesis.run_inline(self.slots, self.count, self.phase, self.samples);
    }
}

/// Moves some values to the start.
#[inline(always)]
fn move_down<const COUNT: usize>(row: &mut [f32], from: usize) {
    if let Some(&last) = row[from..].first_chunk::<COUNT>() {
        row[..COUNT].copy_from_slice(&last);
    }
}

/// Puts samples of slots that follow each other in places `apart` from each other.
#[inline(always)]
fn spread<const BLOCK: usize>(sums: &[f32x4; BLOCK], apart: usize, samples: &mut [f32]) {
    let samples = &mut samples[..(4 * BLOCK - 1) * apart + 1];
    for (at, sum) in sums.iter().enumerate() {
        for (lane, sample) in sum.to_array().into_iter().enumerate() {
            samples[(4 * at + lane) * apart] = sample;
        }
    }
}
