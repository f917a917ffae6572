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
    append: impl FnMut(&mut Vec<T>, &[f32]),
) -> Result<Vec<T>, MelError> {
    match config.n_fft {
        256 => collect_with::<256, T>(config, pcm, append),
        512 => collect_with::<512, T>(config, pcm, append),
        1024 => collect_with::<1024, T>(config, pcm, append),
        2048 => collect_with::<2048, T>(config, pcm, append),
        4096 => collect_with::<4096, T>(config, pcm, append),
        n_fft => Err(MelError::FftSize { n_fft }),
    }
}

fn collect_with<const N_FFT: usize, T>(
    config: &MelConfig,
    pcm: Pcm<'_>,
    mut append: impl FnMut(&mut Vec<T>, &[f32]),
) -> Result<Vec<T>, MelError>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    let mut front_end = LogMel::<N_FFT, CLIP_MAX_BANDS>::new(config)?;
    let mut clip = Vec::with_capacity(config.frames(pcm.samples.len()) * config.mel_bands);
    front_end.push(pcm, |frame| append(&mut clip, frame))?;
    front_end.flush(|frame| append(&mut clip, frame));
    Ok(clip)
}
