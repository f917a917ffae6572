//! Inference: from PCM to tags with any ONNX network that a [card](crate::card) describes, through tract, or with a
//! packed one through the [integer engine](crate::engine).
//!
//! ```no_run
//! use runtime::pcm::Pcm;
//! use runtime::tagger::Tagger;
//!
//! let tagger = Tagger::load("models/synth-k2c1")?; // once
//! let samples = vec![0.1; 44_100];
//! let song = tagger.tag(Pcm::new(44_100, &samples))?; // many times, from any thread
//! for score in song.top::<5>() {
//!     println!("{:.2} {}", score.p, score.tag);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Files are not trusted: whatever is in them, loading and running end in a result. Panics of tract come back as
//! errors, the panic hook still prints its line. What this cannot promise is that a file made for the purpose does
//! not exhaust the memory while tract works its constants out.

mod choice;
mod error;
mod file;
mod fused;
mod network;
mod packed;
mod song;
mod stream;
mod windows;

pub use choice::{EngineChoice, Precision, TaggerOptions};
pub use error::TaggerError;
pub use network::{AxisSize, Network, NetworkError, NetworkSpec, Values};
pub use song::{SongTags, TagScore};
pub use stream::{Pace, TagStream};

use crate::card::Card;
use crate::mel::{self, FrameCodes, MelConfig};
use crate::pcm::Pcm;
use crate::resample::resample;
use file::{Found, ModelFile};
use packed::PackedNetwork;
use song::Answers;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::prelude::TractResult;

/// Audio whose samples all stay below this is silent: 80 dB below full scale, three steps of 16-bit audio, about
/// where dither and the noise of a good recording lie.
pub const SILENCE: f32 = 1e-4;

/// A network with its card: tags songs.
pub struct Tagger {
    path: PathBuf,
    card: Card,
    mel_config: MelConfig,
    tags: Arc<[String]>,
    precision: Precision,
    network: Runs,
}

/// What runs the network.
enum Runs {
    Tract(Box<Network>),
    Int8(Box<PackedNetwork>),
}

impl std::fmt::Debug for Tagger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tagger")
            .field("path", &self.path)
            .field("name", &self.card.name)
            .finish_non_exhaustive()
    }
}

