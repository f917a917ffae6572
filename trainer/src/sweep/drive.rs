//! Makes the trials of a search, rung by rung.

use super::halving::{self, Plan};
use crate::compare::record::{self, RESULT, RecordError};
use crate::jobs::{Share, ThreadsError, each};
use crate::material::Watch;
use crate::train::RunFile;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A run with settings drawn from a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// From 0.
    pub number: usize,
    /// What was drawn, in the order of the space's keys.
    pub values: Vec<toml::Value>,
    /// The run that it makes.
    pub run: RunFile,
}

impl fmt::Display for Trial {
    /// The name of its folder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("trial-{:03}", self.number))
    }
}

/// What a trial came to on a rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungRecord {
    /// The rung: epochs in all.
    pub epochs: usize,
    /// Epochs trained; fewer where patience ended before.
    pub trained: usize,
    /// The best mean AUC on the validation clips so far.
    pub validation_auc: f64,
    /// Its epoch.
    pub best_epoch: usize,
    /// Seconds of training in all.
    pub seconds: f64,
}

/// What a trial came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// On the rungs that it got to.
    pub rungs: Vec<RungRecord>,
    /// Why it went no further, where it failed.
    pub failed: Option<String>,
}

impl TrialRecord {
    fn at(&self, epochs: usize) -> Option<&RungRecord> {
        self.rungs.iter().find(|rung| rung.epochs == epochs)
    }

    /// The highest rung that it got to.
    pub fn last(&self) -> Option<&RungRecord> {
        self.rungs.iter().max_by_key(|rung| rung.epochs)
    }
}

/// Why a search could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A trial's folder cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No threads.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

/// How far a search got.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// What each trial came to.
    pub records: Vec<TrialRecord>,
    /// The trials that got to the last rung, best first; none when it was stopped or all failed.
    pub finalists: Vec<usize>,
    /// It was asked to stop.
    pub stopped: bool,
}

/// Trains one trial in its folder up to so many epochs in all; nothing when it was stopped.
pub type TrainUntil<'a> = dyn Fn(&Trial, &Path, usize) -> Result<Option<RungRecord>, String> + Sync + 'a;

