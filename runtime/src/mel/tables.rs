//! What a spectrogram looks up: the window and the filters, in memory or in flash.

use super::config::{MelConfig, MelError};
use super::fft::{FftSize, Points};
use super::filters::{Band, Filters};
use super::triangles::hann;

include!(concat!(env!("OUT_DIR"), "/mel_tables.rs"));

/// Window and filters of a configuration, for FFTs of `N_FFT` points and at most `MAX_BANDS` bands.
///
/// A [`LogMel`](super::LogMel) owns its tables or borrows them; those of [`MelConfig::MINIM`] are there as
/// [`MelTables::MINIM`], made when this crate was compiled, so that they stay in flash.
#[derive(Clone, Debug, PartialEq)]
pub struct MelTables<const N_FFT: usize, const MAX_BANDS: usize> {
    pub(super) config: MelConfig,
    pub(super) window: [f32; N_FFT],
    pub(super) filters: Filters<N_FFT, MAX_BANDS>,
}

static MINIM: MelTables<512, 96> = MelTables {
    config: MelConfig::MINIM,
    window: WINDOW,
    filters: Filters { bands: BANDS, mel_bands: 96, weights: WEIGHTS },
};

impl MelTables<512, 96> {
    /// The tables of [`MelConfig::MINIM`].
    pub const MINIM: &'static Self = &MINIM;
}

impl<const N_FFT: usize, const MAX_BANDS: usize> MelTables<N_FFT, MAX_BANDS>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    /// Computes window and filters.
    ///
    /// # Errors
    /// Those of [`MelConfig::validate`]; an `n_fft` other than `N_FFT`; more than `MAX_BANDS` bands; bands too
    /// narrow to tell apart.
    pub fn new(config: &MelConfig) -> Result<Self, MelError> {
        config.validate()?;
        if config.n_fft != N_FFT {
            return Err(MelError::OtherFftSize { n_fft: config.n_fft, compiled: N_FFT });
        }
        Ok(Self {
            config: *config,
            window: core::array::from_fn(|i| hann(i, N_FFT)),
            filters: Filters::new(config)?,
        })
    }

    /// What is computed.
    pub fn config(&self) -> &MelConfig {
        &self.config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_in_flash_are_those_that_are_computed() {
        assert_eq!(MelTables::new(&MelConfig::MINIM).as_ref(), Ok(MelTables::MINIM));
    }
}
