//! The training loop.

use super::adamw::AdamW;
use super::batches::{Batch, Batcher, LabelledClip, tag_shares};
use super::checkpoint::{Checkpoint, CheckpointError, EpochRecord, RunState};
use super::config::TrainConfig;
use super::loss::masked_bce;
use super::score::{probabilities, scores};
use crate::net::{Architecture, Dice, Net, Network, Standardise, load};
use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// There is nothing to learn from.
    #[error("there are no training clips")]
    NoClips,
}

/// Where the loop tells how it gets on.
pub trait Progress {
    /// A step is done.
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
}

/// Checkpoints are also written inside long epochs.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);

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
    if task.train.is_empty() {
        return Err(TrainError::NoClips);
    }
    let mut run = Run::new(task, config, device)?;
    if resume {
        run.take(Checkpoint::read(checkpoint)?, checkpoint)?;
    }
    let interrupted = run.go(checkpoint, stop, progress)?;
    run.finish(interrupted)
}

struct Run<'a> {
    task: &'a Task<'a>,
    config: &'a TrainConfig,
    device: &'a Device,
    table: Vec<[f32; 256]>,
    network: Net,
    optimiser: AdamW,
    state: RunState,
    best: HashMap<String, Tensor>,
}

impl<'a> Run<'a> {
    fn new(task: &'a Task<'a>, config: &'a TrainConfig, device: &'a Device) -> Result<Self, TrainError> {
        let mut network = Net::new(task.architecture, config.seed, device)?;
        network.set_prior(&tag_shares(task.train))?;
        let optimiser = AdamW::new(network.parameters(), config.weight_decay)?;
        let (tags, data) = (task.tags.to_vec(), fingerprint(task.train));
        let state =
            RunState::new(config.clone(), task.architecture.clone(), tags, task.standardise.clone(), data);
        let table = task.standardise.table(task.decode);
        Ok(Self { task, config, device, table, network, optimiser, state, best: HashMap::new() })
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
        load(&mut self.network, &checkpoint.tensors)?;
        self.optimiser.load(&checkpoint.tensors, old.optimiser_steps)?;
        self.best = checkpoint.below("best.");
        self.state = checkpoint.state;
        Ok(())
    }

