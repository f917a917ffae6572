//! The whole pipe: PCM at the rate of a microphone or a file in, tags out, as the music plays.
//!
//! This is all that a firmware author needs:
//!
//! ```
//! use runtime::include_model;
//! use runtime::listen::Listener;
//! use runtime::packed::PackedModel;
//! use runtime::resample::Source;
//!
//! static MODEL: &[u8] = include_model!("../../models/k2c1-msd50-0.1m/model.bin");
//!
//! let model = PackedModel::parse(MODEL)?;
//! let mut listener = Listener::<1200>::new(&model, Source::mono(48_000))?;
//! # let mut left = 700;
//! # let mut microphone = || { left -= 1; (left > 0).then(|| [left as i16; 480]) };
//! while let Some(piece) = microphone() {
//!     listener.push(&piece, |answer| println!("window {}", answer.window()));
//! }
//! for score in listener.scores().top::<5>() {
//!     println!("{:.2} {}", score.p, score.tag);
//! }
//! # assert_eq!(listener.scores().windows(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::engine::{Answer, Engine, EngineError, Scores};
use crate::mel::{FrameCodes, LogMel, MelConfig, MelTables};
use crate::packed::PackedModel;
use crate::pcm::Pcm;
use crate::resample::{Resampler, Sample, Source, SourceRateError};

/// Bands of Minim's spectrogram.
const MEL_BANDS: usize = MelConfig::MINIM.mel_bands;

/// Minim's spectrogram with its tables in flash.
type Ear = LogMel<512, MEL_BANDS, &'static MelTables<512, MEL_BANDS>>;

/// Hears a stream of samples and says what is in it; `STATE` words of 32 bits are the network's.
///
/// It is a [`Resampler`], Minim's [spectrogram](MelConfig::MINIM) with its tables in flash, and an [`Engine`], one behind
/// the other; [`Listener::of`] takes parts that were set up otherwise than [`Listener::new`] does.
#[derive(Clone, Debug)]
pub struct Listener<'m, const STATE: usize> {
    resampler: Resampler,
    ear: Ear,
    engine: Engine<'m, STATE>,
}

/// Why nothing can be heard.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Samples do not come at such a rate.
    #[error(transparent)]
    Source(#[from] SourceRateError),
    /// The engine cannot run the model as asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model hears another spectrogram.
    #[error("the model does not hear Minim's spectrogram, the only one that a listener computes")]
    FrontEnd,
}

/// What a listener is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Resampling to 12 kHz.
    Resampler,
    /// Frames of the spectrogram.
    FrontEnd,
    /// A layer of the network, from 0 on.
    Layer(usize),
    /// Done.
    Rest,
}

impl<'m, const STATE: usize> Listener<'m, STATE> {
    /// Listens to `source` with `model`, with answers as often as its pools give them.
    ///
    /// # Errors
    /// When there is no filter for that rate, `STATE` is too small, or the model hears another spectrogram.
    pub fn new(model: &PackedModel<'m>, source: Source) -> Result<Self, ListenError> {
        Self::of(Resampler::new(source)?, Engine::new(model)?)
    }

    /// Puts a listener together: of a resampler with [one filter](Resampler::with_filter), say, and an engine that
    /// [spreads](Engine::spread) its work or answers [more often](Engine::with_hop).
    ///
    /// # Errors
    /// When the model hears another spectrogram.
    pub fn of(resampler: Resampler, engine: Engine<'m, STATE>) -> Result<Self, ListenError> {
        if *engine.model().mel_config() != MelConfig::MINIM {
            return Err(ListenError::FrontEnd);
        }
        Ok(Self { resampler, ear: LogMel::with_tables(MelTables::MINIM), engine })
    }

    /// The network.
    pub fn engine(&self) -> &Engine<'m, STATE> {
        &self.engine
    }

    /// Means over all answers so far, one for each tag.
    pub fn scores(&self) -> Scores<'_, 'm> {
        self.engine.scores()
    }

    /// Forgets the music: the next push begins another.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.ear.reset();
        self.engine.reset();
    }

    /// Takes the next samples, any number of them, and hands over the answers that they complete.
    pub fn push<S: Sample>(&mut self, samples: &[S], on_answer: impl FnMut(Answer<'_, 'm>)) {
        self.push_observed(samples, on_answer, |_| ());
    }

    /// [`push`](Self::push) that tells what it is at, before it begins with it. It is for measuring.
    pub fn push_observed<S: Sample>(
        &mut self,
        samples: &[S],
        mut on_answer: impl FnMut(Answer<'_, 'm>),
        mut on_stage: impl FnMut(Stage),
    ) {
        let Self { resampler, ear, engine } = self;
        on_stage(Stage::Resampler);
        resampler.push(samples, |mono| hear(ear, engine, Some(mono), &mut on_answer, &mut on_stage));
        on_stage(Stage::Rest);
    }

    /// Ends the music: hears what is still under way. What follows the last whole window is not heard, and music that is
    /// shorter than one has no answer. The [scores](Self::scores) stay; [`reset`](Self::reset) begins anew.
    pub fn flush(&mut self, mut on_answer: impl FnMut(Answer<'_, 'm>)) {
        let Self { resampler, ear, engine } = self;
        resampler.flush(|mono| hear(ear, engine, Some(mono), &mut on_answer, &mut |_| ()));
        hear(ear, engine, None, &mut on_answer, &mut |_| ());
        engine.drain(on_answer);
    }
}

/// Samples at 12 kHz, or the end of them, through the spectrogram into the network.
fn hear<'m, const STATE: usize>(
    ear: &mut Ear,
    engine: &mut Engine<'m, STATE>,
    mono: Option<&[f32]>,
    on_answer: &mut impl FnMut(Answer<'_, 'm>),
    on_stage: &mut impl FnMut(Stage),
) {
    let table = FrameCodes::DECIBEL;
    let layers = engine.model().layers().len();
    on_stage(Stage::FrontEnd);
    let on_frame = |frame: &[f32]| {
        let mut codes = [0; MEL_BANDS];
        codes.iter_mut().zip(frame).for_each(|(code, &value)| *code = table.encode(value));
        engine.push_observed(&codes, &mut *on_answer, |layer| {
            on_stage(if layer < layers { Stage::Layer(layer) } else { Stage::FrontEnd });
        });
    };
    match mono {
        // The resampler gives what the spectrogram takes: 12 kHz.
        Some(mono) => drop(ear.push(Pcm::new(MelConfig::MINIM.sample_rate, mono), on_frame)),
        None => ear.flush(on_frame),
    }
    on_stage(Stage::Resampler);
}
