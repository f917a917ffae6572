//! Both decoders over whole files, and how far they are apart.
#![allow(dead_code, reason = "each test uses a part of it")]

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use runtime::decode::mp3::{BandDecoder, BandError, Trim};
use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

/// A signal with tones, noise and clicks up to the highest frequencies, another one for each seed.
fn signal(rate: u32, seconds: f32, seed: u64) -> Vec<f32> {
    let mut random = Random(seed | 1);
    let mut noise = move || random.next(20_001) as f32 / 10_000.0 - 1.0;
    let tones: Vec<(f32, f32)> =
        (0..12).map(|i| (60.0 * 1.7f32.powi(i) * (1.0 + 0.1 * noise()), 0.2 / (1.0 + i as f32))).collect();
    let sample = |i: usize| {
        let t = i as f32 / rate as f32;
        let tone = |&(hertz, level): &(f32, f32)| {
            if 2.0 * hertz < 0.9 * rate as f32 {
                level * (std::f32::consts::TAU * (hertz * t).fract()).sin()
            } else {
                0.0
            }
        };
        // Something begins four times a second, so that encoders change their windows.
        let beat = (4.0 * t).fract();
        let burst = if beat < 0.02 { 0.6 } else { 0.02 };
        0.3 * (tones.iter().map(tone).sum::<f32>() * (1.0 - beat) * 0.7 + burst * noise())
    };
    let mut sample = sample;
    (0..(seconds * rate as f32) as usize).map(&mut sample).collect()
}

/// A name, and an mp3.
pub type Mp3 = (String, Vec<u8>);

/// Files of all rates and modes.
pub fn kinds() -> &'static [Mp3] {
    static KINDS: OnceLock<Vec<Mp3>> = OnceLock::new();
    KINDS.get_or_init(|| {
        // Hertz, channels, kb/s; 0 is a variable rate.
        let kinds = [
            (44_100, 2, 128),
            (44_100, 2, 320),
            (44_100, 2, 64),
            (44_100, 1, 128),
            (44_100, 2, 0),
            (48_000, 2, 192),
            (32_000, 2, 128),
            (32_000, 1, 64),
            (24_000, 2, 96),
            (22_050, 2, 64),
            (22_050, 1, 48),
            (16_000, 2, 64),
            (12_000, 1, 32),
            (11_025, 2, 48),
            (8_000, 1, 16),
        ];
        kinds
            .into_iter()
            .map(|(rate, channels, kilobits)| {
                let left = signal(rate, 6.0, 3);
                let right = signal(rate, 6.0, 8);
                // Half alike, so that both kinds of stereo are chosen.
                let samples: Vec<f32> = if channels == 1 {
                    left
                } else {
                    let side = |i: usize| if (i / rate as usize).is_multiple_of(2) { 1.0 } else { 0.1 };
                    left.iter()
                        .zip(&right)
                        .enumerate()
                        .flat_map(|(i, (l, r))| [*l, l + side(i) * (r - l)])
                        .collect()
                };
                let vbr_quality = (kilobits == 0).then(|| rusty_mp3::vbr_quality_index(4.0));
                let config = Mp3EncoderConfig {
                    bitrate_kbps: if kilobits == 0 { 128 } else { kilobits },
                    vbr_quality,
                };
                let mut encoder = Mp3Encoder::new(config);
                encoder.push_pcm_f32(&samples, channels, rate).expect("a rate of mp3");
                encoder.finish();
                let mut bytes = Vec::new();
                while let Ok(packet) = encoder.next_packet() {
                    bytes.extend(packet);
                }
                (format!("{rate} Hz, {channels} channels, {kilobits} kb/s"), bytes)
            })
            .collect()
    })
}

fn read(path: PathBuf) -> Mp3 {
    (path.display().to_string(), std::fs::read(path).expect("a readable file"))
}

/// Those, and the fixtures.
pub fn own() -> impl Iterator<Item = Mp3> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio");
    kinds().iter().cloned().chain(mp3_files(&fixtures).into_iter().map(read))
}

/// Those, and one of `every` of the music that MINIM_MUSIC names, where it does.
pub fn files(every: usize) -> Vec<Mp3> {
    let music = std::env::var_os("MINIM_MUSIC").map(|music| mp3_files(Path::new(&music))).unwrap_or_default();
    own().chain(music.into_iter().step_by(every).map(read)).collect()
}

/// All mp3 files of a directory and those in it.
fn mp3_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(mp3_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "mp3") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Numbers without an order (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

pub fn open(bytes: &[u8]) -> Option<Box<dyn FormatReader>> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), Default::default());
    let mut hint = Hint::new();
    hint.with_extension("mp3");
    let probe = symphonia::default::get_probe();
    probe.probe(&hint, stream, FormatOptions::default(), MetadataOptions::default()).ok()
}

pub fn symphonia(reader: &dyn FormatReader) -> Box<dyn AudioDecoder> {
    let track = reader.default_track(TrackType::Audio).expect("a track");
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).expect("parameters");
    let codecs = symphonia::default::get_codecs();
    codecs.make_audio_decoder(params, &AudioDecoderOptions::default()).expect("a decoder")
}