/// Takes all trials up the rungs of `plan`, `share.jobs` at once. What `out` holds already is not trained again: the
/// same search goes on where it stopped, and a larger one has these trials for nothing. A trial that fails goes no
/// further; the next time it is tried again.
///
/// # Errors
/// When a folder holds a trial of other settings (before anything is trained), or cannot be written.
#[allow(clippy::too_many_arguments)]
pub fn drive(
    plan: &Plan,
    trials: &[Trial],
    settings: &dyn Fn(&Trial) -> serde_json::Value,
    out: &Path,
    overwrite: bool,
    share: Share,
    stop: &AtomicBool,
    watch: &dyn Watch,
    train: &TrainUntil<'_>,
) -> Result<Driven, SweepError> {
    let folder = |trial: &Trial| out.join("trials").join(trial.to_string());
    let mut records = Vec::new();
    for trial in trials {
        record::claim(&folder(trial), &settings(trial), overwrite)?;
        let mut kept: TrialRecord = record::read_json(&folder(trial).join(RESULT))?.unwrap_or_default();
        kept.failed = None;
        records.push(kept);
    }
    let rungs = plan.rungs();
    let mut alive: Vec<usize> = (0..trials.len()).collect();
    for (number, rung) in rungs.iter().enumerate() {
        alive.truncate(rung.trials);
        // In the order of their numbers, which is that of a search that was never stopped.
        alive.sort_unstable();
        let waiting: Vec<usize> =
            alive.iter().copied().filter(|&i| records[i].at(rung.epochs).is_none()).collect();
        let done = AtomicUsize::new(alive.len() - waiting.len());
        watch.said(&format!(
            "rung {} of {}: {} {} up to epoch {}{}",
            number + 1,
            rungs.len(),
            alive.len(),
            if alive.len() == 1 { "trial" } else { "trials" },
            rung.epochs,
            if waiting.len() < alive.len() { ", some of them there already" } else { "" }
        ));
        watch.done(done.load(Ordering::Relaxed), alive.len());
        let broken: Mutex<Option<RecordError>> = Mutex::new(None);
        let halt = AtomicBool::new(stop.load(Ordering::Relaxed));
        let results = each(share, &waiting, &halt, |&i| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (trial, folder) = (&trials[i], folder(&trials[i]));
            let Some(result) = train(trial, &folder, rung.epochs)? else { return Ok(None) };
            let mut record = records[i].clone();
            record.rungs.push(result);
            if let Err(error) = record::write_json(&folder.join(RESULT), &record) {
                halt.store(true, Ordering::Relaxed);
                *broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                return Ok(None);
            }
            tell(watch, trial, &record);
            watch.done(done.fetch_add(1, Ordering::Relaxed) + 1, alive.len());
            Ok(Some(record))
        })?;
        if let Some(error) = broken.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error.into());
        }
        let mut stopped = false;
        for (&i, result) in waiting.iter().zip(results) {
            match result {
                Some(Ok(Some(record))) => records[i] = record,
                Some(Ok(None)) | None => stopped = true,
                Some(Err(reason)) => {
                    records[i].failed = Some(reason);
                    record::write_json(&folder(&trials[i]).join(RESULT), &records[i])?;
                    tell(watch, &trials[i], &records[i]);
                }
            }
        }
        if stopped {
            return Ok(Driven { records, finalists: Vec::new(), stopped });
        }
        let results: Vec<(usize, f64)> =
            alive.iter().filter_map(|&i| Some((i, records[i].at(rung.epochs)?.validation_auc))).collect();
        alive = halving::best(&results, results.len());
    }
    Ok(Driven { records, finalists: alive, stopped: false })
}

