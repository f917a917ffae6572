//! Several frames at a time.
//!
//! microfft transforms one frame, a number at a time. Where more samples are at hand than one frame needs, four
//! frames go through the same sums side by side, one in each lane of a SIMD register. Every lane does just the
//! operations of microfft 0.6 in their order, so the results are the same bits, and how a clip is cut into
//! pieces cannot be heard; the tests hold the two together.
//!
//! Plain arrays would do, but the compiler then packs real and imaginary parts into one register, and the
//! shuffling costs what the lanes gain.

use wide::f32x4;

/// Frames side by side: as many `f32` as SSE2 and NEON registers hold.
pub(super) const LANES: usize = 4;

/// One number of each frame.
type Lane = f32x4;

/// One complex number of each frame: real parts, imaginary parts.
type Bin = [Lane; 2];

/// Complex bins of [`LANES`] spectra, bin `k` in elements `2 k` and `2 k + 1`.
type Spectra<const N: usize> = [Lane; N];

/// `exp(-2 pi i k / N)` for `k` below `N / 2`, as microfft's table has it: real parts at `2 k`, imaginary parts
/// at `2 k + 1`.
#[derive(Clone, Debug)]
pub(super) struct Twiddles<const N: usize> {
    table: [f32; N],
}

/// `(a + b, a - b)`.
#[inline(always)]
fn sum_and_difference(a: Bin, b: Bin) -> (Bin, Bin) {
    ([a[0] + b[0], a[1] + b[1]], [a[0] - b[0], a[1] - b[1]])
}

/// `twiddle * b`.
#[inline(always)]
fn turn([re, im]: [f32; 2], b: Bin) -> Bin {
    [b[0] * re - b[1] * im, b[1] * re + b[0] * im]
}

/// `-i * b`.
#[inline(always)]
fn quarter_turn(b: Bin) -> Bin {
    [b[1], -b[0]]
}

impl<const N: usize> Twiddles<N> {
    pub(super) fn new() -> Self {
        let sine = |i: usize| libm::sin(2.0 * core::f64::consts::PI / N as f64 * i as f64) as f32;
        let cosine = |i: usize| if i <= N / 4 { sine(N / 4 - i) } else { -sine(i - N / 4) };
        // Sines of the first quarter only, as in microfft: every other value is one of them or its negative.
        let sine = |i: usize| if i <= N / 4 { sine(i) } else { sine(N / 2 - i) };
        Self { table: core::array::from_fn(|i| if i % 2 == 0 { cosine(i / 2) } else { -sine(i / 2) }) }
    }

    /// Spectra of the frames that begin at samples 0, `hop`, `2 hop`, ... of `samples`, times `window`.
    // Inlined, so that they are made where they are used: they are 8 kB.
    #[inline(always)]
    pub(super) fn rfft(&self, samples: &[f32], hop: usize, window: &[f32; N]) -> Spectra<N> {
        let mut spectra = [Lane::ZERO; N];
        let frames: [&[f32; N]; LANES] =
            core::array::from_fn(|lane| samples[lane * hop..].first_chunk().expect("a frame for each lane"));
        let bins = spectra.as_chunks_mut::<2>().0;
        load(frames, window, bins);
        let mut quarter = 4;
        while 4 * quarter <= N / 2 {
            self.two_levels(bins, quarter);
            quarter *= 4;
        }
        if 2 * quarter == N / 2 {
            self.last_level(bins);
        }
        self.recombine(bins);
        spectra
    }

    /// Joins each four neighbouring transforms of `quarter` points into one, in the way of two radix-2 levels.
    fn two_levels(&self, bins: &mut [Bin], quarter: usize) {
        let twiddles = self.table.as_chunks::<2>().0;
        let stride = N / (2 * quarter);
        for block in bins.chunks_exact_mut(4 * quarter) {
            let (low, high) = block.split_at_mut(2 * quarter);
            let (a, b) = low.split_at_mut(quarter);
            let (c, d) = high.split_at_mut(quarter);
            let inner = twiddles.iter().step_by(stride);
            let outer = twiddles.iter().step_by(stride / 2);
            for (((((a, b), c), d), &inner), &outer) in
                a.iter_mut().zip(b).zip(c).zip(d).zip(inner).zip(outer)
            {
                let (a0, b0) = sum_and_difference(*a, turn(inner, *b));
                let (c0, d0) = sum_and_difference(*c, turn(inner, *d));
                (*a, *c) = sum_and_difference(a0, turn(outer, c0));
                (*b, *d) = sum_and_difference(b0, turn([outer[1], -outer[0]], d0));
            }
        }
    }

    /// Joins the last two transforms, of `N / 4` points each.
    fn last_level(&self, bins: &mut [Bin]) {
        let (low, high) = bins.split_at_mut(N / 4);
        let twiddles = self.table.as_chunks::<2>().0.iter().step_by(2);
        for ((a, b), &twiddle) in low.iter_mut().zip(high).zip(twiddles) {
            (*a, *b) = sum_and_difference(*a, turn(twiddle, *b));
        }
    }

