//! Triangular mel filters, stored sparsely.

use super::config::{MelConfig, MelError, MelNorm, MelScale};

/// Where a band's weights are, and on which FFT bins they lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Band {
    first_bin: u16,
    first_weight: u16,
    weights: u16,
}

/// The filter bank: `mel_bands` triangles over the bins of an FFT of `N_FFT` points.
///
/// A bin lies between two neighbouring edges and so under two triangles at most, and neither DC nor the Nyquist
/// frequency has a weight: `N_FFT` weights are room enough for all bands together.
#[derive(Clone, Debug)]
pub(super) struct Filters<const N_FFT: usize, const MAX_BANDS: usize> {
    bands: [Band; MAX_BANDS],
    mel_bands: usize,
    weights: [f32; N_FFT],
}

impl<const N_FFT: usize, const MAX_BANDS: usize> Filters<N_FFT, MAX_BANDS> {
    /// Builds the filters of a valid configuration as `librosa.filters.mel` does: in `f64`, rounded to `f32`
    /// before and after scaling.
    ///
    /// With many bands and a short FFT the lowest triangles fall between two bins; such a band has no weights
    /// and always reads silence, as in librosa (which warns).
    pub(super) fn new(config: &MelConfig) -> Result<Self, MelError> {
        let MelConfig { mel_bands, f_min, f_max, mel_scale, .. } = *config;
        if mel_bands > MAX_BANDS {
            return Err(MelError::TooManyBands { mel_bands, room: MAX_BANDS });
        }
        let mut filters = Self { bands: [Band::default(); MAX_BANDS], mel_bands, weights: [0.0; N_FFT] };
        let lowest = mel_of_hertz(mel_scale, f64::from(f_min));
        let highest = mel_of_hertz(mel_scale, f64::from(f_max));
        let step = (highest - lowest) / (mel_bands + 1) as f64;
        let edge = |i: usize| {
            let mel = if i > mel_bands { highest } else { lowest + i as f64 * step };
            hertz_of_mel(mel_scale, mel)
        };
        let hertz_per_bin = f64::from(config.sample_rate) / N_FFT as f64;
        let mut used = 0;
        for (i, band) in filters.bands[..mel_bands].iter_mut().enumerate() {
            let (lower, centre, upper) = (edge(i), edge(i + 1), edge(i + 2));
            if !(lower < centre && centre < upper) {
                return Err(MelError::NarrowBands { mel_bands, f_min, f_max });
            }
            let scale = match config.norm {
                MelNorm::Slaney => 2.0 / (upper - lower),
                MelNorm::None => 1.0,
            };
            band.first_weight = used as u16;
            let below = (lower / hertz_per_bin) as usize;
            let above = (upper / hertz_per_bin) as usize + 1;
            for bin in below.max(1)..=above.min(N_FFT / 2 - 1) {
                let hertz = bin as f64 * hertz_per_bin;
                let rising = (hertz - lower) / (centre - lower);
                let falling = (upper - hertz) / (upper - centre);
                let weight = rising.min(falling) as f32;
                if weight > 0.0 {
                    if band.weights == 0 {
                        band.first_bin = bin as u16;
                    }
                    filters.weights[used] = (f64::from(weight) * scale) as f32;
                    band.weights += 1;
                    used += 1;
                }
            }
        }
        Ok(filters)
    }

    /// Bands, each as its first FFT bin and its weights on that bin and the following ones.
    #[inline]
    pub(super) fn bands(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.bands[..self.mel_bands].iter().map(|band| {
            let first = usize::from(band.first_weight);
            (usize::from(band.first_bin), &self.weights[first..first + usize::from(band.weights)])
        })
    }
}

/// Slaney's scale is linear up to this frequency ...
const LINEAR_END_HERTZ: f64 = 1000.0;
/// ... with this many hertz per mel, so that the logarithmic part begins at 15 mel.
const HERTZ_PER_MEL: f64 = 200.0 / 3.0;
const LINEAR_END_MEL: f64 = LINEAR_END_HERTZ / HERTZ_PER_MEL;

/// Natural logarithm of the ratio of two frequencies one mel apart, in the logarithmic part.
fn slaney_log_step() -> f64 {
    libm::log(6.4) / 27.0
}

fn mel_of_hertz(scale: MelScale, hertz: f64) -> f64 {
    match scale {
        MelScale::Htk => 2595.0 * libm::log10(1.0 + hertz / 700.0),
        MelScale::Slaney if hertz < LINEAR_END_HERTZ => hertz / HERTZ_PER_MEL,
        MelScale::Slaney => LINEAR_END_MEL + libm::log(hertz / LINEAR_END_HERTZ) / slaney_log_step(),
    }
}

fn hertz_of_mel(scale: MelScale, mel: f64) -> f64 {
    match scale {
        MelScale::Htk => 700.0 * (libm::pow(10.0, mel / 2595.0) - 1.0),
        MelScale::Slaney if mel < LINEAR_END_MEL => mel * HERTZ_PER_MEL,
        MelScale::Slaney => LINEAR_END_HERTZ * libm::exp(slaney_log_step() * (mel - LINEAR_END_MEL)),
    }
}
