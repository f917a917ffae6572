//! The packet loop.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Time, TimeBase};

use super::DecodeError;
use super::band::{Band, BandPacket};
use super::open::{audio_params, audio_track, decoder, open};

const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// Damage in a row after which the rest is given up, so that a hostile index of empty packets ends.
const MAX_BAD_PACKETS_IN_A_ROW: usize = 4096;
/// Container errors in a row after which the rest is given up: a reader need not advance after one.
const MAX_BAD_READS_IN_A_ROW: usize = 16;
/// Packets of another rate that count as damage (a false mp3 header); more is a stream that changes its rate.
const MAX_STRAY_RATES: usize = 8;
/// Seconds decoded before a part: packets of mp3 need several that were before them.
const RUN_UP: f64 = 0.25;

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

/// Told of every packet's bytes.
pub(super) type OnPacket = Box<dyn FnMut(&[u8]) + Send>;

/// The packets of a file's audio track, decoded one after the other.
pub(super) struct Packets {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    track: u32,
    decoder: Box<dyn AudioDecoder>,
    /// Hears in its place, where only a band is wanted of an mp3.
    band: Option<Band>,
    /// Set until the first samples after it came.
    start: Option<Start>,
    /// Hertz, 0 until the first samples came.
    pub rate: u32,
    /// Channels of the first packet, and of the last one.
    pub first_channels: usize,
    pub channels: usize,
    /// Frames of the last packet that come before the wanted audio; the others are what [`next`](Self::next) found.
    early: usize,
    /// Room for the samples of a packet.
    interleaved: Vec<f32>,
    /// Packets that were refused.
    pub skipped: usize,
    pub on_packet: Option<OnPacket>,
    complaint: Option<String>,
    stray_rates: usize,
    bad_reads: usize,
    bad_packets: usize,
    /// Whether a sample came at all.
    gave: bool,
    ended: bool,
}