/// The mean over the channels of a packet; nothing where it was refused.
pub fn reference(decoder: &mut dyn AudioDecoder, packet: &Packet) -> Option<Vec<f32>> {
    let decoded = decoder.decode(packet).ok()?;
    let channels = decoded.spec().channels().count();
    let mut interleaved = vec![0.0f32; decoded.samples_interleaved()];
    decoded.copy_to_slice_interleaved(&mut interleaved);
    Some(interleaved.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect())
}

/// What two decoders made of a file.
#[derive(Default)]
pub struct Both {
    pub rate: u32,
    pub step: usize,
    pub full: Vec<f32>,
    pub band: Vec<f32>,
    pub packets: usize,
    /// Packets that were refused.
    pub refused: usize,
    /// What differed in counts of samples or in refusals.
    pub differences: Vec<String>,
}

/// Puts a packet through both decoders.
pub fn step(both: &mut Both, band: &mut BandDecoder, full: &mut dyn AudioDecoder, packet: &Packet) {
    let trim = Trim { start: packet.trim_start.get() as usize, end: packet.trim_end.get() as usize };
    let reference = reference(full, packet);
    match (band.decode(&packet.data, trim), reference) {
        (Ok(decoded), Some(reference)) => {
            (both.rate, both.step) = (decoded.file_rate, decoded.step as usize);
            if decoded.frames_at_file_rate != reference.len() {
                let (frames, expected) = (decoded.frames_at_file_rate, reference.len());
                both.differences.push(format!("packet {}: {frames} instead of {expected}", both.packets));
            }
            both.band.extend_from_slice(decoded.samples);
            both.full.extend(reference);
            if both.band.len() != both.full.len().div_ceil(both.step) {
                both.differences.push(format!("packet {}: off the grid", both.packets));
            }
        }
        (Err(_), None) => both.refused += 1,
        (Ok(_), None) => both.differences.push(format!("packet {}: only symphonia refused it", both.packets)),
        (Err(error), Some(_)) => {
            both.differences.push(format!("packet {}: symphonia took it: {error}", both.packets));
        }
    }
    both.packets += 1;
}

/// Puts a file through both decoders; `change` may damage a packet.
pub fn both(bytes: &[u8], highest: f32, mut change: impl FnMut(usize, &mut Packet)) -> Both {
    let mut result = Both::default();
    let Some(mut reader) = open(bytes) else { return result };
    let mut full = symphonia(&*reader);
    let mut band = BandDecoder::new(highest);
    while let Ok(Some(mut packet)) = reader.next_packet() {
        change(result.packets, &mut packet);
        step(&mut result, &mut band, &mut *full, &packet);
    }
    result
}

/// Error against the signal in dB, and the greatest difference, both in the band up to `highest`.
pub struct Distance {
    pub error_db: f64,
    pub greatest: f32,
}

/// How far the band is from every `step`-th sample of all of it, low-passed: the spectrum of the whole, and that of the
/// samples on the grid, are the same up to `highest` but for a factor. Both fade in and out, so that what lies above the
/// band does not leak into it where they end.
pub fn distance(both: &Both, highest: f32) -> Distance {
    const FADE: usize = 4096;
    let (step, frames) = (both.step, both.full.len());
    let size = step * frames.div_ceil(step).next_power_of_two();
    let fade = |at: usize| {
        let edge = at.min((frames - 1).saturating_sub(at));
        let part = edge.min(FADE) as f64 / FADE as f64;
        (part * std::f64::consts::FRAC_PI_2).sin().powi(2)
    };
    let mut planner = RealFftPlanner::<f64>::new();
    let mut spectrum = |samples: &[f32], step: usize| -> Vec<Complex<f64>> {
        let fft = planner.plan_fft_forward(size / step);
        let mut input = fft.make_input_vec();
        for (at, (input, sample)) in input.iter_mut().zip(samples).enumerate() {
            *input = f64::from(*sample) * fade(at * step) * step as f64;
        }
        let mut output = fft.make_output_vec();
        fft.process(&mut input, &mut output).expect("the sizes fit");
        output
    };
    let (full, band) = (spectrum(&both.full, 1), spectrum(&both.band, step));
    let bins = (f64::from(highest) * size as f64 / f64::from(both.rate)) as usize + 1;
    let bins = bins.min(band.len());
    let energy =
        |values: &mut dyn Iterator<Item = Complex<f64>>| values.map(|value| value.norm_sqr()).sum::<f64>();
    let error = energy(&mut full[..bins].iter().zip(&band).map(|(full, band)| full - band));
    let signal = energy(&mut full[..bins].iter().copied());
    let mut planner = RealFftPlanner::<f64>::new();
    let inverse = planner.plan_fft_inverse(size);
    let mut difference = inverse.make_input_vec();
    for (at, difference) in difference.iter_mut().enumerate().take(bins) {
        *difference = full[at] - band[at];
    }
    difference[0].im = 0.0;
    if let Some(last) = difference.last_mut() {
        last.im = 0.0;
    }
    let mut wave = inverse.make_output_vec();
    inverse.process(&mut difference, &mut wave).expect("the sizes fit");
    let greatest = wave.iter().fold(0.0f64, |greatest, value| greatest.max(value.abs())) / size as f64;
    Distance { error_db: 10.0 * (error / signal.max(1e-30)).max(1e-30).log10(), greatest: greatest as f32 }
}

/// Whether an error may be one of those that are counted as refused.
pub fn is_refusal(error: BandError) -> bool {
    matches!(error, BandError::Refused(_))
}
