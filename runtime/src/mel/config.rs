//! What a log-mel spectrogram is, as data.

use super::fft::SUPPORTED_SIZES;

/// Shape of the frequency axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MelScale {
    /// Linear below 1 kHz (200/3 Hz per mel), logarithmic above (27 mels per factor of 6.4); librosa's default,
    /// from Slaney's Auditory Toolbox.
    Slaney,
    /// `2595 log10(1 + f / 700)`, of the HTK book.
    Htk,
}

/// Scaling of each triangular filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MelNorm {
    /// Area 1: each filter times `2 / (upper edge - lower edge)`, in 1/Hz.
    Slaney,
    /// Peak 1.
    None,
}

/// What lies beyond both ends of a clip (librosa's `pad_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// The clip mirrored at its first and last sample (librosa's default until 0.9). Clips of at most
    /// `n_fft / 2` samples are mirrored several times over, a single sample is repeated, as `numpy.pad` does.
    Reflect,
    /// Silence (librosa's default since 0.10).
    Zeros,
}

/// Logarithm of a band's power `P`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compression {
    /// `10 log10(max(P, 1e-10))`, in dB: `librosa.power_to_db` with `ref=1`, `top_db=None`. Never below -100.
    Decibel,
    /// `log10(scale * P + bias)`.
    Log10 {
        /// Factor of the power, above 0.
        scale: f32,
        /// Added to the scaled power, above 0.
        bias: f32,
    },
}

/// A log-mel spectrogram: what to compute, apart from the state of computing it.
///
/// Power spectra (magnitude squared), periodic Hann window of `n_fft` samples, frames centred on samples
/// 0, `hop_length`, `2 hop_length`, ...
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MelConfig {
    /// Sampling rate in hertz.
    pub sample_rate: u32,
    /// Length of window and FFT in samples; a power of two, see [`FftSize`](super::FftSize).
    pub n_fft: usize,
    /// Samples from one frame to the next, at most `n_fft`.
    pub hop_length: usize,
    /// Values per frame.
    pub mel_bands: usize,
    /// Lower edge of the lowest band in hertz.
    pub f_min: f32,
    /// Upper edge of the highest band in hertz, at most half the sampling rate.
    pub f_max: f32,
    /// Shape of the frequency axis.
    pub mel_scale: MelScale,
    /// Scaling of the filters.
    pub norm: MelNorm,
    /// Padding of both ends.
    pub pad_mode: PadMode,
    /// Logarithm.
    pub compression: Compression,
}

impl MelConfig {
    /// Minim's own convention: 12 kHz, 512/256, 96 bands up to 6 kHz, dB. It is that of Choi et al.'s compact
    /// CRNN but for the range: they doubled the dB.
    pub const MINIM: Self = Self {
        sample_rate: 12_000,
        n_fft: 512,
        hop_length: 256,
        mel_bands: 96,
        f_min: 0.0,
        f_max: 6_000.0,
        mel_scale: MelScale::Slaney,
        norm: MelNorm::Slaney,
        pad_mode: PadMode::Reflect,
        compression: Compression::Decibel,
    };

    /// musicnn's convention: 16 kHz, 512/256, 96 bands up to 8 kHz, `log10(10000 P + 1)`.
    pub const MUSICNN: Self = Self {
        sample_rate: 16_000,
        n_fft: 512,
        hop_length: 256,
        mel_bands: 96,
        f_min: 0.0,
        f_max: 8_000.0,
        mel_scale: MelScale::Slaney,
        norm: MelNorm::Slaney,
        pad_mode: PadMode::Zeros,
        compression: Compression::Log10 { scale: 10_000.0, bias: 1.0 },
    };

    /// Number of frames of a clip of `samples` samples: `1 + samples / hop_length`, and 0 for an empty clip.
    pub const fn frames(&self, samples: usize) -> usize {
        if samples == 0 || self.hop_length == 0 { 0 } else { 1 + samples / self.hop_length }
    }

    /// Checks that this describes a spectrogram that [`LogMel`](super::LogMel) can compute.
    ///
    /// # Errors
    /// The first [`MelError`] that applies. Whether `n_fft` and `mel_bands` fit a given `LogMel` is checked by
    /// its `new`.
    pub fn validate(&self) -> Result<(), MelError> {
        if self.sample_rate == 0 {
            return Err(MelError::SampleRate);
        }
        if !SUPPORTED_SIZES.contains(&self.n_fft) {
            return Err(MelError::FftSize { n_fft: self.n_fft });
        }
        if self.hop_length == 0 || self.hop_length > self.n_fft {
            return Err(MelError::HopLength { hop_length: self.hop_length, n_fft: self.n_fft });
        }
        if self.mel_bands == 0 {
            return Err(MelError::NoBands);
        }
        let nyquist = f64::from(self.sample_rate) / 2.0;
        let edges_rise = self.f_min >= 0.0 && self.f_min < self.f_max && f64::from(self.f_max) <= nyquist;
        if !edges_rise {
            // NaN and infinities end here too: every comparison with NaN is false.
            return Err(MelError::BandEdges { f_min: self.f_min, f_max: self.f_max, nyquist });
        }
        if let Compression::Log10 { scale, bias } = self.compression {
            let positive = |x: f32| (f32::MIN_POSITIVE..=f32::MAX).contains(&x);
            if !positive(scale) || !positive(bias) {
                return Err(MelError::Compression { scale, bias });
            }
        }
        Ok(())
    }
}