    fn go(
        &mut self,
        path: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<bool, TrainError> {
        let batcher = Batcher::new(self.task.train, self.table.clone(), self.config);
        while self.state.epoch < self.config.epochs && !self.patience_is_over() {
            if !self.epoch(&batcher, path, stop, progress)? {
                self.write(path)?;
                return Ok(true);
            }
            self.write(path)?;
        }
        Ok(false)
    }

    fn patience_is_over(&self) -> bool {
        self.state.best.is_some_and(|(epoch, _)| self.state.epoch >= epoch + self.config.patience)
    }

    /// Runs the rest of an epoch; false when asked to stop before its end.
    fn epoch(
        &mut self,
        batcher: &Batcher<'_>,
        path: &Path,
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<bool, TrainError> {
        let (epoch, first, steps) = (self.state.epoch, self.state.step, batcher.steps());
        let (started, mut written) = (Instant::now(), Instant::now());
        let finished = std::thread::scope(|scope| -> Result<bool, TrainError> {
            // The next batches are made while this one trains.
            let (send, receive) = std::sync::mpsc::sync_channel::<Batch>(2);
            scope.spawn(move || {
                let order = batcher.order(epoch);
                for step in first..steps {
                    if send.send(batcher.batch(&order, epoch, step)).is_err() {
                        return;
                    }
                }
            });
            for batch in receive {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let loss = self.step(batch, steps)?;
                progress.step(epoch + 1, self.state.step, steps, loss);
                if written.elapsed() > CHECKPOINT_EVERY {
                    self.write(path)?;
                    written = Instant::now();
                }
            }
            Ok(true)
        })?;
        if finished {
            self.end_epoch(steps, started.elapsed(), progress)?;
        }
        Ok(finished)
    }

    fn step(&mut self, batch: Batch, steps: usize) -> Result<f64, TrainError> {
        let (tags, bands) = (self.task.tags.len(), self.table.len());
        let x = Tensor::from_vec(batch.x, (batch.clips, bands, self.config.crop_frames), self.device)?;
        let targets = Tensor::from_vec(batch.targets, (batch.clips, tags), self.device)?;
        let weights = Tensor::from_vec(batch.weights, (batch.clips, tags), self.device)?;
        let dice = Dice { seed: self.config.seed, step: self.optimiser.steps() as u64 };
        let loss = masked_bce(&self.network.forward_train(&x, dice)?, &targets, &weights)?;
        let gradients = loss.backward()?;
        let rate = self.config.learning_rate_at(self.optimiser.steps(), self.config.epochs * steps);
        self.optimiser.step(&gradients, rate)?;
        let loss = f64::from(loss.to_scalar::<f32>()?);
        if !loss.is_finite() {
            return Err(TrainError::Diverged(loss, self.state.epoch + 1));
        }
        self.state.step += 1;
        self.state.loss_sum += loss;
        self.state.optimiser_steps = self.optimiser.steps();
        Ok(loss)
    }

    fn end_epoch(
        &mut self,
        steps: usize,
        took: Duration,
        progress: &mut dyn Progress,
    ) -> Result<(), TrainError> {
        let (auc, loss) = self.validate()?;
        let record = EpochRecord {
            epoch: self.state.epoch + 1,
            train_loss: self.state.loss_sum / steps as f64,
            validation_loss: loss,
            validation_auc: auc,
            seconds: took.as_secs_f64(),
        };
        // Without validation clips the latest weights are the best there is to say.
        let merit = auc.or(loss.map(|l| -l)).unwrap_or(record.epoch as f64);
        let best = self.state.best.is_none_or(|(_, so_far)| merit > so_far);
        self.state.epoch += 1;
        (self.state.step, self.state.loss_sum) = (0, 0.0);
        if best {
            self.state.best = Some((record.epoch, merit));
            self.best = network_tensors(&self.network)?;
        }
        progress.epoch(&record, best);
        self.state.history.push(record);
        Ok(())
    }

    /// Mean AUC over the tags that have one, and loss.
    fn validate(&self) -> Result<(Option<f64>, Option<f64>), TrainError> {
        let clips = self.task.validation;
        if clips.is_empty() {
            return Ok((None, None));
        }
        let p = probabilities(&self.network, clips, &self.table, self.device)?;
        let labels = clips.iter().flat_map(|c| c.labels);
        let (sum, count) =
            labels.zip(&p).filter(|(l, _)| !l.is_nan()).fold((0.0, 0u32), |(sum, n), (&l, &p)| {
                let (l, p) = (f64::from(l), f64::from(p).clamp(1e-7, 1.0 - 1e-7));
                (sum - l * p.ln() - (1.0 - l) * (1.0 - p).ln(), n + 1)
            });
        let loss = (count > 0).then(|| sum / f64::from(count));
        let scored = scores(self.task.tags, clips, p)
            .and_then(|s| s.with_positive_threshold(self.config.positive_threshold));
        let Ok(scores) = scored else { return Ok((None, loss)) };
        let aucs: Vec<f64> =
            (0..self.task.tags.len()).filter_map(|t| Some(scores.ranking(t).ok()?.auc())).collect();
        let auc = (!aucs.is_empty()).then(|| aucs.iter().sum::<f64>() / aucs.len() as f64);
        Ok((auc, loss))
    }

    fn write(&self, path: &Path) -> Result<(), TrainError> {
        let mut tensors = network_tensors(&self.network)?;
        tensors.extend(self.optimiser.state()?);
        tensors.extend(self.best.iter().map(|(n, t)| (format!("best.{n}"), t.clone())));
        Checkpoint { state: self.state.clone(), tensors }.write(path)?;
        Ok(())
    }

    fn finish(mut self, interrupted: bool) -> Result<Outcome, TrainError> {
        if !self.best.is_empty() {
            load(&mut self.network, &self.best)?;
        }
        Ok(Outcome { network: self.network, state: self.state, interrupted })
    }
}

/// Copies of a network's parameters and buffers, by name.
fn network_tensors(network: &dyn Network) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut tensors = HashMap::new();
    for (name, var) in network.parameters() {
        tensors.insert(name, var.as_detached_tensor().to_device(&Device::Cpu)?.copy()?);
    }
    for (name, values) in network.buffers() {
        tensors.insert(name, values.to_device(&Device::Cpu)?);
    }
    Ok(tensors)
}

/// SHA-256 of the clips' lengths, a sample of their codes and their labels: enough to tell another corpus, or another
/// order, without reading all of a corpus larger than memory.
fn fingerprint(clips: &[LabelledClip<'_>]) -> String {
    let mut hash = Sha256::new();
    for clip in clips {
        hash.update((clip.codes.len() as u64).to_le_bytes());
        let middle = clip.codes.len() / 2;
        hash.update(&clip.codes[middle..(middle + 64).min(clip.codes.len())]);
        clip.labels.iter().for_each(|l| hash.update(l.to_bits().to_le_bytes()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
