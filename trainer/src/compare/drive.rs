//! Makes the runs of a comparison: those that are not there yet, each in its folder.

use super::plan::RunKey;
use super::record::{self, RecordError, RunResult};
use crate::jobs::{Share, ThreadsError, each};
use crate::material::Watch;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A run's folder cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No threads.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

/// What training a run came to.
pub enum Ended {
    /// With a result, which is written.
    With(RunResult),
    /// It was asked to stop; its checkpoint is in its folder.
    Stopped,
}

/// Makes every run of `runs` that `out` does not hold yet, `share.jobs` at once, by `train`, which is given a folder
/// that may hold a checkpoint of that very run. Gives the result of each; nothing for those that `stop` came before.
/// A run that fails is written down and no reason to end; the next time it is tried again.
///
/// # Errors
/// When a folder holds a run of other settings (before anything is trained), or cannot be written.
#[allow(clippy::too_many_arguments)]
pub fn drive(
    runs: &[RunKey],
    settings: &dyn Fn(&RunKey) -> serde_json::Value,
    out: &Path,
    overwrite: bool,
    share: Share,
    stop: &AtomicBool,
    watch: &dyn Watch,
    train: &(dyn Fn(&RunKey, &Path) -> Result<Ended, String> + Sync),
) -> Result<Vec<Option<RunResult>>, CompareError> {
    let folder = |key: &RunKey| out.join("runs").join(key.to_string());
    let mut results: Vec<Option<RunResult>> = Vec::new();
    for key in runs {
        record::claim(&folder(key), &settings(key), overwrite)?;
        let kept = record::read_json::<RunResult>(&folder(key).join(record::RESULT))?;
        let whole = folder(key).join(record::ANSWERS).exists();
        results.push(kept.filter(|kept| matches!(kept, RunResult::Finished(_)) && whole));
    }
    let waiting: Vec<usize> = (0..runs.len()).filter(|&i| results[i].is_none()).collect();
    if waiting.len() < runs.len() {
        watch.said(&format!("{} of {} runs are there already", runs.len() - waiting.len(), runs.len()));
    }
    let done = AtomicUsize::new(runs.len() - waiting.len());
    watch.done(done.load(Ordering::Relaxed), runs.len());
    // A file that cannot be written ends all: so will the next.
    let broken = std::sync::Mutex::new(None);
    let halt = AtomicBool::new(false);
    let new = each(share, &waiting, &halt, |&i| {
        if stop.load(Ordering::Relaxed) {
            halt.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        let (key, folder) = (&runs[i], folder(&runs[i]));
        let result = match train(key, &folder) {
            Ok(Ended::Stopped) => return Ok(None),
            Ok(Ended::With(result)) => result,
            Err(reason) => RunResult::Failed { reason },
        };
        keep(key, &folder, &result, watch, &done, runs.len()).map_err(|error| {
            halt.store(true, Ordering::Relaxed);
            let said = error.to_string();
            *broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
            said
        })?;
        Ok(Some(result))
    })?;
    if let Some(error) = broken.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error.into());
    }
    for (&i, result) in waiting.iter().zip(new) {
        results[i] = match result {
            None => None,
            Some(Ok(result)) => result,
            Some(Err(reason)) => {
                let result = RunResult::Failed { reason };
                keep(&runs[i], &folder(&runs[i]), &result, watch, &done, runs.len())?;
                Some(result)
            }
        };
    }
    Ok(results)
}

