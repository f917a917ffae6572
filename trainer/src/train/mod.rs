//! Training: batches, augmentation, loss, optimiser, schedule, averages, checkpoints and the loop that joins them.
//!
//! Everything random is drawn from `(seed, epoch, place)`, never from a generator that runs along: a run that is
//! resumed in the middle of an epoch draws what it would have drawn.

pub mod adamw;
pub mod augment;
pub mod batches;
pub mod calibrate;
pub mod checkpoint;
pub mod clip;
pub mod config;
mod crew;
pub mod ema;
pub mod exchange;
pub mod fit;
pub mod hearing;
mod learner;
pub mod loss;
#[cfg(feature = "nccl")]
pub mod nccl;
pub mod precision;
pub mod resident;
mod run;
pub mod run_file;
pub mod schedule;
pub mod score;
pub mod segments;
pub mod time;
pub mod windows;

pub use augment::{Augment, Augments};
pub use batches::{Batch, LabelledClip};
pub use calibrate::{Calibrated, calibrate};
pub use checkpoint::{Checkpoint, CheckpointError, EpochRecord, RunState};
pub use config::{Balance, Precision, TrainConfig};
pub use exchange::Ranks;
pub use hearing::CropsPerClip;
pub use loss::{LogitScale, Loss};
pub use resident::CorpusIn;
pub use run::{Outcome, Progress, Task, TrainError, train, train_on};
pub use run_file::{RunFile, RunFileError};
pub use schedule::Schedule;
pub use score::{probabilities, scores, taught};
pub use time::StepTime;
pub use windows::Windows;
