//! From the runs of a comparison to one row per network and size.

use super::plan::RunKey;
use super::record::{Finished, RunResult};
use super::stats::{mean, median, t_interval};
use crate::eval::{Resampled, Scores, mean_auc_resampled, percentile_interval};
use crate::net::{Architecture, Budget, Model};
use crate::train::TrainConfig;
use serde::{Deserialize, Serialize};

/// Resamples of the test clips behind an interval of a difference.
const RESAMPLES: usize = 1000;

/// What all runs have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// As it was asked for.
    pub corpus: String,
    /// How its clips were parted.
    pub split_rule: String,
    /// Clips to train, to validate, to test.
    pub clips: [usize; 3],
    /// Tags in order.
    pub tags: Vec<String>,
    /// Whether the results may stand beside the paper's.
    pub is_papers_corpus: bool,
    /// The recipe of all runs; each has its own seed from the one here on.
    pub recipe: TrainConfig,
}

/// A comparison: what `compare.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What all runs have in common.
    pub about: About,
    /// One per network and size, sizes rising, in the paper's order of networks.
    pub rows: Vec<Row>,
}

/// A network at a size, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Network.
    pub model: Model,
    /// Size.
    pub budget: Budget,
    /// All numbers that training adjusts.
    pub parameters: usize,
    /// Those without biases and normalisation.
    pub weights: usize,
    /// For one window.
    pub multiply_accumulates: u64,
    /// What came of the runs that ended well; none where none did.
    pub result: Option<RowResult>,
    /// Runs that failed, and why.
    pub failed: Vec<FailedRun>,
}

/// The runs of a row that ended well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowResult {
    /// Their seeds.
    pub seeds: Vec<u64>,
    /// Mean AUC over the tags of each, on the test clips.
    pub auc_by_seed: Vec<f64>,
    /// The mean of these.
    pub mean_auc: f64,
    /// Its 95 % interval over the seeds, by Student's t; none for one seed.
    pub auc_ci95_over_seeds: Option<[f64; 2]>,
    /// Place among the networks of this size, from 1.
    pub rank: usize,
    /// Against the best network of this size; none for the best itself.
    pub to_best: Option<Difference>,
    /// Seconds of training per 2500 clips: the median over the seeds.
    pub seconds_per_2500: f64,
    /// The least and the most of any seed.
    pub seconds_per_2500_range: [f64; 2],
    /// Threads that the runs had; several where runs differ.
    pub threads: Vec<usize>,
    /// Where they were computed; several where runs differ.
    pub devices: Vec<String>,
}

/// A difference of two networks' mean AUC, each the mean over its seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The best network of this size.
    pub best: Model,
    /// This network's less the best's: not above 0.
    pub auc: f64,
    /// 95 % percentile interval by bootstrap of the test clips, the same clips drawn for both networks and all seeds.
    pub ci95_over_clips: [f64; 2],
}

/// A run without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// Its seed.
    pub seed: u64,
    /// Why.
    pub reason: String,
}

/// Makes the rows. `answers` gives a finished run's scores on the test clips, the same clips for all.
///
/// # Errors
/// What `architecture` or `answers` cannot give.
pub fn compare(
    about: About,
    results: &[(RunKey, RunResult)],
    architecture: &dyn Fn(Model, Budget) -> Result<Architecture, String>,
    answers: &dyn Fn(&RunKey) -> Result<Scores, String>,
) -> Result<Comparison, String> {
    let mut places: Vec<(Budget, Model)> = results.iter().map(|(key, _)| (key.budget, key.model)).collect();
    places.sort_unstable();
    places.dedup();
    let (mut rows, mut resampled) = (Vec::new(), Vec::new());
    for &(budget, model) in &places {
        let of = results.iter().filter(|(key, _)| (key.budget, key.model) == (budget, model));
        let (mut good, mut failed): (Vec<(&RunKey, &Finished)>, Vec<FailedRun>) = (Vec::new(), Vec::new());
        for (key, result) in of {
            match result {
                RunResult::Finished(run) => good.push((key, run)),
                RunResult::Failed { reason } => {
                    failed.push(FailedRun { seed: key.seed, reason: reason.clone() });
                }
            }
        }
        let shape = architecture(model, budget)?;
        let drawn = good.iter().map(|(key, _)| {
            let resampled = mean_auc_resampled(&answers(key)?, RESAMPLES, 0);
            resampled.ok_or_else(|| format!("{key}: no tag can be scored"))
        });
        resampled.push(over_seeds(&drawn.collect::<Result<Vec<_>, String>>()?));
        rows.push(Row {
            model,
            budget,
            parameters: shape.parameters(),
            weights: shape.weights(),
            multiply_accumulates: shape.multiply_accumulates(shape.receptive_field()),
            result: (!good.is_empty()).then(|| row_result(&good)),
            failed,
        });
    }
    for budget in Budget::ALL {
        rank(budget, &mut rows, &resampled);
    }
    Ok(Comparison { about, rows })
}

