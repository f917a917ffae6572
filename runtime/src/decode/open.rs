//! A file, its audio track, and a decoder for it.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::DecodeError;

pub(super) fn open(path: &Path) -> Result<Box<dyn FormatReader>, DecodeError> {
    let open = |source| DecodeError::Open { path: path.into(), source };
    // Looked at before opening: opening a pipe would wait for its writer.
    let meta = std::fs::metadata(path).map_err(open)?;
    if !meta.is_file() {
        return Err(DecodeError::NotAFile { path: path.into() });
    }
    if meta.len() == 0 {
        return Err(DecodeError::Empty { path: path.into() });
    }
    let file = File::open(path).map_err(open)?;
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| DecodeError::Format { path: path.into(), reason: error.to_string() })
}

pub(super) fn audio_track<'a>(path: &Path, format: &'a dyn FormatReader) -> Result<&'a Track, DecodeError> {
    format
        .default_track(TrackType::Audio)
        .or_else(|| format.first_track(TrackType::Audio))
        .ok_or_else(|| DecodeError::NoAudioTrack { path: path.into() })
}

pub(super) fn audio_params<'a>(
    path: &Path,
    format: &'a dyn FormatReader,
) -> Result<&'a AudioCodecParameters, DecodeError> {
    let params = audio_track(path, format)?.codec_params.as_ref().and_then(|params| params.audio());
    params.ok_or_else(|| DecodeError::NoAudioTrack { path: path.into() })
}

/// symphonia's decoders and the one for Opus.
fn codecs() -> &'static CodecRegistry {
    static CODECS: OnceLock<CodecRegistry> = OnceLock::new();
    CODECS.get_or_init(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<super::opus::Opus>();
        codecs
    })
}

pub(super) fn decoder(
    path: &Path,
    format: &dyn FormatReader,
) -> Result<(u32, Box<dyn AudioDecoder>), DecodeError> {
    let (track, params) = (audio_track(path, format)?, audio_params(path, format)?);
    let decoder = codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| DecodeError::UnsupportedCodec { path: path.into(), reason: error.to_string() })?;
    Ok((track.id, decoder))
}