fn tell(watch: &dyn Watch, trial: &Trial, record: &TrialRecord) {
    let values: Vec<String> = trial.values.iter().map(super::space::shown).collect();
    let came = match (&record.failed, record.last()) {
        (Some(reason), _) => format!("FAILED: {reason}"),
        (None, Some(rung)) => format!("validation AUC {:.4}", rung.validation_auc),
        (None, None) => String::new(),
    };
    watch.said(&format!("{trial}  {came}  {}", values.join("  ")));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sweep::Space;

    pub(crate) const SPACE: &str = "trials = 9\nmin_epochs = 2\nmax_epochs = 18\n[space]\nbudget = [\"0.1M\", \"1M\"]\n\
                                    [space.recipe]\nlearning_rate = { min = 1e-4, max = 1e-2, log = true }\n";

    pub(crate) fn trials(space: &Space) -> Vec<Trial> {
        let base = RunFile::default();
        let trial = |number| {
            let values = space.draw(number);
            Trial { number, run: space.run(&base, &values).unwrap(), values }
        };
        (0..space.plan.trials).map(trial).collect()
    }

    /// Merit by number, so that it is known who wins: 5, then 8, then 2.
    pub(crate) fn merit(number: usize) -> f64 {
        0.5 + ((number * 7 + 3) % 9) as f64 / 20.0
    }

    struct Bench {
        out: tempfile::TempDir,
        trained: Mutex<Vec<(usize, usize)>>,
        stop: AtomicBool,
        stop_after: usize,
    }

    impl Bench {
        fn new() -> Self {
            let out = tempfile::tempdir().unwrap();
            Self { out, trained: Mutex::default(), stop: AtomicBool::new(false), stop_after: usize::MAX }
        }

        fn drive(&self, space: &Space, jobs: usize, data: &str) -> Result<Driven, SweepError> {
            self.trained.lock().unwrap().clear();
            self.stop.store(false, Ordering::Relaxed);
            let train = |trial: &Trial, folder: &Path, until: usize| {
                // A trial continues from its own last rung.
                let reached = folder.join("reached");
                let before: usize = std::fs::read_to_string(&reached).map_or(0, |text| text.parse().unwrap());
                assert!(before <= until);
                let mut trained = self.trained.lock().unwrap();
                if trained.len() == self.stop_after {
                    self.stop.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                trained.push((trial.number, until));
                if trial.number == 4 {
                    return Err("the loss became NaN".to_string());
                }
                std::fs::write(&reached, until.to_string()).unwrap();
                let auc = merit(trial.number) + until as f64 / 1000.0;
                Ok(Some(RungRecord {
                    epochs: until,
                    trained: until,
                    validation_auc: auc,
                    best_epoch: 1,
                    seconds: 1.0,
                }))
            };
            let settings = |trial: &Trial| serde_json::json!({"run": trial.run, "clips": data});
            let share = Share { jobs, threads: 1 };
            drive(
                &space.plan,
                &trials(space),
                &settings,
                self.out.path(),
                false,
                share,
                &self.stop,
                &(),
                &train,
            )
        }

        fn trained(&self) -> Vec<(usize, usize)> {
            self.trained.lock().unwrap().clone()
        }
    }

    fn space(text: &str) -> Space {
        Space::parse(text, &RunFile::default()).unwrap()
    }

    #[test]
    fn the_best_of_each_rung_go_on_from_where_they_were() {
        let bench = Bench::new();
        let driven = bench.drive(&space(SPACE), 1, "a").unwrap();
        let mut order: Vec<usize> = (0..9).filter(|&i| i != 4).collect();
        order.sort_by(|&a, &b| merit(b).total_cmp(&merit(a)));
        assert_eq!(driven.finalists, order[..1]);
        let mut second: Vec<(usize, usize)> = order[..3].iter().map(|&i| (i, 6)).collect();
        second.sort_unstable();
        let first = (0..9).map(|i| (i, 2));
        let want: Vec<(usize, usize)> = first.chain(second).chain([(order[0], 18)]).collect();
        assert_eq!(bench.trained(), want);
        assert_eq!(driven.records[order[0]].rungs.len(), 3);
        assert!(
            driven.records[4].failed.as_ref().unwrap().contains("NaN") && driven.records[4].rungs.is_empty()
        );
        // Several at once come to the same.
        assert_eq!(Bench::new().drive(&space(SPACE), 3, "a").unwrap(), driven);
    }

    #[test]
    fn a_search_that_is_stopped_anywhere_comes_to_the_same() {
        let whole = Bench::new();
        let want = whole.drive(&space(SPACE), 1, "a").unwrap();
        for stop_after in 0..13 {
            let mut bench = Bench::new();
            bench.stop_after = stop_after;
            let stopped = bench.drive(&space(SPACE), 1, "a").unwrap();
            assert!(stopped.stopped && stopped.finalists.is_empty());
            let before = bench.trained();
            bench.stop_after = usize::MAX;
            assert_eq!(bench.drive(&space(SPACE), 1, "a").unwrap(), want);
            // Only what failed is done twice.
            assert!(bench.trained().iter().all(|one| one.0 == 4 || !before.contains(one)), "{stop_after}");
        }
    }

    #[test]
    fn a_larger_search_has_the_trials_of_the_smaller_and_another_corpus_none() {
        let bench = Bench::new();
        bench.drive(&space(SPACE), 1, "a").unwrap();
        bench.drive(&space(&SPACE.replace("trials = 9", "trials = 12")), 1, "a").unwrap();
        let trained = bench.trained();
        assert!(trained[..4] == [(4, 2), (9, 2), (10, 2), (11, 2)], "{trained:?}");
        let error = bench.drive(&space(SPACE), 1, "b").unwrap_err().to_string();
        assert!(error.contains("clips: there \"a\", now \"b\""), "{error}");
    }
}
