//! Through a codec and back.

use runtime::pcm::Pcm;
use runtime::resample::{ResampleError, resample};
use rusty_mp3::{Error, Mp3Decoder, Mp3Encoder, Mp3EncoderConfig};

use super::sound::Sound;

/// Rates of MPEG-1, 2 and 2.5 Layer III (ISO/IEC 11172-3, 13818-3).
const RATES: [u32; 9] = [44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8_000];

/// Why a sound did not come through.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// It could not be brought to a rate of the codec.
    #[error(transparent)]
    Rate(#[from] ResampleError),
    /// The encoder refused it.
    #[error("the mp3 encoder: {0}")]
    Encode(String),
    /// What was encoded cannot be decoded.
    #[error("the mp3 decoder: {0}")]
    Decode(String),
}

/// Encodes a sound as an mp3 of so many kb/s and decodes it: mono, at its rate or at 44.1 kHz where no mp3 has that, as long
/// as it was. The delay of the codec, some 50 ms, is left in.
///
/// # Errors
/// When the encoder refuses it.
pub fn through_mp3(sound: &Sound, kilobits: u32) -> Result<Sound, CodecError> {
    let rate = if RATES.contains(&sound.sample_rate) { sound.sample_rate } else { RATES[0] };
    let at_rate = |samples| -> Result<Vec<f32>, ResampleError> {
        Ok(resample(Pcm::new(sound.sample_rate, samples), rate)?.into_owned())
    };
    let mono = at_rate(&sound.mono)?;
    let channels = if sound.is_stereo() { 2 } else { 1 };
    let samples = if sound.is_stereo() {
        let side = at_rate(&sound.side)?;
        mono.iter().zip(&side).flat_map(|(mono, side)| [mono + side, mono - side]).collect()
    } else {
        mono.clone()
    };
    let mut encoder = Mp3Encoder::new(Mp3EncoderConfig { bitrate_kbps: kilobits, vbr_quality: None });
    let failed = |error: rusty_mp3::Error| CodecError::Encode(error.to_string());
    let mut decoder = Mp3Decoder::new();
    let mut decoded = Vec::with_capacity(mono.len() + 4 * 1152);
    // Piece by piece, so that neither the file nor its packets are ever there as a whole.
    for piece in samples.chunks(1152 * channels * 64) {
        encoder.push_pcm_f32(piece, channels as u16, rate).map_err(failed)?;
        drain(&mut encoder, &mut decoder, &mut decoded)?;
    }
    encoder.finish();
    drain(&mut encoder, &mut decoder, &mut decoded)?;
    decoder.flush();
    take(&mut decoder, &mut decoded)?;
    decoded.resize(mono.len(), 0.0);
    Ok(Sound::mono(rate, decoded))
}

fn drain(
    encoder: &mut Mp3Encoder,
    decoder: &mut Mp3Decoder,
    decoded: &mut Vec<f32>,
) -> Result<(), CodecError> {
    loop {
        match encoder.next_packet() {
            Ok(packet) => decoder.push(&packet),
            Err(Error::Again | Error::Eof) => return Ok(()),
            Err(error) => return Err(CodecError::Encode(error.to_string())),
        }
        take(decoder, decoded)?;
    }
}

fn take(decoder: &mut Mp3Decoder, decoded: &mut Vec<f32>) -> Result<(), CodecError> {
    loop {
        match decoder.next_frame() {
            Ok(frame) => {
                let channels = usize::from(frame.channels).max(1);
                let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
                decoded.extend(frame.samples.chunks_exact(channels).map(mean));
            }
            Err(Error::Again | Error::Eof) => return Ok(()),
            Err(error) => return Err(CodecError::Decode(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remix::effects::rms;

    fn chord(rate: u32, seconds: f32, turn: f64) -> Vec<f32> {
        let sample = |i: usize| {
            let t = i as f64 / f64::from(rate);
            let tone = |hertz: f64| (std::f64::consts::TAU * hertz * t + turn).sin();
            (0.2 * (tone(220.0) + tone(331.0) + 0.5 * tone(1760.0))) as f32
        };
        (0..(seconds * rate as f32) as usize).map(sample).collect()
    }

    /// The share of `like` in `samples` at the shift that fits best.
    fn alike(samples: &[f32], like: &[f32]) -> f32 {
        let at = |shift: usize| {
            let pairs = || samples[shift..].iter().zip(like);
            let product: f32 = pairs().map(|(a, b)| a * b).sum();
            let energy: f32 = pairs().map(|(a, _)| a * a).sum();
            product / (energy * pairs().map(|(_, b)| b * b).sum::<f32>()).sqrt()
        };
        (0..4000).map(at).fold(0.0, f32::max)
    }

    #[test]
    fn music_comes_through_at_about_its_level_in_mono_and_stereo_at_any_rate() {
        for rate in [44_100, 48_000, 22_050, 96_000, 12_000] {
            let mono = chord(rate, 1.5, 0.0);
            let side: Vec<f32> = chord(rate, 1.5, 1.0).iter().map(|s| s / 3.0).collect();
            for side in [Vec::new(), side] {
                let sound = Sound { sample_rate: rate, mono: mono.clone(), side };
                let heard = through_mp3(&sound, 64).unwrap();
                let like = resample(Pcm::new(rate, &mono), heard.sample_rate).unwrap();
                assert_eq!(heard.mono.len(), like.len());
                assert_eq!(heard.sample_rate, if rate == 96_000 { 44_100 } else { rate });
                let middle = heard.mono.len() / 2;
                let level = rms(&heard.mono[middle..middle + 4000]) / rms(&like[middle..middle + 4000]);
                assert!((level - 1.0).abs() < 0.1, "{rate}: {level}");
                let alike = alike(&heard.mono[..middle + 4000], &like[..middle]);
                assert!(alike > 0.98, "{rate}: {alike}");
                // It went through a codec.
                assert!(heard.mono[..middle] != like[..middle]);
            }
        }
        assert!(through_mp3(&Sound::mono(44_100, Vec::new()), 64).unwrap().mono.is_empty());
    }
}
