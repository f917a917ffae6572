//! Packets of mp3 for a listener who hears a band alone.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::packet::Packet;

use super::mp3::{BandDecoder, BandError, Trim};

/// Takes the place of symphonia's decoder where only a band from 0 Hz on is wanted: a seventh of the time.
pub(super) struct Band {
    decoder: BandDecoder,
    /// The file's own rate in hertz, as its first packet says.
    file_rate: u32,
}

/// What is known of a packet that was decoded.
pub(super) struct BandPacket {
    /// Of [`Band::samples`], in hertz.
    pub rate: u32,
    /// Of the file.
    pub channels: usize,
}

impl Band {
    /// For a listener up to `highest` hertz; nothing where the codec is another.
    pub fn of(params: &AudioCodecParameters, highest: f32) -> Option<Self> {
        let file_rate = params.sample_rate.filter(|_| params.codec == CODEC_ID_MP3)?;
        Some(Self { decoder: BandDecoder::new(highest), file_rate })
    }

    /// Decodes a packet without its first `early` seconds. `None` where it is no packet of Layer III, and another decoder has to
    /// read the stream.
    pub fn decode(&mut self, packet: &Packet, early: f64) -> Option<Result<BandPacket, &'static str>> {
        let early = (early * f64::from(self.file_rate)).round() as usize;
        let trim = Trim {
            start: (packet.trim_start.get() as usize).saturating_add(early),
            end: packet.trim_end.get() as usize,
        };
        match self.decoder.decode(&packet.data, trim) {
            Ok(decoded) => {
                Some(Ok(BandPacket { rate: decoded.file_rate / decoded.step, channels: decoded.channels }))
            }
            Err(BandError::NotLayer3) => None,
            Err(BandError::Refused(reason)) => Some(Err(reason)),
        }
    }

    /// The mean over the channels, of the last packet.
    pub fn samples(&self) -> &[f32] {
        self.decoder.samples()
    }

    /// Forgets what was before, after a seek.
    pub fn reset(&mut self) {
        self.decoder.reset();
    }
}
