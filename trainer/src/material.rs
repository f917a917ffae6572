//! What any number of runs are trained and scored on: one corpus, read and parted once.

use crate::eval::Scores;
use crate::features::ahead;
use crate::net::{Architecture, Net, Network, Standardise};
use crate::train::batches::clips_per_epoch;
use crate::train::hearing::heard;
use crate::train::{
    CorpusIn, LabelledClip, Outcome, Progress, RunFile, RunState, Task, TrainError, probabilities, scores,
    train,
};
use candle_core::Device;
use runtime::mel::{FrameCodes, MelConfig};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A corpus ready to be trained on, as often as wanted and from several threads.
pub struct Material<'a> {
    /// Tags in order.
    pub tags: &'a [String],
    /// Clips to fit.
    pub train: Vec<LabelledClip<'a>>,
    /// Clips to stop and to choose by.
    pub validation: Vec<LabelledClip<'a>>,
    /// Clips to report on.
    pub test: Vec<LabelledClip<'a>>,
    /// Where to compute.
    pub device: Device,
    /// Where the codes are kept.
    pub corpus_in: CorpusIn,
    mel: MelConfig,
    codes: FrameCodes,
    /// For networks that slide, and for the others, which take the means away as codes.
    standardise: [Standardise; 2],
}

impl<'a> Material<'a> {
    /// Measures the standardisation of the training clips. `parts` are the clips to train, to validate and to test.
    pub fn new(
        tags: &'a [String],
        mel: &MelConfig,
        [train, validation, test]: [Vec<LabelledClip<'a>>; 3],
        device: Device,
        corpus_in: CorpusIn,
    ) -> Self {
        let codes = FrameCodes::of(mel.compression);
        let standardise = [false, true].map(|on_grid| {
            let frames = ahead(train.iter().map(|clip| clip.codes));
            Standardise::measure_on_grid(frames, mel.mel_bands, |code| codes.decode(code), on_grid)
        });
        Self { tags, train, validation, test, device, corpus_in, mel: *mel, codes, standardise }
    }

    /// What a network of this shape hears: as `trainer train` standardises it.
    pub fn standardise(&self, architecture: &Architecture) -> &Standardise {
        &self.standardise[usize::from(!architecture.slides())]
    }

    /// What tells all clips, and how they are parted, from others: results that are kept speak of these alone.
    pub fn fingerprint_of_all(&self) -> String {
        let parts = [&self.train, &self.validation, &self.test];
        let counts = parts.map(|clips| clips.len().to_string()).join("/");
        let all: Vec<LabelledClip<'_>> = parts.into_iter().flatten().copied().collect();
        format!("{counts} {}", crate::train::checkpoint::fingerprint(&all))
    }

    /// What tells these training clips from others.
    pub fn fingerprint(&self) -> String {
        crate::train::checkpoint::fingerprint(&self.train)
    }

    /// [`architecture`] of a run on this corpus.
    ///
    /// # Errors
    /// As [`architecture`].
    pub fn architecture(&self, run: &RunFile) -> Result<Architecture, String> {
        architecture(run, self.mel.mel_bands, self.tags.len())
    }

    /// Crops that one epoch of a run hears: one of each clip, or more of those with labels for their windows.
    ///
    /// # Errors
    /// As [`architecture`].
    pub fn clips_per_epoch(&self, run: &RunFile) -> Result<usize, String> {
        let frames = run.recipe.crop(self.architecture(run)?.receptive_field());
        let crops = heard(&self.train, run.recipe.crops_per_clip, self.mel.mel_bands, frames).len();
        Ok(clips_per_epoch(crops, run.recipe.batch_size))
    }

    /// Trains a run, or goes on where its `checkpoint` stopped.
    ///
    /// # Errors
    /// As [`train`].
    pub fn fit(
        &self,
        run: &RunFile,
        checkpoint: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, TrainError> {
        let architecture = self.architecture(run).map_err(TrainError::Settings)?;
        let decode = |code: u8| self.codes.decode(code);
        let task = Task {
            architecture: &architecture,
            tags: self.tags,
            standardise: self.standardise(&architecture),
            decode: &decode,
            train: &self.train,
            validation: &self.validation,
            corpus_in: self.corpus_in,
        };
        train(&task, &run.recipe, &self.device, checkpoint, checkpoint.exists(), stop, progress)
    }

    /// As [`Material::fit`], but pauses after epoch `until`. The run's settings still speak of all its epochs, so that
    /// the learning rate goes on as if nothing had happened when the run does. Gives the state, and whether `stop` came
    /// before that epoch.
    ///
    /// # Errors
    /// As [`train`].
    pub fn fit_until(
        &self,
        run: &RunFile,
        until: usize,
        checkpoint: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<(RunState, bool), TrainError> {
        if checkpoint.exists() {
            let state = crate::train::Checkpoint::read(checkpoint)?.state;
            // Killed after its last checkpoint and before anybody wrote down that it was there.
            if state.epoch >= until && state.data == self.fingerprint() && state.config == run.recipe {
                return Ok((state, false));
            }
        }
        let pause = AtomicBool::new(stop.load(Ordering::Relaxed));
        let mut watch = Until { progress, until, stop, pause: &pause };
        let outcome = self.fit(run, checkpoint, &pause, &mut watch)?;
        let stopped = outcome.interrupted && outcome.state.epoch < until;
        Ok((outcome.state, stopped))
    }

    /// A network's answers on clips of this corpus.
    ///
    /// # Errors
    /// When candle fails, or the answers are not finite.
    pub fn score(&self, network: &Net, clips: &[LabelledClip<'_>], threshold: f32) -> Result<Scores, String> {
        let standardise = self.standardise(network.architecture());
        let table = standardise.table(|code| self.codes.decode(code));
        let p = probabilities(network, clips, &table, &self.device).map_err(|e| e.to_string())?;
        self.scores(clips, p, threshold)
    }

    /// Answers kept from earlier, with the clips' labels.
    ///
    /// # Errors
    /// When there are too many or too few, or they are not finite.
    pub fn scores(&self, clips: &[LabelledClip<'_>], p: Vec<f32>, threshold: f32) -> Result<Scores, String> {
        let scores = scores(self.tags, clips, p).and_then(|s| s.with_positive_threshold(threshold));
        scores.map_err(|e| e.to_string())
    }
}

/// The network that a run asks for.
///
/// # Errors
/// When there is no such network, or it hears more at once than the run's crops are long.
pub fn architecture(run: &RunFile, mel_bands: usize, tags: usize) -> Result<Architecture, String> {
    let architecture = Architecture::new(run.model, run.budget, mel_bands, &run.pools, tags)?;
    let (field, crop) = (architecture.receptive_field(), run.recipe.crop_frames);
    if run.recipe.crop(field) < field {
        return Err(format!("{} hears {field} frames at once, and a crop of {crop} is too short", run.model));
    }
    Ok(architecture)
}

/// Asks the loop to stop after an epoch.
struct Until<'a> {
    progress: &'a mut dyn Progress,
    until: usize,
    stop: &'a AtomicBool,
    pause: &'a AtomicBool,
}

impl Progress for Until<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) {
        self.progress.step(epoch, step, steps, loss);
        if self.stop.load(Ordering::Relaxed) {
            self.pause.store(true, Ordering::Relaxed);
        }
    }

    fn epoch(&mut self, record: &crate::train::EpochRecord, best: bool) {
        self.progress.epoch(record, best);
        if record.epoch >= self.until {
            self.pause.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells of a run while it lasts; one for any number of runs.
pub trait Watch: Sync {
    /// A run begins, or goes on.
    fn begin(&self, name: &str, epochs: usize) -> Box<dyn Progress + '_>;
    /// A line about a run, when it has ended.
    fn said(&self, line: &str);
    /// So many runs are done of so many.
    fn done(&self, done: usize, of: usize);
}

/// Nobody watches.
impl Watch for () {
    fn begin(&self, _: &str, _: usize) -> Box<dyn Progress + '_> {
        Box::new(())
    }
    fn said(&self, _: &str) {}
    fn done(&self, _: usize, _: usize) {}
}

impl Progress for () {
    fn step(&mut self, _: usize, _: usize, _: usize, _: f64) {}
    fn epoch(&mut self, _: &crate::train::EpochRecord, _: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_clips_are_not_counted() {
        for (clips, batch_size, want) in
            [(210, 16, 208), (216, 16, 216), (32, 16, 32), (5, 16, 5), (12, 16, 12), (33, 1, 33), (33, 2, 32)]
        {
            assert_eq!(clips_per_epoch(clips, batch_size), want, "{clips} by {batch_size}");
        }
    }

    #[test]
    fn other_clips_to_test_are_other_clips() {
        let codes = vec![100; 9600];
        let clip = |label: &'static [f32]| LabelledClip::whole(&codes, label);
        let tags = ["a".to_string()];
        let of = |parts: [Vec<LabelledClip<'_>>; 3]| {
            Material::new(&tags, &MelConfig::MINIM, parts, Device::Cpu, CorpusIn::Host).fingerprint_of_all()
        };
        let (yes, no) = (clip(&[1.0]), clip(&[0.0]));
        let first = of([vec![yes, no], vec![yes], vec![no]]);
        assert_eq!(first, of([vec![yes, no], vec![yes], vec![no]]));
        assert_ne!(first, of([vec![yes, no], vec![yes], vec![yes]]));
        assert_ne!(first, of([vec![yes, no], vec![yes, no], vec![]]));
    }

    #[test]
    fn networks_hear_what_they_hear_when_trained_alone() {
        let codes: Vec<u8> = (0..9600u32).map(|i| 90 + (i * 37 % 31) as u8).collect();
        let clips = vec![LabelledClip::whole(&codes, &[1.0])];
        let (mel, tags) = (MelConfig::MINIM, ["a".to_string()]);
        let parts = [clips, Vec::new(), Vec::new()];
        let material = Material::new(&tags, &mel, parts, Device::Cpu, CorpusIn::Host);
        let level = FrameCodes::of(mel.compression);
        let decode = |code| level.decode(code);
        for model in crate::net::Model::ALL {
            let architecture = material.architecture(&RunFile { model, ..Default::default() }).unwrap();
            let one = std::iter::once(&codes[..]);
            let alone = Standardise::measure_on_grid(one, mel.mel_bands, decode, !architecture.slides());
            assert_eq!(*material.standardise(&architecture), alone, "{model}");
        }
    }

    #[test]
    fn networks_that_hear_more_than_a_crop_are_refused() {
        let mut run = RunFile::default();
        assert!(architecture(&run, 96, 19).is_ok());
        run.recipe.crop_frames = 1278;
        assert!(architecture(&run, 96, 19).unwrap_err().contains("1279"));
        run.pools = vec![4, 4, 2, 1];
        assert!(architecture(&run, 96, 19).is_ok());
        assert!(architecture(&run, 96, 0).is_err());
    }
}
