//! The packet loop.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Time, TimeBase};

use super::{DecodeError, DecodedAudio, MAX_SAMPLES};

const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// Damage in a row after which the rest is given up, so that a hostile index of empty packets ends.
const MAX_BAD_PACKETS_IN_A_ROW: usize = 4096;
/// Container errors in a row after which the rest is given up: a reader need not advance after one.
const MAX_BAD_READS_IN_A_ROW: usize = 16;
/// Packets of another rate that count as damage (a false mp3 header); more is a stream that changes its rate.
const MAX_STRAY_RATES: usize = 8;
/// Seconds decoded before a part: packets of mp3 need several that were before them.
const RUN_UP: f64 = 0.25;

/// Decodes `max_seconds` from second `from` on. Without a time base, or where the format cannot seek, everything before
/// is decoded as well.
pub(super) fn decode_part(path: &Path, from: f64, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    let mut format = open(path)?;
    let track = audio_track(path, format.as_ref())?;
    let (track_id, base) = (track.id, track.time_base);
    let sought = base.zip(Time::try_from_secs_f64((from - RUN_UP).max(0.0))).is_some_and(|(_, time)| {
        format.seek(SeekMode::Accurate, SeekTo::Time { time, track_id: Some(track_id) }).is_ok()
    });
    if sought {
        return packets(path, format, base.map(|base| Start { base, seconds: from }), max_seconds);
    }
    let mut audio = decode(path, from + max_seconds)?;
    let before = (from * f64::from(audio.sample_rate)).round() as usize;
    audio.samples.drain(..before.min(audio.samples.len()));
    if audio.samples.is_empty() {
        let reason = format!("it ends before second {from:.2}");
        return Err(DecodeError::NothingDecoded { path: path.into(), reason });
    }
    Ok(audio)
}

/// The length that the container states, or the reader guesses from the bit rate.
pub(super) fn duration(path: &Path) -> Result<Option<f64>, DecodeError> {
    let format = open(path)?;
    // Only to know that there is one for this codec.
    decoder(path, format.as_ref())?;
    let track = audio_track(path, format.as_ref())?;
    let stated = track.time_base.zip(track.duration);
    Ok(stated.and_then(|(base, duration)| base.calc_duration(duration)).map(|time| time.as_secs_f64()))
}

pub(super) fn decode(path: &Path, max_seconds: f64) -> Result<DecodedAudio, DecodeError> {
    packets(path, open(path)?, None, max_seconds)
}

/// Where the wanted audio begins in a stream that was sought: the reader stands at a packet before it.
struct Start {
    base: TimeBase,
    seconds: f64,
}

impl Start {
    /// Seconds of a packet that come before the start, more than it holds where all of it does.
    fn before(&self, packet: &Packet) -> f64 {
        let at = self.base.calc_time_saturating(packet.pts).as_secs_f64();
        (self.seconds - at).max(0.0)
    }

    fn passes_over(&self, packet: &Packet) -> bool {
        self.before(packet) >= self.base.calc_duration_saturating(packet.dur).as_secs_f64()
    }
}

