//! Triangular mel filters, stored sparsely.

use super::config::{MelConfig, MelError, MelNorm, MelScale};
use super::triangles::{Scale, Triangles};

/// Where a band's weights are, and on which FFT bins they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Band {
    pub(super) first_bin: u16,
    pub(super) first_weight: u16,
    pub(super) weights: u16,
}

/// The filter bank: `mel_bands` [triangles](Triangles::weights) over the bins of an FFT of `N_FFT` points.
///
/// At most two triangles lie over a bin: `N_FFT` weights are room enough for all bands together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filters<const N_FFT: usize, const MAX_BANDS: usize> {
    pub(super) bands: [Band; MAX_BANDS],
    pub(super) mel_bands: usize,
    pub(super) weights: [f32; N_FFT],
}

impl<const N_FFT: usize, const MAX_BANDS: usize> Filters<N_FFT, MAX_BANDS> {
    /// Builds the filters of a valid configuration.
    pub(super) fn new(config: &MelConfig) -> Result<Self, MelError> {
        let MelConfig { sample_rate, mel_bands, f_min, f_max, .. } = *config;
        if mel_bands > MAX_BANDS {
            return Err(MelError::TooManyBands { mel_bands, room: MAX_BANDS });
        }
        let triangles = Triangles {
            sample_rate,
            n_fft: N_FFT,
            mel_bands,
            f_min,
            f_max,
            scale: match config.mel_scale {
                MelScale::Slaney => Scale::Slaney,
                MelScale::Htk => Scale::Htk,
            },
            area_1: config.norm == MelNorm::Slaney,
        };
        let mut filters = Self { bands: [Band::default(); MAX_BANDS], mel_bands, weights: [0.0; N_FFT] };
        let (weights, mut used) = (&mut filters.weights, 0);
        for (i, band) in filters.bands[..mel_bands].iter_mut().enumerate() {
            band.first_weight = used as u16;
            let edges_differ = triangles.weights(i, |bin, weight| {
                if band.weights == 0 {
                    band.first_bin = bin as u16;
                }
                weights[used] = weight;
                band.weights += 1;
                used += 1;
            });
            if !edges_differ {
                return Err(MelError::NarrowBands { mel_bands, f_min, f_max });
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
