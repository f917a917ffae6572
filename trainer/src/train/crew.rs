//! The other ranks of a training, each on a thread of its own.

use super::batches::Batch;
use super::exchange::GONE;
use super::learner::{CropShape, Learner};
use super::time::{Lap, StepTime};
use candle_core::Result;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Ranks that wait for their shares of batches; none where there is one device.
pub struct Crew<'scope> {
    members: Vec<Member<'scope>>,
}

struct Member<'scope> {
    /// Takes shares and the learning rates of their steps.
    shares: SyncSender<(Batch, f64)>,
    thread: ScopedJoinHandle<'scope, Result<()>>,
}

impl<'scope> Crew<'scope> {
    /// Starts a thread for each learner.
    pub fn start<'env, 'a: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        learners: impl Iterator<Item = Learner<'a>>,
        shape: CropShape,
    ) -> Self {
        let start = |mut learner: Learner<'a>| {
            let (shares, received) = sync_channel::<(Batch, f64)>(1);
            let thread = scope.spawn(move || {
                for (batch, rate) in received {
                    learner.step(batch, None, shape, rate, (&mut Lap::start(), &mut StepTime::default()))?;
                }
                Ok(())
            });
            Member { shares, thread }
        };
        Self { members: learners.map(start).collect() }
    }

    /// Hands out shares of a batch for a step at a learning rate and gives back the first rank's.
    ///
    /// # Errors
    /// When the batch cannot be shared, or a rank has ended.
    pub fn share(&self, batch: Batch, rate: f64) -> std::result::Result<Batch, String> {
        if self.members.is_empty() {
            return Ok(batch);
        }
        let mut parts = batch.split(self.members.len() + 1)?.into_iter();
        let first = parts.next().ok_or("a batch without clips")?;
        for (member, part) in self.members.iter().zip(parts) {
            member.shares.send((part, rate)).map_err(|_| GONE.to_string())?;
        }
        Ok(first)
    }

    /// Waits for all to end, which they do when there are no more shares; gives the first error of theirs.
    pub fn end(self) -> Option<candle_core::Error> {
        // Dropping the senders is what ends the threads.
        let threads: Vec<_> = self.members.into_iter().map(|member| member.thread).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.filter_map(Result::err).next()
    }
}