/// Why a spectrogram cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MelError {
    /// The sampling rate is 0.
    #[error("the sampling rate of the spectrogram is 0 Hz")]
    SampleRate,
    /// `n_fft` is none of the FFT sizes in this build.
    #[error("n_fft is {n_fft}; this build has the FFT sizes {SUPPORTED_SIZES:?}")]
    FftSize {
        /// The size asked for.
        n_fft: usize,
    },
    /// `n_fft` is not the size that the extractor was compiled for.
    #[error("n_fft is {n_fft}, but this extractor is compiled for {compiled}")]
    OtherFftSize {
        /// The size asked for.
        n_fft: usize,
        /// `N_FFT` of the extractor.
        compiled: usize,
    },
    /// The hop length is 0 or longer than the window.
    #[error("hop_length is {hop_length}; it must be from 1 to n_fft, which is {n_fft}")]
    HopLength {
        /// The hop asked for.
        hop_length: usize,
        /// The window's length.
        n_fft: usize,
    },
    /// There are no bands.
    #[error("mel_bands is 0")]
    NoBands,
    /// More bands than the extractor has room for.
    #[error("mel_bands is {mel_bands}, but this extractor has room for {room}")]
    TooManyBands {
        /// The number asked for.
        mel_bands: usize,
        /// `MAX_BANDS` of the extractor.
        room: usize,
    },
    /// The band edges are not finite, not in rising order, or beyond half the sampling rate.
    #[error("bands from {f_min} Hz to {f_max} Hz: need 0 <= f_min < f_max <= {nyquist} Hz")]
    BandEdges {
        /// Lower edge.
        f_min: f32,
        /// Upper edge.
        f_max: f32,
        /// Half the sampling rate.
        nyquist: f64,
    },
    /// So many bands in so narrow a range that two edges are the same number.
    #[error("{mel_bands} bands from {f_min} Hz to {f_max} Hz: the range is too narrow to tell them apart")]
    NarrowBands {
        /// The number of bands.
        mel_bands: usize,
        /// Lower edge.
        f_min: f32,
        /// Upper edge.
        f_max: f32,
    },
    /// `log10(scale * P + bias)` would be of numbers that are not positive and finite.
    #[error("log10({scale} * P + {bias}): scale and bias must be finite and above 0")]
    Compression {
        /// Factor of the power.
        scale: f32,
        /// Added to the scaled power.
        bias: f32,
    },
    /// Samples of another rate than the spectrogram's were pushed.
    #[error("the samples are at {found} Hz, the spectrogram is at {expected} Hz")]
    PcmRate {
        /// The spectrogram's rate.
        expected: u32,
        /// The rate of the samples.
        found: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_conventions_are_valid() {
        assert_eq!(MelConfig::MINIM.validate(), Ok(()));
        assert_eq!(MelConfig::MUSICNN.validate(), Ok(()));
    }

    #[test]
    fn a_clip_of_29_seconds_has_1366_frames() {
        assert_eq!(MelConfig::MINIM.frames(349_440), 1366);
        assert_eq!(MelConfig::MINIM.frames(0), 0);
        assert_eq!(MelConfig::MINIM.frames(1), 1);
    }

    #[test]
    fn each_field_is_checked() {
        let ok = MelConfig::MINIM;
        let log10 = |scale, bias| MelConfig { compression: Compression::Log10 { scale, bias }, ..ok };
        let edges = |f_min, f_max| MelConfig { f_min, f_max, ..ok };
        assert_eq!(MelConfig { sample_rate: 0, ..ok }.validate(), Err(MelError::SampleRate));
        for n_fft in [0, 1, 128, 500, 513, 8192] {
            assert_eq!(MelConfig { n_fft, ..ok }.validate(), Err(MelError::FftSize { n_fft }));
        }
        for hop_length in [0, 513, usize::MAX] {
            let error = MelError::HopLength { hop_length, n_fft: 512 };
            assert_eq!(MelConfig { hop_length, ..ok }.validate(), Err(error));
        }
        assert_eq!(MelConfig { mel_bands: 0, ..ok }.validate(), Err(MelError::NoBands));
        for (f_min, f_max) in
            [(-1.0, 6e3), (3e3, 3e3), (4e3, 3e3), (0.0, 6001.0), (f32::NAN, 6e3), (0.0, f32::NAN)]
        {
            assert!(
                matches!(edges(f_min, f_max).validate(), Err(MelError::BandEdges { .. })),
                "{f_min} {f_max}"
            );
        }
        assert!(matches!(edges(0.0, f32::INFINITY).validate(), Err(MelError::BandEdges { .. })));
        for (scale, bias) in
            [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, f32::NAN), (f32::INFINITY, 1.0), (1.0, 1e-40)]
        {
            assert!(
                matches!(log10(scale, bias).validate(), Err(MelError::Compression { .. })),
                "{scale} {bias}"
            );
        }
    }
}
