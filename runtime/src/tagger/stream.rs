//! Tagging while the music comes.

use super::song::Answers;
use super::{SongTags, Tagger, TaggerError, windows};
use crate::mel::{self, AnyLogMel};
use crate::pcm::{self, Pcm};
use crate::resample::PieceResampler;
use std::borrow::Borrow;

/// How soon windows are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Many at a time, which takes the least work: for files.
    #[default]
    Steady,
    /// Each as soon as its music has come: for what plays now.
    Live,
}

/// Tags a song while its samples come, in pieces of any length and in memory that hardly grows with it: 10 MB and some
/// 1 kB for every window. The answers are those of [`Tagger::tag`] on the whole song, bit for bit where the integer
/// engine runs, whatever the pieces.
///
/// ```no_run
/// use runtime::decode::AudioStream;
/// use runtime::pcm::Pcm;
/// use runtime::tagger::{Pace, TagStream, Tagger};
///
/// let tagger = Tagger::load("models/k2c1-msd50")?;
/// let mut audio = AudioStream::open("song.mp3".as_ref())?;
/// let mut song = TagStream::new(&tagger, Pace::Live);
/// while let Some(block) = audio.next()? {
///     let before = song.windows();
///     song.push(Pcm::new(block.sample_rate, block.mono))?;
///     for window in before..song.windows() {
///         println!("{:?}", song.probabilities(window));
///     }
/// }
/// println!("{:?}", song.finish()?.top::<5>());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One stream may hear one song after the other, which saves making its filters for each.
///
/// `T` is `&Tagger`, `Arc<Tagger>`, or what else lends one.
#[derive(Debug)]
pub struct TagStream<T> {
    tagger: T,
    pace: Pace,
    /// From the first samples on, which say the rate.
    ear: Option<Ear>,
    /// Frames that windows still need, `[frames, mel_bands]`, from the next window's first on.
    frames: Vec<f32>,
    answers: Answers,
    windows: usize,
    samples: u64,
    peak: f32,
}

/// From samples at the music's rate to frames.
#[derive(Debug)]
struct Ear {
    sample_rate: u32,
    resampler: PieceResampler,
    mel: AnyLogMel,
}

impl Ear {
    fn new(sample_rate: u32, config: &mel::MelConfig) -> Result<Self, TaggerError> {
        let resampler = PieceResampler::new(sample_rate, config.sample_rate)?;
        Ok(Self { sample_rate, resampler, mel: AnyLogMel::new(config)? })
    }

    fn push(&mut self, samples: &[f32], frames: &mut Vec<f32>) -> Result<(), TaggerError> {
        let Self { resampler, mel, .. } = self;
        let mut heard = Ok(());
        resampler.push(samples, |piece| heard = hear(mel, piece, frames));
        Ok(heard?)
    }

    fn flush(&mut self, frames: &mut Vec<f32>) -> Result<(), TaggerError> {
        let Self { resampler, mel, .. } = self;
        let mut heard = Ok(());
        resampler.flush(|piece| heard = hear(mel, piece, frames));
        mel.flush(|frame| frames.extend_from_slice(frame));
        Ok(heard?)
    }
}

fn hear(mel: &mut AnyLogMel, samples: &[f32], frames: &mut Vec<f32>) -> Result<(), mel::MelError> {
    let sample_rate = mel.config().sample_rate;
    mel.push(Pcm::new(sample_rate, samples), |frame| frames.extend_from_slice(frame))
}

impl<T: Borrow<Tagger>> TagStream<T> {
    /// The rate in hertz at which the model hears; all above half of it is lost on it.
    pub fn sample_rate(&self) -> u32 {
        self.tagger.borrow().mel_config().sample_rate
    }

    /// A stream that has heard nothing.
    pub fn new(tagger: T, pace: Pace) -> Self {
        let (frames, answers) = (Vec::new(), Answers::default());
        Self { tagger, pace, ear: None, frames, answers, windows: 0, samples: 0, peak: 0.0 }
    }

