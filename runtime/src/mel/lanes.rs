//! Several frames at a time.
//!
//! microfft transforms one frame, a number at a time. Where more samples are at hand than one frame needs, four
//! frames go through the same sums side by side, one in each lane of a SIMD register. Every lane does just the
//! operations of microfft 0.6 in their order, so the results are the same bits, and how a clip is cut into
//! pieces cannot be heard; the tests hold the two together.

/// Frames side by side: as many `f32` as SSE2 and NEON registers hold.
pub(super) const LANES: usize = 4;

/// One number of each frame.
type Lane = [f32; LANES];

/// One complex number of each frame: real parts, imaginary parts.
type Bin = [Lane; 2];

/// Complex bins of [`LANES`] spectra, bin `k` in elements `2 k` and `2 k + 1`.
pub(super) type Spectra<const N: usize> = [Lane; N];

/// `-sin(2 pi i / N)` for `i` up to `N / 4`, as microfft's table has it.
#[derive(Clone, Debug)]
pub(super) struct Twiddles<const N: usize> {
    sine: [f32; N],
}

#[inline(always)]
fn zip(a: Lane, b: Lane, f: impl Fn(f32, f32) -> f32) -> Lane {
    core::array::from_fn(|i| f(a[i], b[i]))
}

#[inline(always)]
fn add(a: Lane, b: Lane) -> Lane {
    zip(a, b, |a, b| a + b)
}

#[inline(always)]
fn sub(a: Lane, b: Lane) -> Lane {
    zip(a, b, |a, b| a - b)
}

#[inline(always)]
fn scale(a: Lane, factor: f32) -> Lane {
    a.map(|a| a * factor)
}

/// `(a + y, a - y)` in place of `a` and `b`, for `y = twiddle * b`.
#[inline(always)]
fn butterfly(a: &mut Bin, b: &mut Bin, [re, im]: [f32; 2]) {
    let y = [sub(scale(b[0], re), scale(b[1], im)), add(scale(b[1], re), scale(b[0], im))];
    (*a, *b) = ([add(a[0], y[0]), add(a[1], y[1])], [sub(a[0], y[0]), sub(a[1], y[1])]);
}

impl<const N: usize> Twiddles<N> {
    pub(super) fn new() -> Self {
        let turn = 2.0 * core::f64::consts::PI / N as f64;
        let quarter = |i: usize| if i <= N / 4 { -libm::sin(turn * i as f64) as f32 } else { 0.0 };
        Self { sine: core::array::from_fn(quarter) }
    }

    /// Spectra of the frames that begin at samples 0, `hop`, `2 hop`, ... of `samples`, times `window`.
    pub(super) fn rfft(&self, samples: &[f32], hop: usize, window: &[f32; N]) -> Spectra<N> {
        let mut spectra = [[0.0; LANES]; N];
        let frames: [&[f32]; LANES] = core::array::from_fn(|lane| &samples[lane * hop..][..N]);
        let bins = spectra.as_chunks_mut::<2>().0;
        let unused_bits = usize::BITS - (N / 2).trailing_zeros();
        for (k, w) in window.as_chunks::<2>().0.iter().enumerate() {
            let bin = &mut bins[k.reverse_bits() >> unused_bits];
            for (lane, frame) in frames.iter().enumerate() {
                bin[0][lane] = frame[2 * k] * w[0];
                bin[1][lane] = frame[2 * k + 1] * w[1];
            }
        }
        let mut half = 1;
        while half < N / 2 {
            self.level(bins, half);
            half *= 2;
        }
        self.recombine(bins);
        spectra
    }

    /// Joins neighbouring transforms of `half` points into transforms of `2 * half` points.
    fn level(&self, bins: &mut [Bin], half: usize) {
        let stride = N / (2 * half);
        for block in bins.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                butterfly(a, b, self.twiddle(k * stride));
            }
        }
    }

    /// `exp(-2 pi i k / N)` for `k` below `N / 2`.
    #[inline(always)]
    fn twiddle(&self, k: usize) -> [f32; 2] {
        if k <= N / 4 {
            [-self.sine[N / 4 - k], self.sine[k]]
        } else {
            [self.sine[k - N / 4], self.sine[N / 2 - k]]
        }
    }

    /// From the spectrum of even samples + i * odd samples to that of all samples.
    fn recombine(&self, bins: &mut [Bin]) {
        let half = N / 2;
        let [re, im] = bins[0];
        bins[0] = [add(re, im), sub(re, im)];
        for k in 1..half / 2 {
            let [re, im] = self.twiddle(k);
            let (a, b) = (bins[k], bins[half - k]);
            let sum = [scale(add(a[0], b[0]), 0.5), scale(add(a[1], b[1]), 0.5)];
            let diff = [scale(sub(a[0], b[0]), 0.5), scale(sub(a[1], b[1]), 0.5)];
            let turned_re = [scale(sum[1], re), scale(diff[0], im)];
            let turned_im = [scale(sum[1], im), scale(diff[0], re)];
            bins[k] = [
                add(add(sum[0], turned_re[0]), turned_re[1]),
                sub(add(diff[1], turned_im[0]), turned_im[1]),
            ];
            bins[half - k] = [
                sub(sub(sum[0], turned_re[0]), turned_re[1]),
                sub(sub(turned_im[0], diff[1]), turned_im[1]),
            ];
        }
        bins[half / 2][1] = bins[half / 2][1].map(|im| -im);
    }
}

/// Adds each band's power to `bands`; the spectra are spent.
pub(super) fn mel_bands<'a, const N: usize>(
    spectra: &mut Spectra<N>,
    filters: impl Iterator<Item = (usize, &'a [f32])>,
    bands: &mut [Lane],
) {
    let bins = spectra.as_chunks_mut::<2>().0;
    for [re, im] in bins.iter_mut() {
        *re = add(zip(*re, *re, |a, b| a * b), zip(*im, *im, |a, b| a * b));
    }
    for (band, (first_bin, weights)) in bands.iter_mut().zip(filters) {
        for (bin, &weight) in bins[first_bin..].iter().zip(weights) {
            *band = add(*band, scale(bin[0], weight));
        }
    }
}
