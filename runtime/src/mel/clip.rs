//! Whole clips, with allocation.

use super::codes::FrameCodes;
use super::config::{MelConfig, MelError};
use super::fft::{FftSize, Points};
use super::stream::LogMel;
use crate::pcm::Pcm;

/// Most bands per frame that [`log_mel`] and [`log_mel_codes`] can compute.
pub const CLIP_MAX_BANDS: usize = 256;

/// Log-mel of a whole clip, frame after frame: `[frames, mel_bands]`, with [`MelConfig::frames`] frames.
///
/// The values are those of [`LogMel`]; any `n_fft` from 256 to 4096.
///
/// # Errors
/// Those of [`LogMel::new`] (room for [`CLIP_MAX_BANDS`] bands) and [`LogMel::push`].
pub fn log_mel(config: &MelConfig, pcm: Pcm<'_>) -> Result<Vec<f32>, MelError> {
    collect(config, pcm, |clip, frame| clip.extend_from_slice(frame))
}

/// [`log_mel`] in 8-bit codes of [`FrameCodes::of`] the configuration's compression: `[frames, mel_bands]`.
///
/// # Errors
/// Those of [`log_mel`].
pub fn log_mel_codes(config: &MelConfig, pcm: Pcm<'_>) -> Result<Vec<u8>, MelError> {
    let codes = FrameCodes::of(config.compression);
    collect(config, pcm, |clip, frame| clip.extend(frame.iter().map(|&value| codes.encode(value))))
}

fn collect<T>(
    config: &MelConfig,
    pcm: Pcm<'_>,
    mut append: impl FnMut(&mut Vec<T>, &[f32]),
) -> Result<Vec<T>, MelError> {
    let mut front_end = AnyLogMel::new(config)?;
    let mut clip = Vec::with_capacity(config.frames(pcm.samples.len()) * config.mel_bands);
    front_end.push(pcm, |frame| append(&mut clip, frame))?;
    front_end.flush(|frame| append(&mut clip, frame));
    Ok(clip)
}

/// A [`LogMel`] whose sizes are known when it runs, with room for [`CLIP_MAX_BANDS`] bands and any `n_fft` from 256 to
/// 4096. It allocates once.
pub struct AnyLogMel(Box<dyn FrontEnd + Send>);

impl std::fmt::Debug for AnyLogMel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnyLogMel").field(self.0.config()).finish()
    }
}

impl AnyLogMel {
    /// Computes window and filters.
    ///
    /// # Errors
    /// Those of [`LogMel::new`], and [`MelError::FftSize`].
    pub fn new(config: &MelConfig) -> Result<Self, MelError> {
        Ok(Self(match config.n_fft {
            256 => Box::new(LogMel::<256, CLIP_MAX_BANDS>::new(config)?),
            512 => Box::new(LogMel::<512, CLIP_MAX_BANDS>::new(config)?),
            1024 => Box::new(LogMel::<1024, CLIP_MAX_BANDS>::new(config)?),
            2048 => Box::new(LogMel::<2048, CLIP_MAX_BANDS>::new(config)?),
            4096 => Box::new(LogMel::<4096, CLIP_MAX_BANDS>::new(config)?),
            n_fft => return Err(MelError::FftSize { n_fft }),
        }))
    }

    /// What is computed.
    pub fn config(&self) -> &MelConfig {
        self.0.config()
    }

    /// As [`LogMel::push`].
    ///
    /// # Errors
    /// [`MelError::PcmRate`] when the samples are at another rate; nothing has changed then.
    pub fn push(&mut self, pcm: Pcm<'_>, mut on_frame: impl FnMut(&[f32])) -> Result<(), MelError> {
        self.0.push(pcm, &mut on_frame)
    }

    /// As [`LogMel::flush`].
    pub fn flush(&mut self, mut on_frame: impl FnMut(&[f32])) {
        self.0.flush(&mut on_frame);
    }
}

trait FrontEnd {
    fn config(&self) -> &MelConfig;
    fn push(&mut self, pcm: Pcm<'_>, on_frame: &mut dyn FnMut(&[f32])) -> Result<(), MelError>;
    fn flush(&mut self, on_frame: &mut dyn FnMut(&[f32]));
}

impl<const N_FFT: usize> FrontEnd for LogMel<N_FFT, CLIP_MAX_BANDS>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    fn config(&self) -> &MelConfig {
        self.config()
    }

    fn push(&mut self, pcm: Pcm<'_>, on_frame: &mut dyn FnMut(&[f32])) -> Result<(), MelError> {
        LogMel::push(self, pcm, on_frame)
    }

    fn flush(&mut self, on_frame: &mut dyn FnMut(&[f32])) {
        LogMel::flush(self, on_frame);
    }
}
