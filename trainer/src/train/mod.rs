//! Training: batches, loss, optimiser, schedule, checkpoints and the loop that joins them.
//!
//! Everything random is drawn from `(seed, epoch, place)`, never from a generator that runs along: a run that is
//! resumed in the middle of an epoch draws what it would have drawn.

pub mod adamw;
pub mod batches;
pub mod checkpoint;
pub mod config;
pub mod exchange;
pub mod fit;
pub mod loss;
#[cfg(feature = "nccl")]
pub mod nccl;
mod run;
pub mod score;

pub use batches::{Batch, LabelledClip};
pub use checkpoint::{Checkpoint, CheckpointError, EpochRecord, RunState};
pub use config::{Balance, TrainConfig};
pub use run::{Outcome, Progress, Task, TrainError, train};
pub use score::{probabilities, scores};
