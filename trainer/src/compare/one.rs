//! One run of a comparison: trained, scored on the test clips, nothing exported.

use super::drive::Ended;
use super::record::{ANSWERS, CHECKPOINT, Finished, RunResult, write_answers};
use super::stats::median;
use crate::eval::mean_auc_resampled;
use crate::material::{Material, Watch};
use crate::train::{EpochRecord, RunFile};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Clips whose training time is told, as the paper tells it.
pub const CLIPS: f64 = 2500.0;

/// Trains `run` in `folder`, or goes on there, and scores it. `device` is what to call the device.
///
/// # Errors
/// Why there is no network, or no score.
pub fn train_one(
    material: &Material<'_>,
    run: &RunFile,
    folder: &Path,
    device: &str,
    stop: &AtomicBool,
    watch: &dyn Watch,
) -> Result<Ended, String> {
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut progress = watch.begin(&name, run.recipe.epochs);
    let outcome =
        material.fit(run, &folder.join(CHECKPOINT), stop, &mut *progress).map_err(|e| e.to_string())?;
    if outcome.interrupted {
        return Ok(Ended::Stopped);
    }
    let state = &outcome.state;
    let scores = material.score(&outcome.network, &material.test, run.recipe.positive_threshold)?;
    let mean_auc = mean_auc_resampled(&scores, 0, 0)
        .ok_or("no tag has both a positive and a negative test clip")?
        .mean_auc;
    write_answers(&folder.join(ANSWERS), material.tags.len(), scores.probabilities())
        .map_err(|e| e.to_string())?;
    let best_epoch = state.best.map_or(state.epoch, |(epoch, _)| epoch);
    Ok(Ended::With(RunResult::Finished(Finished {
        mean_auc,
        validation_auc: state.history.get(best_epoch.wrapping_sub(1)).and_then(|r| r.validation_auc),
        best_epoch,
        epochs: state.epoch,
        seconds: state.history.iter().map(|epoch| epoch.seconds).sum(),
        seconds_per_2500: seconds_per_2500(&state.history, material.clips_per_epoch(run)?),
        threads: rayon::current_num_threads(),
        device: device.to_string(),
    })))
}

/// The median over the epochs: one that was slow because the machine was busy, or short because it was resumed in its
/// middle, does not change it.
fn seconds_per_2500(history: &[EpochRecord], clips_per_epoch: usize) -> f64 {
    let seconds: Vec<f64> = history.iter().map(|epoch| epoch.seconds).collect();
    median(&seconds) / clips_per_epoch as f64 * CLIPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::StepTime;

    #[test]
    fn time_is_told_of_the_middle_epoch() {
        let epoch = |seconds| EpochRecord {
            epoch: 1,
            train_loss: 0.5,
            validation_loss: None,
            validation_auc: None,
            validation_agreement: None,
            seconds,
            time: StepTime::default(),
        };
        let history = [epoch(3.0), epoch(2.0), epoch(40.0)];
        assert_eq!(seconds_per_2500(&history, 250), 30.0);
    }
}
