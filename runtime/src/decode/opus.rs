//! Opus inside Ogg for symphonia, which reads the container and has no decoder of its own.

use opus_pure::{OpusDecoder, OpusMSDecoder};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult,
};
use symphonia::core::codecs::registry::{RegisterableAudioDecoder, SupportedAudioCodec};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

/// Opus is decoded at this rate, whatever was encoded.
const RATE: u32 = 48_000;

/// Samples of the longest packet: 120 ms.
const LONGEST: usize = 5760;

/// Smallest identification header (RFC 7845, 5.1).
const HEAD: usize = 19;

/// One stream, or several for more than two channels.
enum Streams {
    One(Box<OpusDecoder>),
    Several(Box<OpusMSDecoder>),
}

/// A decoder of one track.
pub(super) struct Opus {
    params: AudioCodecParameters,
    decoder: Streams,
    channels: usize,
    gain: f32,
    /// Frames at the start of the stream that only set the decoder's state.
    pre_skip: i64,
    interleaved: Vec<f32>,
    buffer: AudioBuffer<f32>,
}

impl Opus {
    fn new(params: &AudioCodecParameters) -> Result<Self> {
        let head = params.extra_data.as_deref().unwrap_or_default();
        if head.len() < HEAD {
            return Err(Error::Unsupported("opus: no identification header"));
        }
        let channels = usize::from(head[9]);
        // In 1/256 dB.
        let gain = f32::from(i16::from_le_bytes([head[16], head[17]])) / 256.0;
        let family = head[18];
        let impossible = Error::Unsupported("opus: a header with impossible channels");
        let decoder = match (family, channels) {
            (0, 1 | 2) => OpusDecoder::new(RATE as i32, channels).map(|one| Streams::One(Box::new(one))),
            (1, 1..=8) => OpusMSDecoder::new(RATE as i32, channels, family)
                .map(|several| Streams::Several(Box::new(several))),
            _ => return Err(impossible),
        };
        let decoder = decoder.map_err(|_| impossible)?;
        let layout = params.channels.clone().filter(|layout| layout.count() == channels);
        let layout = layout.ok_or(Error::Unsupported("opus: channels without a layout"))?;
        Ok(Self {
            params: params.clone(),
            decoder,
            channels,
            pre_skip: u16::from_le_bytes([head[10], head[11]]).into(),
            gain: libm::powf(10.0, gain / 20.0),
            interleaved: vec![0.0; LONGEST * channels],
            buffer: AudioBuffer::new(AudioSpec::new(RATE, layout), LONGEST),
        })
    }

    fn render(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        self.buffer.clear();
        // An empty packet would be concealed, not decoded.
        if packet.data.is_empty() {
            return Err(Error::DecodeError("opus: an empty packet"));
        }
        let out = &mut self.interleaved;
        let decoded = match &mut self.decoder {
            Streams::One(one) => one.decode(packet.data, LONGEST, out),
            Streams::Several(several) => several.decode(packet.data, LONGEST, out),
        };
        let frames = decoded.map_err(|_| Error::DecodeError("opus: a damaged packet"))?;
        self.buffer.render_uninit(Some(frames.min(LONGEST)));
        for (channel, plane) in self.buffer.iter_planes_mut().enumerate() {
            let samples = self.interleaved[channel..].iter().step_by(self.channels);
            plane.iter_mut().zip(samples).for_each(|(to, from)| *to = from * self.gain);
        }
        let trim = |duration: symphonia::core::units::Duration| {
            usize::try_from(duration.get()).unwrap_or(usize::MAX)
        };
        // Positions in an Ogg stream count the pre-skip (RFC 7845, 4.3); the reader does not take it off.
        let early = usize::try_from(self.pre_skip.saturating_sub(packet.pts.get())).unwrap_or(0);
        let early = if packet.pts.is_negative() { 0 } else { early };
        self.buffer.trim(early.max(trim(packet.trim_start)), trim(packet.trim_end));
        Ok(())
    }
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        // It fails where there is no memory for it; then decoding does, too.
        let _ = match &mut self.decoder {
            Streams::One(one) => one.reset_state(),
            Streams::Several(several) => several.reset_state(),
        };
    }

    fn codec_info(&self) -> &CodecInfo {
        &Self::supported_codecs()[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.render(packet)?;
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

impl RegisterableAudioDecoder for Opus {
    fn try_registry_new(
        params: &AudioCodecParameters,
        _: &AudioDecoderOptions,
    ) -> Result<Box<dyn AudioDecoder>> {
        Ok(Box::new(Self::new(params)?))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        static CODECS: [SupportedAudioCodec; 1] = [SupportedAudioCodec {
            id: CODEC_ID_OPUS,
            info: CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] },
        }];
        &CODECS
    }
}