fn row_result(runs: &[(&RunKey, &Finished)]) -> RowResult {
    let aucs: Vec<f64> = runs.iter().map(|(_, run)| run.mean_auc).collect();
    let seconds: Vec<f64> = runs.iter().map(|(_, run)| run.seconds_per_2500).collect();
    let mut threads: Vec<usize> = runs.iter().map(|(_, run)| run.threads).collect();
    let mut devices: Vec<String> = runs.iter().map(|(_, run)| run.device.clone()).collect();
    threads.sort_unstable();
    threads.dedup();
    devices.sort_unstable();
    devices.dedup();
    RowResult {
        seeds: runs.iter().map(|(key, _)| key.seed).collect(),
        mean_auc: mean(&aucs),
        // Of two or three seeds that differ, Student's interval may reach beyond what an AUC can be.
        auc_ci95_over_seeds: t_interval(&aucs).map(|[low, high]| [low.max(0.0), high.min(1.0)]),
        auc_by_seed: aucs,
        rank: 0,
        to_best: None,
        seconds_per_2500: median(&seconds),
        seconds_per_2500_range: [
            seconds.iter().copied().fold(f64::INFINITY, f64::min),
            seconds.iter().copied().fold(0.0, f64::max),
        ],
        threads,
        devices,
    }
}

/// In each resample of the clips the mean over the seeds.
fn over_seeds(seeds: &[Resampled]) -> Vec<Option<f64>> {
    let resamples = seeds.first().map_or(0, |first| first.means.len());
    (0..resamples)
        .map(|i| {
            let means = seeds.iter().map(|seed| seed.means[i]).collect::<Option<Vec<f64>>>()?;
            Some(mean(&means))
        })
        .collect()
}