    /// Takes the next samples. A song's first ones say at what rate all of them are.
    ///
    /// # Errors
    /// When a sample is not finite, the rate changes or cannot be resampled, or the network fails. The song is spoilt
    /// then; [`restart`](Self::restart) makes the stream ready for another.
    pub fn push(&mut self, pcm: Pcm<'_>) -> Result<(), TaggerError> {
        let not_finite = |index| TaggerError::NotFinite { index: self.samples as usize + index };
        let peak = pcm::peak(pcm.samples).map_err(not_finite)?;
        let of_last_song = self.samples == 0;
        let ear = match &mut self.ear {
            Some(ear) if !of_last_song || ear.sample_rate == pcm.sample_rate => ear,
            _ => self.ear.insert(Ear::new(pcm.sample_rate, self.tagger.borrow().mel_config())?),
        };
        if ear.sample_rate != pcm.sample_rate {
            let (expected, found) = (ear.sample_rate, pcm.sample_rate);
            return Err(mel::MelError::PcmRate { expected, found }.into());
        }
        self.samples += pcm.samples.len() as u64;
        self.peak = self.peak.max(peak);
        // Little enough at once that the frames of a long piece do not pile up.
        let most = 10 * pcm.sample_rate as usize;
        for piece in pcm.samples.chunks(most) {
            ear.push(piece, &mut self.frames)?;
            let input = &self.tagger.borrow().card().input;
            let at_once = match self.pace {
                Pace::Steady => windows::per_pass(input),
                Pace::Live => 1,
            };
            let bands = self.tagger.borrow().mel_config().mel_bands;
            let frames = self.frames.len() / bands;
            if frames >= windows::span(input, at_once) {
                let windows = windows::count(input, frames);
                self.answers.extend(self.tagger.borrow().run(&self.frames, windows)?);
                self.windows += windows;
                self.frames.drain(..windows * input.hop_frames * bands);
            }
        }
        Ok(())
    }

    /// Windows that were heard so far.
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// Seconds of music so far.
    pub fn seconds(&self) -> f64 {
        self.ear.as_ref().map_or(0.0, |ear| self.samples as f64 / f64::from(ear.sample_rate))
    }

    /// Probabilities of a window that was heard, one for each tag.
    ///
    /// # Panics
    /// Beyond the [`windows`](Self::windows).
    pub fn probabilities(&self, window: usize) -> &[f32] {
        let tags = self.tagger.borrow().tags().len();
        &self.answers.probabilities[window * tags..][..tags]
    }

    /// What was heard so far; nothing before the first window.
    pub fn so_far(&self) -> Option<SongTags> {
        let tags = self.tagger.borrow().tags.clone();
        (self.windows > 0).then(|| SongTags::new(tags, self.seconds(), self.answers.clone()))
    }

    /// Forgets the song: the next push begins another.
    pub fn restart(&mut self) {
        // What it holds of the song's last samples goes with it.
        self.ear = None;
        self.begin();
    }

    fn begin(&mut self) -> Answers {
        self.frames.clear();
        (self.windows, self.samples, self.peak) = (0, 0, 0.0);
        std::mem::take(&mut self.answers)
    }

    /// Ends the song: as [`Tagger::tag`], a song that is shorter than a window is repeated until it fills it. The next
    /// push begins another.
    ///
    /// # Errors
    /// When there is nothing to hear ([`TaggerError::Empty`], [`TaggerError::Silent`]), or the network fails.
    pub fn finish(&mut self) -> Result<SongTags, TaggerError> {
        let ended = self.end();
        if ended.is_err() {
            self.restart();
        }
        ended
    }

    fn end(&mut self) -> Result<SongTags, TaggerError> {
        let seconds = self.seconds();
        let Some(ear) = self.ear.as_mut().filter(|_| self.samples > 0) else {
            return Err(TaggerError::Empty);
        };
        if self.peak < super::SILENCE {
            return Err(TaggerError::Silent { peak: self.peak });
        }
        ear.flush(&mut self.frames)?;
        let tagger = self.tagger.borrow();
        let (frames, input) = (self.frames.len() / tagger.mel_config().mel_bands, &tagger.card().input);
        if self.windows == 0 || frames >= input.frames {
            let last = tagger.run(&self.frames, windows::count(input, frames))?;
            self.answers.extend(last);
        }
        let answers = self.begin();
        Ok(SongTags::new(self.tagger.borrow().tags.clone(), seconds, answers))
    }
}