fn keep(
    key: &RunKey,
    folder: &Path,
    result: &RunResult,
    watch: &dyn Watch,
    done: &AtomicUsize,
    of: usize,
) -> Result<(), RecordError> {
    record::write_json(&folder.join(record::RESULT), result)?;
    watch.said(&match result {
        RunResult::Finished(run) => format!(
            "{key:<24} test AUC {:.4}   epoch {} of {}   {:.1} s, {:.1} s per 2500 clips",
            run.mean_auc, run.best_epoch, run.epochs, run.seconds, run.seconds_per_2500
        ),
        RunResult::Failed { reason } => format!("{key:<24} FAILED: {reason}"),
    });
    watch.done(done.fetch_add(1, Ordering::Relaxed) + 1, of);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::plan::runs;
    use super::super::record::{ANSWERS, CHECKPOINT, Finished, write_answers};
    use super::*;
    use crate::net::{Budget, Model};
    use serde_json::json;
    use std::sync::Mutex;

    pub fn finished(auc: f64) -> Finished {
        Finished {
            mean_auc: auc,
            validation_auc: Some(auc),
            best_epoch: 2,
            epochs: 3,
            seconds: 6.0,
            seconds_per_2500: 20.0,
            threads: 1,
            device: "CPU".into(),
        }
    }

    struct Bench {
        out: tempfile::TempDir,
        trained: Mutex<Vec<String>>,
        stop: AtomicBool,
    }

    impl Bench {
        fn new() -> Self {
            let out = tempfile::tempdir().unwrap();
            Self { out, trained: Mutex::default(), stop: AtomicBool::new(false) }
        }

        fn drive(
            &self,
            epochs: usize,
            jobs: usize,
            result: impl Fn(&RunKey, &Path) -> Result<Ended, String> + Sync,
        ) -> Result<Vec<Option<RunResult>>, CompareError> {
            self.trained.lock().unwrap().clear();
            let settings = |key: &RunKey| json!({"seed": key.seed, "epochs": epochs});
            let train = |key: &RunKey, folder: &Path| {
                self.trained.lock().unwrap().push(key.to_string());
                write_answers(&folder.join(ANSWERS), 1, &[0.5]).unwrap();
                result(key, folder)
            };
            let runs = runs(&[Model::K2c1, Model::Crnn], &[Budget::M0_1], 1, 2);
            let share = Share { jobs, threads: 1 };
            drive(&runs, &settings, self.out.path(), false, share, &self.stop, &(), &train)
        }

        fn trained(&self) -> Vec<String> {
            self.trained.lock().unwrap().clone()
        }
    }

    fn fine(key: &RunKey, _: &Path) -> Result<Ended, String> {
        Ok(Ended::With(RunResult::Finished(finished(0.7 + key.seed as f64 / 100.0))))
    }

    #[test]
    fn what_is_there_is_not_trained_again() {
        let bench = Bench::new();
        let first = bench.drive(5, 2, fine).unwrap();
        assert_eq!(bench.trained().len(), 4);
        assert_eq!(bench.drive(5, 1, fine).unwrap(), first);
        assert!(bench.trained().is_empty());
        // A result without its answers is no result.
        std::fs::remove_file(bench.out.path().join("runs/crnn-0.1M-s2").join(ANSWERS)).unwrap();
        assert_eq!(bench.drive(5, 1, fine).unwrap(), first);
        assert_eq!(bench.trained(), ["crnn-0.1M-s2"]);
        // Other settings are refused before anything is trained.
        let error = bench.drive(6, 1, fine).unwrap_err().to_string();
        assert!(error.contains("epochs: there 5, now 6") && error.contains("--overwrite"), "{error}");
        assert!(bench.trained().is_empty());
    }

    #[test]
    fn a_failure_is_written_down_and_tried_again_the_next_time() {
        let bench = Bench::new();
        let results = bench.drive(5, 1, |key, folder| match key.to_string().as_str() {
            "k2c1-0.1M-s1" => Err("the loss became NaN".into()),
            "crnn-0.1M-s1" => panic!("out of cheese"),
            _ => fine(key, folder),
        });
        let results = results.unwrap();
        let reason = |i: usize| match &results[i] {
            Some(RunResult::Failed { reason }) => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert!(reason(0).contains("NaN") && reason(1).contains("out of cheese"));
        assert!(matches!(results[2..], [Some(RunResult::Finished(_)), Some(RunResult::Finished(_))]));
        let path = bench.out.path().join("runs/crnn-0.1M-s1/result.json");
        assert!(std::fs::read_to_string(path).unwrap().contains("out of cheese"));
        assert!(bench.drive(5, 1, fine).unwrap().iter().all(|r| matches!(r, Some(RunResult::Finished(_)))));
        assert_eq!(bench.trained(), ["k2c1-0.1M-s1", "crnn-0.1M-s1"]);
    }

    #[test]
    fn a_stop_keeps_what_is_done_and_the_rest_goes_on() {
        let bench = Bench::new();
        let results = bench.drive(5, 1, |key, folder| {
            if bench.trained().len() == 2 {
                std::fs::write(folder.join(CHECKPOINT), "half").unwrap();
                bench.stop.store(true, Ordering::Relaxed);
                return Ok(Ended::Stopped);
            }
            fine(key, folder)
        });
        let results = results.unwrap();
        assert_eq!(results.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, false]);
        bench.stop.store(false, Ordering::Relaxed);
        let results = bench.drive(5, 1, |key, folder| {
            assert_eq!(folder.join(CHECKPOINT).exists(), key.to_string() == "crnn-0.1M-s1");
            fine(key, folder)
        });
        assert!(results.unwrap().iter().all(Option::is_some));
        assert_eq!(bench.trained().len(), 3);
    }
}