fn packets(
    path: &Path,
    mut format: Box<dyn FormatReader>,
    start: Option<Start>,
    max_seconds: f64,
) -> Result<DecodedAudio, DecodeError> {
    let (mut track, mut decoder) = decoder(path, format.as_ref())?;
    let mut mono = Mono::default();
    let mut complaint: Option<String> = None;
    let (mut bad_reads, mut bad_packets) = (0, 0);
    let mut skipped = 0;
    let mut limited = false;

    while bad_reads < MAX_BAD_READS_IN_A_ROW && bad_packets < MAX_BAD_PACKETS_IN_A_ROW {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A chained stream: new tracks from here on.
            Err(Error::ResetRequired) => {
                bad_reads += 1;
                (track, decoder) = match self::decoder(path, format.as_ref()) {
                    Ok(next) => next,
                    Err(_) if !mono.samples.is_empty() => break,
                    Err(error) => return Err(error),
                };
                continue;
            }
            Err(error) => {
                let ended = matches!(&error, Error::IoError(io) if io.kind() == ErrorKind::UnexpectedEof);
                complaint.get_or_insert_with(|| error.to_string());
                skipped += 1;
                bad_reads += 1;
                if ended {
                    break;
                }
                continue;
            }
        };
        bad_reads = 0;
        if packet.track_id != track {
            continue;
        }
        // Packets before the start only set the decoder's state; some of them need what was before them.
        let early = start.as_ref().filter(|_| mono.samples.is_empty());
        let decoded = decoder.decode(&packet);
        if early.is_some_and(|start| start.passes_over(&packet)) {
            continue;
        }
        match decoded {
            Ok(buffer) => {
                let spec = buffer.spec();
                let (rate, channels) = (spec.rate(), spec.channels().count());
                if mono.accepts(path, rate)? && channels > 0 {
                    buffer.copy_to_vec_interleaved(&mut mono.interleaved);
                    if let Some(start) = early {
                        let before = (start.before(&packet) * f64::from(rate)).round() as usize;
                        mono.interleaved.drain(..(before * channels).min(mono.interleaved.len()));
                    }
                    mono.append(rate, channels);
                    bad_packets = 0;
                } else {
                    skipped += 1;
                    bad_packets += 1;
                }
            }
            Err(error) => {
                complaint.get_or_insert_with(|| error.to_string());
                skipped += 1;
                bad_packets += 1;
            }
        }
        if mono.over(max_seconds) {
            limited = true;
            break;
        }
    }
    if mono.samples.is_empty() {
        let reason = complaint.unwrap_or_else(|| "it holds no samples".into());
        return Err(DecodeError::NothingDecoded { path: path.into(), reason });
    }
    Ok(DecodedAudio {
        sample_rate: mono.rate,
        samples: mono.samples,
        channels: mono.channels,
        skipped_packets: skipped,
        limited,
    })
}

fn open(path: &Path) -> Result<Box<dyn FormatReader>, DecodeError> {
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

fn audio_track<'a>(path: &Path, format: &'a dyn FormatReader) -> Result<&'a Track, DecodeError> {
    format
        .default_track(TrackType::Audio)
        .or_else(|| format.first_track(TrackType::Audio))
        .ok_or_else(|| DecodeError::NoAudioTrack { path: path.into() })
}

fn decoder(path: &Path, format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), DecodeError> {
    let track = audio_track(path, format)?;
    let params = track.codec_params.as_ref().and_then(|params| params.audio());
    let params = params.ok_or_else(|| DecodeError::NoAudioTrack { path: path.into() })?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| DecodeError::UnsupportedCodec { path: path.into(), reason: error.to_string() })?;
    Ok((track.id, decoder))
}

/// Collects packets as the mean over their channels.
#[derive(Default)]
struct Mono {
    rate: u32,
    channels: usize,
    samples: Vec<f32>,
    interleaved: Vec<f32>,
    stray_rates: usize,
}

impl Mono {
    /// Whether a packet at this rate belongs to the stream; an error when the rate is absurd or keeps changing.
    fn accepts(&mut self, path: &Path, rate: u32) -> Result<bool, DecodeError> {
        if self.rate == 0 && !RATES.contains(&rate) {
            return Err(DecodeError::SampleRate { path: path.into(), rate });
        }
        if self.rate == 0 || rate == self.rate {
            return Ok(true);
        }
        self.stray_rates += 1;
        if self.stray_rates > MAX_STRAY_RATES {
            return Err(DecodeError::RateChanged { path: path.into(), from: self.rate, to: rate });
        }
        Ok(false)
    }

    fn append(&mut self, rate: u32, channels: usize) {
        if self.rate == 0 {
            (self.rate, self.channels) = (rate, channels);
        }
        // Float files can hold NaN and infinities; they would spread over a whole window of the spectrogram.
        let finite = |sample: f32| if sample.is_finite() { sample } else { 0.0 };
        let scale = 1.0 / channels as f32;
        self.samples.extend(
            self.interleaved
                .chunks_exact(channels)
                .map(|frame| frame.iter().map(|&s| finite(s) * scale).sum::<f32>()),
        );
    }

    /// Cuts to the limit, if it was passed.
    fn over(&mut self, max_seconds: f64) -> bool {
        // A float-to-integer cast saturates, and NaN becomes 0.
        let limit = ((max_seconds * f64::from(self.rate)).ceil() as usize).min(MAX_SAMPLES);
        let over = self.rate != 0 && self.samples.len() > limit;
        if over {
            self.samples.truncate(limit);
        }
        over
    }
}