    /// From the spectrum of even samples + i * odd samples to that of all samples.
    fn recombine(&self, bins: &mut [Bin]) {
        let (first, rest) = bins.split_at_mut(1);
        let [re, im] = first[0];
        first[0] = [re + im, re - im];
        let (low, high) = rest.split_at_mut(N / 4);
        let twiddles = &self.table.as_chunks::<2>().0[1..];
        for ((low, high), &[re, im]) in low.iter_mut().zip(high.iter_mut().rev()).zip(twiddles) {
            let (a, b) = sum_and_difference(*low, *high);
            let (sum, diff) = ([a[0] * 0.5, a[1] * 0.5], [b[0] * 0.5, b[1] * 0.5]);
            *low = [sum[0] + sum[1] * re + diff[0] * im, diff[1] + sum[1] * im - diff[0] * re];
            *high = [sum[0] - sum[1] * re - diff[0] * im, sum[1] * im - diff[1] - diff[0] * re];
        }
        low[N / 4 - 1][1] = -low[N / 4 - 1][1];
    }
}

/// Windows the frames and does the first two levels of the transform, whose factors are 1 and -i.
fn load<const N: usize>(frames: [&[f32; N]; LANES], window: &[f32; N], bins: &mut [Bin]) {
    let frames = frames.map(|frame| frame.as_chunks::<2>().0);
    let window = window.as_chunks::<2>().0;
    let bin = |k: usize| -> Bin {
        let part = |i: usize| f32x4::new(frames.map(|frame| frame[k][i])) * window[k][i];
        [part(0), part(1)]
    };
    let unused_bits = usize::BITS - (N / 8).trailing_zeros();
    for (i, [a, b, c, d]) in bins.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let k = i.reverse_bits() >> unused_bits;
        let (a0, b0) = sum_and_difference(bin(k), bin(k + N / 4));
        let (c0, d0) = sum_and_difference(bin(k + N / 8), bin(k + 3 * N / 8));
        (*a, *c) = sum_and_difference(a0, c0);
        (*b, *d) = sum_and_difference(b0, quarter_turn(d0));
    }
}

/// Writes the power of each band to `bands`; the spectra are spent.
pub(super) fn mel_bands<'a, const N: usize>(
    spectra: &mut Spectra<N>,
    filters: impl Iterator<Item = (usize, &'a [f32])>,
    bands: &mut [[f32; LANES]],
) {
    let bins = spectra.as_chunks_mut::<2>().0;
    for [re, im] in bins.iter_mut() {
        *re = *re * *re + *im * *im;
    }
    for (band, (first_bin, weights)) in bands.iter_mut().zip(filters) {
        let mut power = Lane::ZERO;
        for (bin, &weight) in bins[first_bin..].iter().zip(weights) {
            power += bin[0] * weight;
        }
        *band = power.to_array();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fft::{FftSize, Points};
    use super::*;

    /// Bits of the spectra of four frames, by lanes and by microfft; -0 counts as 0.
    fn both<const N: usize>(samples: &[f32], hop: usize, window: &[f32; N]) -> [Vec<u32>; 2]
    where
        Points<N>: FftSize<N>,
    {
        let spectra = Twiddles::<N>::new().rfft(samples, hop, window);
        let bits = |x: f32| (x + 0.0).to_bits();
        let mut lanes = Vec::new();
        let mut microfft = Vec::new();
        for lane in 0..LANES {
            lanes.extend(spectra.iter().map(|number| bits(number.to_array()[lane])));
            let mut frame: [f32; N] = core::array::from_fn(|i| samples[lane * hop + i] * window[i]);
            let spectrum = <Points<N> as FftSize<N>>::rfft(&mut frame);
            microfft.extend(spectrum.iter().flat_map(|bin| [bits(bin.re), bits(bin.im)]));
        }
        [lanes, microfft]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn lanes_do_what_microfft_does(samples in prop::collection::vec(-1.0f32..1.0, 4 * 4096), hop in 1usize..256) {
            let window = |i: usize| samples[samples.len() - 1 - i];
            let [lanes, microfft] = both::<256>(&samples, hop, &core::array::from_fn(window));
            prop_assert_eq!(lanes, microfft);
            let [lanes, microfft] = both::<512>(&samples, 2 * hop, &core::array::from_fn(window));
            prop_assert_eq!(lanes, microfft);
            #[cfg(feature = "fft-4096")]
            {
                let [lanes, microfft] = both::<1024>(&samples, hop, &core::array::from_fn(window));
                prop_assert_eq!(lanes, microfft);
                let [lanes, microfft] = both::<2048>(&samples, hop, &core::array::from_fn(window));
                prop_assert_eq!(lanes, microfft);
                let [lanes, microfft] = both::<4096>(&samples, 16 * hop, &core::array::from_fn(window));
                prop_assert_eq!(lanes, microfft);
            }
        }
    }
}