impl Packets {
    /// For a listener at `rate` hertz.
    pub fn open_for(path: &Path, rate: u32) -> Result<Self, DecodeError> {
        let mut packets = Self::open(path)?;
        let params = audio_params(path, packets.format.as_ref())?;
        packets.band = Band::of(params, rate as f32 / 2.0);
        Ok(packets)
    }

    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        let format = open(path)?;
        let (track, decoder) = decoder(path, format.as_ref())?;
        Ok(Self {
            path: path.into(),
            format,
            track,
            decoder,
            band: None,
            start: None,
            rate: 0,
            first_channels: 0,
            channels: 0,
            early: 0,
            interleaved: Vec::new(),
            skipped: 0,
            on_packet: None,
            complaint: None,
            stray_rates: 0,
            bad_reads: 0,
            bad_packets: 0,
            gave: false,
            ended: false,
        })
    }

    /// Length in seconds as the container states it.
    pub fn stated_seconds(&self) -> Option<f64> {
        let track = audio_track(&self.path, self.format.as_ref()).ok()?;
        let stated = track.time_base.zip(track.duration);
        stated.and_then(|(base, duration)| base.calc_duration(duration)).map(|time| time.as_secs_f64())
    }

    /// Goes to a second, exact to a packet; false where the format cannot.
    pub fn seek(&mut self, seconds: f64) -> bool {
        // A reader that has met the end need not come back from it: that of MP4 does not.
        if self.ended {
            let again =
                open(&self.path).and_then(|format| Ok((decoder(&self.path, format.as_ref())?, format)));
            let Ok(((track, decoder), format)) = again else { return false };
            (self.track, self.decoder, self.format) = (track, decoder, format);
        }
        let Ok(track) = audio_track(&self.path, self.format.as_ref()) else { return false };
        let (track_id, Some(base)) = (track.id, track.time_base) else { return false };
        let Some(time) = Time::try_from_secs_f64((seconds - RUN_UP).max(0.0)) else { return false };
        let to = SeekTo::Time { time, track_id: Some(track_id) };
        if self.format.seek(SeekMode::Accurate, to).is_err() {
            return false;
        }
        self.decoder.reset();
        if let Some(band) = &mut self.band {
            band.reset();
        }
        self.start = Some(Start { base, seconds });
        self.ended = false;
        true
    }

    /// Reads the next packet of the track, or says what stands in the way: `None` at the end.
    fn read(&mut self) -> Result<Option<Packet>, DecodeError> {
        while self.bad_reads < MAX_BAD_READS_IN_A_ROW && self.bad_packets < MAX_BAD_PACKETS_IN_A_ROW {
            match self.format.next_packet() {
                Ok(Some(packet)) => {
                    self.bad_reads = 0;
                    if packet.track_id == self.track {
                        return Ok(Some(packet));
                    }
                }
                Ok(None) => break,
                // A chained stream: new tracks from here on.
                Err(Error::ResetRequired) => {
                    self.bad_reads += 1;
                    self.band = None;
                    match decoder(&self.path, self.format.as_ref()) {
                        Ok(next) => (self.track, self.decoder) = next,
                        Err(_) if self.gave => break,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => {
                    let ended = matches!(&error, Error::IoError(io) if io.kind() == ErrorKind::UnexpectedEof);
                    self.complaint.get_or_insert_with(|| error.to_string());
                    self.skipped += 1;
                    self.bad_reads += 1;
                    if ended {
                        break;
                    }
                }
            }
        }
        self.ended = true;
        Ok(None)
    }

    /// Decodes up to the next samples, which may then be appended; false at the end.
    ///
    /// An error where nothing at all could be decoded.
    pub fn next(&mut self) -> Result<bool, DecodeError> {
        while !self.ended {
            let Some(packet) = self.read()? else { break };
            if let Some(on_packet) = &mut self.on_packet {
                on_packet(&packet.data);
            }
            if self.decode(&packet)? {
                return Ok(true);
            }
        }
        if !self.gave {
            let reason = self.complaint.take().unwrap_or_else(|| "it holds no samples".into());
            return Err(DecodeError::NothingDecoded { path: self.path.clone(), reason });
        }
        Ok(false)
    }

    /// Reads the packets that are left without decoding them.
    pub fn pass_over_rest(&mut self) -> Result<(), DecodeError> {
        while !self.ended {
            let Some(packet) = self.read()? else { break };
            if let Some(on_packet) = &mut self.on_packet {
                on_packet(&packet.data);
            }
        }
        Ok(())
    }

    /// Whether the packet gave samples.
    fn decode(&mut self, packet: &Packet) -> Result<bool, DecodeError> {
        let early = self.start.as_ref().map_or(0.0, |start| start.before(packet));
        if let Some(band) = &mut self.band {
            match band.decode(packet, early) {
                Some(decoded) => return Ok(self.take(packet, decoded)),
                None => self.band = None,
            }
        }
        let decoded = self.decoder.decode(packet);
        // Packets before the start only set the decoder's state; some of them need what was before them.
        if self.start.as_ref().is_some_and(|start| start.passes_over(packet)) {
            return Ok(false);
        }
        let buffer = match decoded {
            Ok(buffer) => buffer,
            Err(error) => {
                self.complaint.get_or_insert_with(|| error.to_string());
                self.skipped += 1;
                self.bad_packets += 1;
                return Ok(false);
            }
        };
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        let accepted = accepts(&self.path, self.rate, rate, &mut self.stray_rates)?;
        if !accepted || channels == 0 {
            self.skipped += 1;
            self.bad_packets += 1;
            return Ok(false);
        }
        let frames = buffer.frames();
        let before = self.start.as_ref().map_or(0.0, |start| start.before(packet));
        self.early = ((before * f64::from(rate)).round() as usize).min(frames);
        self.bad_packets = 0;
        if self.rate == 0 {
            (self.rate, self.first_channels) = (rate, channels);
        }
        self.channels = channels;
        if self.early == frames {
            return Ok(false);
        }
        self.start = None;
        self.gave = true;
        Ok(true)
    }

    /// What came of a packet by the decoder of a band: whether samples did.
    fn take(&mut self, packet: &Packet, decoded: Result<BandPacket, &'static str>) -> bool {
        if self.start.as_ref().is_some_and(|start| start.passes_over(packet)) {
            return false;
        }
        let BandPacket { rate, channels } = match decoded {
            Ok(decoded) => decoded,
            Err(reason) => {
                self.complaint.get_or_insert_with(|| reason.to_owned());
                self.skipped += 1;
                self.bad_packets += 1;
                return false;
            }
        };
        self.bad_packets = 0;
        if self.rate == 0 {
            (self.rate, self.first_channels) = (rate, channels);
        }
        (self.channels, self.early) = (1, 0);
        if self.band.as_ref().is_none_or(|band| band.samples().is_empty()) {
            return false;
        }
        self.start = None;
        self.gave = true;
        true
    }

    /// Adds the last packet's samples, `[frames, channels]`, as they are in the file.
    pub fn append_interleaved(&self, samples: &mut Vec<f32>) {
        if let Some(band) = &self.band {
            samples.extend_from_slice(band.samples());
            return;
        }
        let buffer = self.decoder.last_decoded();
        let known = samples.len();
        samples.resize(known + buffer.samples_interleaved(), 0.0);
        buffer.copy_to_slice_interleaved(&mut samples[known..]);
        samples.drain(known..known + self.early * self.channels);
    }

    /// Adds the last packet's samples, as the mean over their channels.
    pub fn append_mono(&mut self, samples: &mut Vec<f32>) {
        if let Some(band) = &self.band {
            samples.extend_from_slice(band.samples());
            return;
        }
        // Float files can hold NaN and infinities; they would spread over a whole window of the spectrogram.
        let finite = |sample: f32| if sample.is_finite() { sample } else { 0.0 };
        // Nearly all music comes in two planes of this type, which need not be interleaved first.
        if let GenericAudioBufferRef::F32(buffer) = self.decoder.last_decoded()
            && self.channels == 2
            && let Some((left, right)) = buffer.plane_pair(0, 1)
        {
            let both = left[self.early..].iter().zip(&right[self.early..]);
            samples.extend(both.map(|(&left, &right)| finite(left) * 0.5 + finite(right) * 0.5));
            return;
        }
        let mut interleaved = std::mem::take(&mut self.interleaved);
        interleaved.clear();
        self.append_interleaved(&mut interleaved);
        match self.channels {
            1 => samples.extend(interleaved.iter().map(|&sample| finite(sample))),
            // Without a loop inside, the compiler takes several frames at a time.
            2 => {
                let frames = interleaved.as_chunks::<2>().0;
                samples.extend(frames.iter().map(|&[left, right]| finite(left) * 0.5 + finite(right) * 0.5));
            }
            channels => {
                let scale = 1.0 / channels as f32;
                let frames = interleaved.chunks_exact(channels);
                samples.extend(frames.map(|frame| frame.iter().map(|&s| finite(s) * scale).sum::<f32>()));
            }
        }
        self.interleaved = interleaved;
    }
}

/// Whether a packet at this rate belongs to a stream at `before` (0 where none came); an error when the rate is absurd
/// or keeps changing.
fn accepts(path: &Path, before: u32, rate: u32, stray_rates: &mut usize) -> Result<bool, DecodeError> {
    if before == 0 && !RATES.contains(&rate) {
        return Err(DecodeError::SampleRate { path: path.into(), rate });
    }
    if before == 0 || rate == before {
        return Ok(true);
    }
    *stray_rates += 1;
    if *stray_rates > MAX_STRAY_RATES {
        return Err(DecodeError::RateChanged { path: path.into(), from: before, to: rate });
    }
    Ok(false)
}