/// Ranks the rows of one size by mean AUC and sets each against the best of them.
fn rank(budget: Budget, rows: &mut [Row], resampled: &[Vec<Option<f64>>]) {
    let auc = |row: &Row| row.result.as_ref().map(|result| result.mean_auc);
    let mut order: Vec<usize> =
        (0..rows.len()).filter(|&i| rows[i].budget == budget && rows[i].result.is_some()).collect();
    order.sort_by(|&a, &b| auc(&rows[b]).unwrap_or(0.0).total_cmp(&auc(&rows[a]).unwrap_or(0.0)));
    let Some(&best) = order.first() else { return };
    let (best_model, best_auc) = (rows[best].model, auc(&rows[best]).unwrap_or(0.0));
    for (place, &i) in order.iter().enumerate() {
        let pairs = resampled[i].iter().zip(&resampled[best]);
        let differences: Vec<f64> = pairs.filter_map(|(own, best)| Some((*own)? - (*best)?)).collect();
        let Some(result) = &mut rows[i].result else { continue };
        result.rank = place + 1;
        if i != best {
            let auc = result.mean_auc - best_auc;
            let (low, high) = percentile_interval(&differences, auc);
            result.to_best = Some(Difference { best: best_model, auc, ci95_over_clips: [low, high] });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::net::PAPER_POOLS;

    /// Scores of 40 clips and two tags, the worse the more clips are `wrong`.
    fn scores(wrong: usize) -> Scores {
        let (mut truth, mut p) = (Vec::new(), Vec::new());
        for clip in 0..40 {
            for tag in 0..2 {
                let present = (clip + tag) % 4 == 0;
                let answer = present ^ (clip % 10 < wrong);
                truth.push(f32::from(u8::from(present)));
                p.push(0.4 + 0.2 * f32::from(u8::from(answer)) + clip as f32 * 1e-3);
            }
        }
        Scores::new(vec!["a".into(), "b".into()], 40, truth, p).unwrap()
    }

    fn wrong(key: &RunKey) -> usize {
        match key.model {
            Model::Crnn => 1,
            Model::K2c1 => 2 + (key.seed as usize % 2),
            _ => 4,
        }
    }

    pub(crate) fn comparison(is_papers_corpus: bool) -> Comparison {
        let mut results = Vec::new();
        for key in super::super::plan::runs(&Model::ALL, &Budget::ALL, 1, 3) {
            let auc = mean_auc_resampled(&scores(wrong(&key)), 0, 0).unwrap().mean_auc;
            let run = Finished {
                mean_auc: auc,
                validation_auc: None,
                best_epoch: 1,
                epochs: 2,
                seconds: 3.0,
                seconds_per_2500: (10.0 + key.seed as f64) * (1.0 + key.model as usize as f64),
                threads: 2,
                device: "CPU".into(),
            };
            results.push(match key {
                RunKey { model: Model::K2c2, .. } | RunKey { model: Model::Crnn, seed: 3, .. } => {
                    (key, RunResult::Failed { reason: "the loss became NaN | in epoch 1".into() })
                }
                _ => (key, RunResult::Finished(run)),
            });
        }
        let about = About {
            corpus: "synth:40".into(),
            split_rule: "by number".into(),
            clips: [28, 4, 8],
            tags: vec!["a".into(), "b".into()],
            is_papers_corpus,
            recipe: TrainConfig::default(),
        };
        let shape = |model, budget| Architecture::new(model, budget, 96, &PAPER_POOLS, 2);
        compare(about, &results, &shape, &|key| Ok(scores(wrong(key)))).unwrap()
    }

    #[test]
    fn networks_are_ranked_within_their_size_and_set_against_the_best() {
        let comparison = comparison(false);
        assert_eq!(comparison.rows.len(), 25);
        let row =
            |model| comparison.rows.iter().find(|r| r.model == model && r.budget == Budget::M0_25).unwrap();
        let result = |model| row(model).result.as_ref().unwrap();
        assert_eq!((result(Model::Crnn).rank, &result(Model::Crnn).to_best), (1, &None));
        assert_eq!(result(Model::Crnn).seeds, [1, 2]);
        assert_eq!(row(Model::Crnn).failed.len(), 1);
        let second = result(Model::K2c1);
        assert_eq!(second.rank, 2);
        let difference = second.to_best.unwrap();
        assert_eq!(difference.best, Model::Crnn);
        let [low, high] = difference.ci95_over_clips;
        assert!(low < difference.auc && difference.auc < high && difference.auc < 0.0, "{difference:?}");
        assert!((second.mean_auc - result(Model::Crnn).mean_auc - difference.auc).abs() < 1e-12);
        let [low, high] = second.auc_ci95_over_seeds.unwrap();
        assert!(low < second.mean_auc && second.mean_auc < high && second.auc_by_seed.len() == 3);
        assert_eq!((second.seconds_per_2500, second.seconds_per_2500_range), (24.0, [22.0, 26.0]));
        // Nothing ended well: no figures, no rank, three reasons.
        assert_eq!((&row(Model::K2c2).result, row(Model::K2c2).failed.len()), (&None, 3));
        let json = serde_json::to_string(&comparison).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
    }

    #[test]
    fn differences_are_of_the_same_clips() {
        // Against itself a network differs by nothing in any resample.
        let [a, b] = [1, 1].map(|w| over_seeds(&[mean_auc_resampled(&scores(w), 50, 0).unwrap()]));
        assert_eq!(a, b);
        assert!(a.iter().flatten().any(|&auc| auc != a[0].unwrap()));
    }
}