impl Tagger {
    /// Loads a model with the default options. `path` is a folder with `model.bin`, `model.int8.onnx` or `model.onnx` and a
    /// `card.json`, an ONNX file with the card in its metadata or a `card.json` beside it, or a packed model with a
    /// `card.json` beside it.
    ///
    /// # Errors
    /// [`TaggerError`], which names the file and the reason.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TaggerError> {
        Self::load_with(path, &TaggerOptions::default())
    }

    /// Loads a model; see [`load`](Self::load).
    ///
    /// # Errors
    /// [`TaggerError`], which names the file and the reason.
    pub fn load_with(path: impl AsRef<Path>, options: &TaggerOptions) -> Result<Self, TaggerError> {
        let ModelFile { path, card, found } = file::read_model(path.as_ref(), options)?;
        let mel_config = card.front_end.mel_config();
        let mel_config = mel_config.map_err(|source| TaggerError::Card { path: path.clone(), source })?;
        let proto = match found {
            Found::Onnx(proto) => *proto,
            Found::Packed(bytes) => {
                let network = PackedNetwork::new(&bytes, &card, &mel_config, &path)?;
                let (tags, network) = (card.tags.as_slice().into(), Runs::Int8(Box::new(network)));
                return Ok(Self { path, card, mel_config, tags, precision: Precision::Int8, network });
            }
        };
        let rounds = |node: &tract_onnx::pb::NodeProto| node.op_type.starts_with('Q');
        let int8 = proto.graph.iter().flat_map(|graph| &graph.node).any(rounds);
        let window = if card.input.sliding {
            AxisSize::UpTo(windows::span(&card.input, windows::per_pass(&card.input)))
        } else {
            AxisSize::Fixed(card.input.frames)
        };
        let bands = AxisSize::Fixed(mel_config.mel_bands);
        let outputs: Vec<&str> = card.outputs.names().collect();
        let spec = NetworkSpec {
            input: Some(&card.input.name),
            shape: &windows::shape(&card.input, AxisSize::Fixed(1), window, bands),
            outputs: &outputs,
            fuse: options.fuse,
        };
        let network = Network::new(proto, &path, &spec).map_err(|error| match error {
            NetworkError::Names(reason) => TaggerError::Mismatch { path: path.clone(), reason },
            NetworkError::Failed(reason) => TaggerError::Network { path: path.clone(), reason },
        })?;
        let tags = card.tags.as_slice().into();
        let precision = if int8 { Precision::Int8 } else { Precision::Float };
        let tagger =
            Self { path, card, mel_config, tags, precision, network: Runs::Tract(Box::new(network)) };
        tagger
            .check_outputs()
            .map_err(|reason| TaggerError::Mismatch { path: tagger.path.clone(), reason })?;
        Ok(tagger)
    }

    /// The file that runs: ONNX or packed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Names of the tags, in the order of the probabilities.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The spectrogram that the network hears.
    pub fn mel_config(&self) -> &MelConfig {
        &self.mel_config
    }

    /// Length of one window in seconds.
    ///
    /// Window `w` of a song, row `w` of [`SongTags::probabilities`], is `[w * hop_seconds, w * hop_seconds +
    /// window_seconds)` of it. Only where the song is shorter than one window does that reach beyond its end by more
    /// than one frame.
    pub fn window_seconds(&self) -> f64 {
        self.seconds_of(self.card.input.frames)
    }

    /// Seconds from the start of one window to the start of the next.
    pub fn hop_seconds(&self) -> f64 {
        self.seconds_of(self.card.input.hop_frames)
    }

    fn seconds_of(&self, frames: usize) -> f64 {
        (frames * self.mel_config.hop_length) as f64 / f64::from(self.mel_config.sample_rate)
    }

    /// [`Precision::Int8`] where the network rounds to 8 bits, else [`Precision::Float`].
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// How many chains of operations run as one; see [`TaggerOptions::fuse`].
    pub fn fused(&self) -> usize {
        match &self.network {
            Runs::Tract(network) => network.fused(),
            Runs::Int8(_) => 0,
        }
    }

    /// What runs the network: [`EngineChoice::Int8`] or [`EngineChoice::Tract`].
    pub fn engine(&self) -> EngineChoice {
        match self.network {
            Runs::Tract(_) => EngineChoice::Tract,
            Runs::Int8(_) => EngineChoice::Int8,
        }
    }

    /// Tags a song: mono samples at any rate of audio.
    ///
    /// A song that is shorter than the network's window is repeated until it fills it. What follows the last whole
    /// window of a longer one is not heard.
    ///
    /// # Errors
    /// When there is nothing to hear ([`TaggerError::Empty`], [`TaggerError::Silent`]), a sample is not finite, the rate
    /// cannot be resampled, or the network fails.
    pub fn tag(&self, pcm: Pcm<'_>) -> Result<SongTags, TaggerError> {
        windows::audible(pcm.samples)?;
        let rate = self.mel_config.sample_rate;
        let samples = resample(pcm, rate)?;
        let frames = mel::log_mel(&self.mel_config, Pcm::new(rate, &samples))?;
        self.tag_with_length(&frames, pcm.seconds())
    }

    /// Tags a song from its frames, `[frames, mel_bands]`, as [`mel::log_mel`] computes them for
    /// [`mel_config`](Self::mel_config). They are rounded here where the network was trained on
    /// [`FrameCodes`]; decoded codes stay what they are.
    ///
    /// # Errors
    /// When there are no frames or half ones, a value is not finite, or the network fails.
    pub fn tag_frames(&self, frames: &[f32]) -> Result<SongTags, TaggerError> {
        let config = &self.mel_config;
        let samples = frames.len() / config.mel_bands * config.hop_length;
        self.tag_with_length(frames, samples as f64 / f64::from(config.sample_rate))
    }

    fn tag_with_length(&self, frames: &[f32], seconds: f64) -> Result<SongTags, TaggerError> {
        let (input, mel_bands) = (&self.card.input, self.mel_config.mel_bands);
        if frames.is_empty() {
            return Err(TaggerError::Empty);
        }
        if !frames.len().is_multiple_of(mel_bands) {
            return Err(TaggerError::Frames { values: frames.len(), mel_bands });
        }
        if let Some(index) = frames.iter().position(|value| !value.is_finite()) {
            return Err(TaggerError::NotFinite { index });
        }
        let windows = windows::count(input, frames.len() / mel_bands);
        let answers = self.run(frames, windows)?;
        Ok(SongTags::new(self.tags.clone(), seconds, answers))
    }

    /// The first windows of `frames`, `[frames, mel_bands]`, which are repeated where they are fewer.
    fn run(&self, frames: &[f32], windows: usize) -> Result<Answers, TaggerError> {
        let (input, mel_bands) = (&self.card.input, self.mel_config.mel_bands);
        let network = match &self.network {
            Runs::Tract(network) => network,
            Runs::Int8(network) => {
                let answers = network.run(input, frames, windows, mel_bands);
                let embeddings = self.card.outputs.embedding.is_some().then_some(answers.embeddings);
                return Ok(Answers { probabilities: answers.probabilities, embeddings, attention: None });
            }
        };
        let codes = input.codes.then(|| FrameCodes::of(self.mel_config.compression));
        let (mut probabilities, mut others) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (first, windows) in windows::passes(input, windows) {
            let span = windows::span(input, windows);
            let laid_out = windows::lay_out(input, frames, mel_bands, first..first + span, codes);
            let shape = windows::shape(input, 1, span, mel_bands);
            let outputs = network.run(&shape, &laid_out);
            let mut outputs =
                outputs.map_err(|error| TaggerError::Run { reason: error.to_string() })?.into_iter();
            let tags = outputs.next().unwrap_or(Values { shape: vec![], values: vec![] });
            if tags.values.len() != windows * self.tags.len() {
                let reason = format!("tags of shape {:?} for {windows} windows", tags.shape);
                return Err(TaggerError::Run { reason });
            }
            probabilities.extend(tags.values);
            others.iter_mut().zip(outputs).for_each(|(all, output)| all.extend(output.values));
        }
        self.check_probabilities(&mut probabilities)?;
        // In the order of the card's names, as far as it has them.
        let mut others = others.into_iter();
        let named = &self.card.outputs;
        let mut next = |name: &Option<String>| name.as_ref().and_then(|_| others.next());
        let (embeddings, attention) = (next(&named.embedding), next(&named.attention));
        Ok(Answers { probabilities, embeddings, attention })
    }

    /// Logits, or what a damaged network says, must not pass for probabilities.
    fn check_probabilities(&self, probabilities: &mut [f32]) -> Result<(), TaggerError> {
        const ROUNDING: f32 = 1e-4;
        for (i, p) in probabilities.iter_mut().enumerate() {
            if !(-ROUNDING..=1.0 + ROUNDING).contains(p) {
                let tag = self.tags[i % self.tags.len()].clone();
                return Err(TaggerError::NoProbability { tag, value: *p });
            }
            *p = p.clamp(0.0, 1.0);
        }
        Ok(())
    }

    /// Checks the outputs for one window, and for two and the most where the input slides.
    fn check_outputs(&self) -> Result<(), String> {
        let Runs::Tract(network) = &self.network else { return Ok(()) };
        let input = &self.card.input;
        let most = windows::per_pass(input);
        for windows in [1, 2.min(most), most] {
            let shapes = network.output_shapes(windows::span(input, windows));
            let shapes = shapes.map_err(|error| error.to_string())?;
            for (i, (shape, name)) in shapes.iter().zip(self.card.outputs.names()).enumerate() {
                let leading: &[usize] = if input.sliding { &[1, windows] } else { &[1] };
                let width = (i == 0).then_some(self.tags.len());
                let width_fits =
                    shape.last().is_some_and(|&last| last > 0 && width.is_none_or(|width| width == last));
                if shape.len() != leading.len() + 1 || !shape.starts_with(leading) || !width_fits {
                    let width = width.map_or("any width".into(), |width| format!("{width} tags"));
                    return Err(format!(
                        "output \"{name}\" has shape {shape:?} for {windows} windows ({} frames), not {leading:?} and {width}",
                        windows::span(input, windows),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Runs what may panic inside tract; errors with all their causes on one line.
fn guard<T>(run: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    // What the closures share with the outside is read only, or dropped after a panic.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| {
            let text = format!("{error:#}");
            // tract prints whole nodes.
            match text.char_indices().nth(600) {
                Some((end, _)) => format!("{}...", &text[..end]),
                None => text,
            }
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("tract panicked: {}", text.unwrap_or_else(|| "without a word".into())))
        }
    }
}
