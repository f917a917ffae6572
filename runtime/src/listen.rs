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
//! let mut memory = [0; 2100];
//! let mut listener = Listener::new(&model, Source::mono(48_000), &mut memory)?;
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

use bytemuck::cast_slice_mut;

use crate::engine::{Answer, Engine, EngineError, Scores, state_words};
use crate::mel::{FrameCodes, LogMel, MelConfig, MelTables};
use crate::packed::PackedModel;
use crate::pcm::Pcm;
use crate::resample::{Channels, Filter, HISTORY, Resampler, Sample, Source, SourceRateError};

/// Bands of Minim's spectrogram.
const MEL_BANDS: usize = MelConfig::MINIM.mel_bands;

/// Points of its FFT.
const N_FFT: usize = MelConfig::MINIM.n_fft;

/// Minim's spectrogram with its tables in flash.
type Ear<'s> = LogMel<N_FFT, MEL_BANDS, &'static MelTables<N_FFT, MEL_BANDS>, &'s mut [f32; N_FFT]>;

/// Words of 32 bits that a listener takes beside the network's state: the samples under resampler and spectrogram.
pub const SAMPLE_WORDS: usize = HISTORY / 2 + N_FFT;

/// Words of 32 bits that a [`Listener`] takes with `model` and an answer every `hop_frames` frames.
///
/// # Errors
/// When answers cannot come that often.
pub fn memory_words(model: &PackedModel<'_>, hop_frames: usize) -> Result<usize, EngineError> {
    Ok(SAMPLE_WORDS + state_words(model, hop_frames)?)
}

/// Hears a stream of samples and says what is in it.
///
/// It is a [`Resampler`], Minim's [spectrogram](MelConfig::MINIM) with its tables in flash, and an [`Engine`], one behind
/// the other. All that they remember lies in memory that is lent to it, and whose size [`memory_words`] says.
#[derive(Debug)]
pub struct Listener<'m, 's> {
    resampler: Resampler<&'s mut [i16; HISTORY]>,
    ear: Ear<'s>,
    engine: Engine<'m, 's>,
}

/// Why nothing can be heard.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Samples do not come at such a rate.
    #[error(transparent)]
    Source(#[from] SourceRateError),
    /// There is less memory than it takes.
    #[error("listening takes {needed} words of 32 bits, there is room for {room}")]
    Memory {
        /// Words that it takes.
        needed: usize,
        /// Words that there are.
        room: usize,
    },
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

impl<'m, 's> Listener<'m, 's> {
    /// Listens to `source` with `model`, with answers as often as its pools give them. `memory` may hold anything.
    ///
    /// # Errors
    /// When there is no filter from that rate, `memory` is too small, or the model hears another spectrogram.
    pub fn new(
        model: &'s PackedModel<'m>,
        source: Source,
        memory: &'s mut [u32],
    ) -> Result<Self, ListenError> {
        let sample_rate = source.sample_rate;
        let filter = Filter::from_rate(sample_rate).ok_or(SourceRateError { sample_rate })?;
        Self::with(model, filter, source.channels, model.stride(), memory)
    }

    /// Listens to what comes through `filter` (the program then holds no other filter's taps), with an answer every
    /// `hop_frames` frames ([`Engine::with_hop`]).
    ///
    /// # Errors
    /// When the pools do not allow that hop, `memory` is too small, or the model hears another spectrogram.
    pub fn with(
        model: &'s PackedModel<'m>,
        filter: &'static Filter,
        channels: Channels,
        hop_frames: usize,
        memory: &'s mut [u32],
    ) -> Result<Self, ListenError> {
        if *model.mel_config() != MelConfig::MINIM {
            return Err(ListenError::FrontEnd);
        }
        let (needed, room) = (memory_words(model, hop_frames)?, memory.len());
        let too_small = ListenError::Memory { needed, room };
        if room < needed {
            return Err(too_small);
        }
        let (history, memory) = memory.split_at_mut(HISTORY / 2);
        let (frame, state) = memory.split_at_mut(N_FFT);
        let history = cast_slice_mut(history).first_chunk_mut().ok_or(too_small)?;
        let frame = cast_slice_mut(frame).first_chunk_mut().ok_or(too_small)?;
        Ok(Self {
            resampler: Resampler::lent(filter, channels, history),
            ear: LogMel::lent(MelTables::MINIM, frame),
            engine: Engine::with_hop(model, hop_frames, state)?,
        })
    }

    /// Spreads the network's work evenly over time, for answers that come somewhat later: see [`Engine::spread`].
    pub fn spread(&mut self) {
        self.engine.spread();
    }

    /// The network.
    pub fn engine(&self) -> &Engine<'m, 's> {
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
///
/// Not generic, and so there once.
fn hear<'m>(
    ear: &mut Ear<'_>,
    engine: &mut Engine<'m, '_>,
    mono: Option<&[f32]>,
    on_answer: &mut dyn FnMut(Answer<'_, 'm>),
    on_stage: &mut dyn FnMut(Stage),
) {
    let table = FrameCodes::DECIBEL;
    let layers = engine.model().layers().len();
    on_stage(Stage::FrontEnd);
    let on_frame: &mut dyn FnMut(&[f32]) = &mut |frame| {
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
