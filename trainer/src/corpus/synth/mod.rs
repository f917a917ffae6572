//! Music with a known truth, made by a small seeded synthesiser.
//!
//! The tags name what was done to make the sound, never what listeners would call it, and all begin with
//! "synthetic". Each clip mixes several at random levels, in random keys and tempi, beside decoys that have no
//! tag; so no loudness or brightness gives a tag away, and a network has to hear it. `docs/corpora.md` lists them.

pub(crate) mod dice;
mod drums;
mod mix;
mod production;
mod score;
mod voices;
mod wave;

use std::path::Path;

pub(crate) use production::rms;

use super::{Clip, ClipSource, Corpus, Split};

/// Sampling rate of every clip, that of [`runtime::mel::MelConfig::MINIM`].
pub const RATE: u32 = 12_000;
/// Part of the keys of cached features: raised whenever the sound of a clip changes.
pub const GENERATOR_VERSION: u32 = 1;
/// Length of a clip unless told otherwise: 29.12 s, 1366 frames.
pub const SECONDS: f32 = 29.12;

/// The tags, in the order of their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Bell,
    Pluck,
    Brass,
    Pipe,
    DeepBass,
    KickPulse,
    Clap,
    SwungHats,
    ThreeTime,
    SlowPace,
    FastPace,
    MajorThird,
    MinorThird,
    NoiseWash,
    Tremolo,
    Echoes,
    OldDisc,
    BitCrush,
    TapeWow,
}

impl Tag {
    const COUNT: usize = 19;
    const ALL: [Self; Self::COUNT] = [
        Self::Bell,
        Self::Pluck,
        Self::Brass,
        Self::Pipe,
        Self::DeepBass,
        Self::KickPulse,
        Self::Clap,
        Self::SwungHats,
        Self::ThreeTime,
        Self::SlowPace,
        Self::FastPace,
        Self::MajorThird,
        Self::MinorThird,
        Self::NoiseWash,
        Self::Tremolo,
        Self::Echoes,
        Self::OldDisc,
        Self::BitCrush,
        Self::TapeWow,
    ];
}

/// Names of the tags, in the order of the labels.
pub const TAGS: [&str; Tag::COUNT] = [
    "synthetic bell",
    "synthetic pluck",
    "synthetic brass",
    "synthetic pipe",
    "synthetic deep bass",
    "synthetic kick pulse",
    "synthetic clap",
    "synthetic swung hats",
    "synthetic three-time",
    "synthetic slow pace",
    "synthetic fast pace",
    "synthetic major third",
    "synthetic minor third",
    "synthetic noise wash",
    "synthetic tremolo",
    "synthetic echoes",
    "synthetic old disc",
    "synthetic bit crush",
    "synthetic tape wow",
];

/// A corpus to be synthesised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SynthSpec {
    /// Number of clips.
    pub clips: usize,
    /// Length of each in seconds.
    pub seconds: f32,
    /// Clip `i` follows from this and `i` alone: a longer corpus begins with the clips of a shorter one.
    pub seed: u64,
}

impl Default for SynthSpec {
    /// 1200 clips of 29.12 s.
    fn default() -> Self {
        Self { clips: 1200, seconds: SECONDS, seed: 1 }
    }
}

/// The description of a clip, which renders itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SynthClip {
    /// Seed of the corpus.
    pub seed: u64,
    /// Number of the clip in it.
    pub index: u64,
    /// Length in samples at [`RATE`].
    pub samples: usize,
}

impl SynthClip {
    /// The truth: 1 or 0 for each of [`TAGS`].
    pub fn labels(&self) -> Vec<f32> {
        score::Score::draw(self.seed, self.index).labels.iter().map(|&on| f32::from(u8::from(on))).collect()
    }

    /// The sampling rate and the mono samples, within -0.98..=0.98. The same samples every time on one machine.
    pub fn render(&self) -> (u32, Vec<f32>) {
        (RATE, mix::render(self.seed, self.index, self.samples))
    }

    /// Level of each tagged part in dB against the whole mix, before the production: for tests of audibility.
    pub fn part_levels(&self) -> Vec<(&'static str, f32)> {
        let score = score::Score::draw(self.seed, self.index);
        let (mut mix, mut parts) = (vec![0.0; self.samples], Vec::new());
        mix::each_part(&score, self.seed, self.index, self.samples, |tag, samples| {
            mix.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += sample);
            parts.extend(tag.map(|tag| (TAGS[tag as usize], production::rms(samples))));
        });
        let whole = production::rms(&mix);
        parts.into_iter().map(|(tag, level)| (tag, 20.0 * (level / whole).log10())).collect()
    }
}

/// The corpus of a spec: 70 % to train, 10 % to validate, 20 % to test, by turns of ten clips.
pub fn corpus(spec: &SynthSpec) -> Corpus {
    let samples = (f64::from(spec.seconds) * f64::from(RATE)).round() as usize;
    let clips = (0..spec.clips as u64).map(|index| {
        let clip = SynthClip { seed: spec.seed, index, samples };
        let split = match index % 10 {
            3 => Split::Validation,
            6 | 9 => Split::Test,
            _ => Split::Train,
        };
        Clip {
            id: format!("synth/{}/{index:05}", spec.seed),
            labels: clip.labels(),
            source: ClipSource::Synth(clip),
            group: None,
            album: None,
            split: Some(split),
            windows: Vec::new(),
        }
    });
    Corpus {
        name: "synth".into(),
        tags: TAGS.map(String::from).to_vec(),
        clips: clips.collect(),
        split_rule: "clips are independent; by their number 70 % train, 10 % validation, 20 % test".into(),
        soft_labels: false,
    }
}

/// Writes a clip as a 16-bit wav, for listening. The file appears whole or not at all.
///
/// # Errors
/// Whatever the file system refuses.
pub fn write_wav(clip: &SynthClip, path: &Path) -> std::io::Result<()> {
    let other = |error: hound::Error| match error {
        hound::Error::IoError(error) => error,
        error => std::io::Error::other(error),
    };
    let (sample_rate, samples) = clip.render();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut wav = hound::WavWriter::new(&mut bytes, spec).map_err(other)?;
    for sample in samples {
        wav.write_sample((sample * 32767.0).round() as i16).map_err(other)?;
    }
    wav.finalize().map_err(other)?;
    crate::files::write_atomically(path, bytes.get_ref())
}
