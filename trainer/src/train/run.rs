//! The training loop.

use super::batches::{Answers, Batch, Batcher, LabelledClip};
use super::checkpoint::{Checkpoint, CheckpointError, EpochRecord, RunState, fingerprint};
use super::config::TrainConfig;
use super::crew::Crew;
use super::exchange::{GONE, Ranks};
use super::hearing::heard;
use super::learner::{CropShape, Learner, snapshot};
use super::precision::Multiplying;
use super::resident::{CorpusIn, Resident};
use super::score::validate;
use super::time::{Lap, StepTime};
use crate::net::{Architecture, Net, Network, Standardise, load};
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Why training ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// candle failed.
    #[error("training: {0}")]
    Candle(#[from] candle_core::Error),
    /// The checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another run.
    #[error(
        "cannot resume {path}: its {what} differ from this run's; start anew in another folder or without --resume"
    )]
    OtherRun {
        /// The checkpoint.
        path: String,
        /// What differs.
        what: &'static str,
    },
    /// The loss is no number any more.
    #[error("the loss became {0} in epoch {1}: a lower --learning-rate may help")]
    Diverged(f64, usize),
    /// The settings make no sense, or not on this device.
    #[error("{0}")]
    Settings(String),
    /// The device has no room for the corpus, or cannot make log-mels of its codes.
    #[error(
        "the corpus cannot be kept in the device's memory ({:.2} GiB of codes): {source}; leave out --corpus-in device",
        *bytes as f64 / f64::from(1 << 30)
    )]
    NoRoom {
        /// Of the codes.
        bytes: usize,
        /// The reason.
        source: candle_core::Error,
    },
    /// There is nothing to learn from.
    #[error("there are no training clips")]
    NoClips,
}

/// Where the loop tells how it gets on.
pub trait Progress {
    /// A step is done. `loss` is the mean over the steps since the device was last asked: on a CPU that is this step,
    /// elsewhere it is asked now and then.
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64);
    /// An epoch is done; `best` when its weights are the best so far.
    fn epoch(&mut self, record: &EpochRecord, best: bool);
}

/// How training ended.
pub struct Outcome {
    /// The network with the best epoch's weights (the latest when interrupted before any epoch ended).
    pub network: Net,
    /// The run's state.
    pub state: RunState,
    /// True when it was asked to stop: the checkpoint continues where it stopped.
    pub interrupted: bool,
}

/// What to train on.
pub struct Task<'a> {
    /// Shape of the network.
    pub architecture: &'a Architecture,
    /// Tags in order.
    pub tags: &'a [String],
    /// Input standardisation.
    pub standardise: &'a Standardise,
    /// Decibel of each code.
    pub decode: &'a dyn Fn(u8) -> f32,
    /// Clips to fit.
    pub train: &'a [LabelledClip<'a>],
    /// Clips to stop by; may be empty.
    pub validation: &'a [LabelledClip<'a>],
    /// Where the codes of the clips to fit are kept; changes nothing of the result.
    pub corpus_in: CorpusIn,
}

/// Checkpoints are also written inside long epochs.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);

/// Batches that are ready before they are asked for.
const BATCHES_AHEAD: usize = 2;

/// Steps after which a GPU is asked for the loss: often enough for a bar, and to end a run that has diverged.
const READ_EVERY: usize = 50;

/// Trains a network, writing `checkpoint` after every epoch, every five minutes and when `stop` becomes true; continues from
/// that file when `resume`.
///
/// # Errors
/// When there is nothing to train on, the checkpoint is of another run or cannot be written, or the loss diverges.
pub fn train(
    task: &Task<'_>,
    config: &TrainConfig,
    device: &Device,
    checkpoint: &Path,
    resume: bool,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Outcome, TrainError> {
    train_on(task, config, Ranks::one(device), checkpoint, resume, stop, progress)
}

/// [`train`] on several devices at once: each takes its share of every batch, and they step together (see
/// [`super::exchange`]). The first one validates and writes.
///
/// # Errors
/// As [`train`], and when batches cannot be shared by so many.
pub fn train_on(
    task: &Task<'_>,
    config: &TrainConfig,
    ranks: Ranks,
    checkpoint: &Path,
    resume: bool,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Outcome, TrainError> {
    let Ranks { devices, exchanges } = ranks;
    let Some(device) = devices.first() else {
        return Err(TrainError::Settings("training needs at least one device".into()));
    };
    // A last batch may be half of one, and batch norm needs two clips of every share.
    if devices.len() > 1 && config.batch_size < 4 * devices.len() {
        let (batch, ranks) = (config.batch_size, devices.len());
        return Err(TrainError::Settings(format!(
            "--batch-size {batch} is less than four clips for each of {ranks} devices"
        )));
    }
    if devices.len() > 1 && task.corpus_in == CorpusIn::Device {
        return Err(TrainError::Settings("--corpus-in device works with one device".into()));
    }
    if task.train.is_empty() {
        return Err(TrainError::NoClips);
    }
    config.validate().map_err(TrainError::Settings)?;
    let a = task.architecture;
    let frames = config.crop(a.receptive_field());
    let crops = heard(task.train, config.crops_per_clip, a.mel_bands, frames).len();
    if config.batch_size.min(crops) * a.normalised_values(frames).min(2) < 2 {
        let network = a.network;
        return Err(TrainError::Settings(format!(
            "{network} needs at least two clips per step: of one clip its batch norm has a single value, which is its own \
             mean. Raise --batch-size (now {}) or give it more than {} training clips",
            config.batch_size,
            task.train.len()
        )));
    }
    let _multiplying = Multiplying::by(config.precision, device).map_err(TrainError::Settings)?;
    let mut run = Run::new(task, config, device)?;
    for device in &devices[1..] {
        run.others.push(Learner::new(config, task.architecture, task.train, device)?);
    }
    if resume {
        run.take(Checkpoint::read(checkpoint)?, checkpoint)?;
    }
    for (learner, exchange) in std::iter::once(&mut run.learner).chain(&mut run.others).zip(exchanges) {
        learner.join(exchange);
    }
    let interrupted = run.go(checkpoint, stop, progress)?;
    run.finish(interrupted)
}

struct Run<'a> {
    task: &'a Task<'a>,
    config: &'a TrainConfig,
    device: &'a Device,
    shape: CropShape,
    learner: Learner<'a>,
    /// Those of the other ranks.
    others: Vec<Learner<'a>>,
    state: RunState,
    best: HashMap<String, Tensor>,
}

impl<'a> Run<'a> {
    fn new(task: &'a Task<'a>, config: &'a TrainConfig, device: &'a Device) -> Result<Self, TrainError> {
        let learner = Learner::new(config, task.architecture, task.train, device)?;
        let (tags, data) = (task.tags.to_vec(), fingerprint(task.train));
        let state =
            RunState::new(config.clone(), task.architecture.clone(), tags, task.standardise.clone(), data);
        let frames = config.crop(task.architecture.receptive_field());
        let shape = CropShape { bands: task.standardise.mean.len(), frames };
        Ok(Self { task, config, device, shape, learner, others: Vec::new(), state, best: HashMap::new() })
    }

    fn take(&mut self, checkpoint: Checkpoint, path: &Path) -> Result<(), TrainError> {
        let (old, new) = (&checkpoint.state, &self.state);
        let differs = |what| Err(TrainError::OtherRun { path: path.display().to_string(), what });
        if old.config != new.config {
            return differs("settings");
        }
        if old.architecture != new.architecture || old.tags != new.tags {
            return differs("network or tags");
        }
        if old.data != new.data || old.standardise != new.standardise {
            return differs("training clips");
        }
        for learner in std::iter::once(&mut self.learner).chain(&mut self.others) {
            learner.load(&checkpoint.tensors, old.optimiser_steps)?;
        }
        self.learner.set_loss_sum(old.loss_sum)?;
        self.best = checkpoint.below(BEST);
        self.state = checkpoint.state;
        Ok(())
    }

    fn go(
        &mut self,
        path: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<bool, TrainError> {
        let Task { train, standardise, decode, corpus_in, .. } = *self.task;
        let resident = (corpus_in == CorpusIn::Device).then(|| {
            let bytes = train.iter().map(|clip| clip.codes.len()).sum();
            Resident::new(train, standardise, decode, self.device)
                .map_err(|source| TrainError::NoRoom { bytes, source })
        });
        let resident = resident.transpose()?;
        let values = resident.is_none();
        let frames = self.shape.frames;
        let answers = Answers::of(self.learner.network.architecture(), frames);
        let batcher = Batcher::new(train, standardise, decode, self.config, frames, answers, values);
        let (config, first_epoch, first_step) = (self.config, self.state.epoch, self.state.step);
        std::thread::scope(|scope| {
            // The next batches are made while this one trains, and the next epoch's first ones during validation.
            let (send, batches) = sync_channel::<Batch>(BATCHES_AHEAD);
            let batcher = &batcher;
            scope.spawn(move || {
                for epoch in first_epoch..config.epochs {
                    let order = batcher.order(epoch);
                    let first = if epoch == first_epoch { first_step } else { 0 };
                    for step in first..batcher.steps() {
                        // Nobody listens any more when the run has ended before its last epoch.
                        if send.send(batcher.batch(&order, epoch, step)).is_err() {
                            return;
                        }
                    }
                }
            });
            let crew = Crew::start(scope, self.others.drain(..), self.shape);
            let went: Result<bool, TrainError> = (|| {
                while self.state.epoch < config.epochs && !self.patience_is_over() {
                    let from = (&batches, &crew);
                    let finished =
                        self.epoch(from, batcher.steps(), resident.as_ref(), path, stop, progress)?;
                    self.write(path)?;
                    if !finished {
                        return Ok(true);
                    }
                }
                Ok(false)
            })();
            self.learner.leave();
            match (went, crew.end()) {
                (Ok(_), Some(error)) => Err(error.into()),
                // What made a rank end says more than that it has ended.
                (Err(told), Some(error)) if told.to_string().contains(GONE) => Err(error.into()),
                (went, _) => went,
            }
        })
    }

    fn patience_is_over(&self) -> bool {
        self.state.best.is_some_and(|(epoch, _)| self.state.epoch >= epoch + self.config.patience)
    }

    /// Runs the rest of an epoch; false when asked to stop before its end.
    fn epoch(
        &mut self,
        (batches, crew): (&Receiver<Batch>, &Crew<'_>),
        steps: usize,
        resident: Option<&Resident>,
        path: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<bool, TrainError> {
        let (started, mut written) = (Instant::now(), Instant::now());
        let mut time = StepTime::default();
        let read_every = if self.device.is_cpu() { 1 } else { READ_EVERY };
        let (mut told, mut told_at) = (self.state.loss_sum, self.state.step);
        let mut loss = f64::NAN;
        while self.state.step < steps {
            let mut lap = Lap::start();
            // Batches only end before their time when their maker has panicked, which the scope then tells.
            let Ok(batch) = batches.recv() else { return Ok(false) };
            lap.add_to(&mut time.waiting);
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let rate = self.config.learning_rate_at(self.learner.steps(), self.config.epochs * steps);
            let batch = crew.share(batch, rate).map_err(TrainError::Settings)?;
            self.learner.step(batch, resident, self.shape, rate, (&mut lap, &mut time))?;
            self.state.step += 1;
            if self.state.step.is_multiple_of(read_every) || self.state.step == steps {
                self.read_loss()?;
                loss = (self.state.loss_sum - told) / (self.state.step - told_at) as f64;
                (told, told_at) = (self.state.loss_sum, self.state.step);
                lap.add_to(&mut time.reading);
            }
            progress.step(self.state.epoch + 1, self.state.step, steps, loss);
            if written.elapsed() > CHECKPOINT_EVERY {
                self.write(path)?;
                written = Instant::now();
            }
        }
        self.end_epoch(steps, started.elapsed(), time, progress)?;
        Ok(true)
    }

    /// Asks the device for the sum of the losses.
    fn read_loss(&mut self) -> Result<(), TrainError> {
        let sum = self.learner.loss_sum()?;
        if !sum.is_finite() {
            return Err(TrainError::Diverged(sum, self.state.epoch + 1));
        }
        self.state.loss_sum = sum;
        Ok(())
    }

    fn end_epoch(
        &mut self,
        steps: usize,
        took: Duration,
        time: StepTime,
        progress: &mut dyn Progress,
    ) -> Result<(), TrainError> {
        let (task, device) = (self.task, self.device);
        let table = task.standardise.table(task.decode);
        let threshold = self.config.positive_threshold;
        let (validated, weights) = self.learner.as_exported(|network| {
            let validated = validate(network, task.tags, task.validation, &table, threshold, device)?;
            Ok((validated, snapshot(network)?))
        })?;
        let record = EpochRecord {
            epoch: self.state.epoch + 1,
            train_loss: self.state.loss_sum / steps as f64,
            validation_loss: validated.loss,
            validation_auc: validated.auc,
            validation_agreement: validated.agreement,
            seconds: took.as_secs_f64(),
            time,
        };
        // Without validation clips the latest weights are the best there is to say.
        let merit = record.merit().or(validated.loss.map(|l| -l)).unwrap_or(record.epoch as f64);
        // What is no number is no merit; it could not be written into a checkpoint either.
        let best = merit.is_finite() && self.state.best.is_none_or(|(_, so_far)| merit > so_far);
        self.state.epoch += 1;
        (self.state.step, self.state.loss_sum) = (0, 0.0);
        self.learner.set_loss_sum(0.0)?;
        if best {
            self.state.best = Some((record.epoch, merit));
            self.best = weights;
        }
        progress.epoch(&record, best);
        self.state.history.push(record);
        Ok(())
    }

    fn write(&mut self, path: &Path) -> Result<(), TrainError> {
        self.read_loss()?;
        self.state.optimiser_steps = self.learner.steps();
        let mut tensors = self.learner.tensors()?;
        tensors.extend(self.best.iter().map(|(n, t)| (format!("{BEST}{n}"), t.clone())));
        Checkpoint { state: self.state.clone(), tensors }.write(path)?;
        Ok(())
    }

    fn finish(self, interrupted: bool) -> Result<Outcome, TrainError> {
        let mut network = self.learner.network;
        if !self.best.is_empty() {
            load(&mut network, &self.best)?;
        }
        Ok(Outcome { network, state: self.state, interrupted })
    }
}

/// Before the names of the best epoch's tensors in a checkpoint.
const BEST: &str = "best.";
