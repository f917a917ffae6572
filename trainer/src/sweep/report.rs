//! What came of a search, as a table, as CSV and as a plot's axes.

use super::drive::{Driven, RungRecord, Trial, TrialRecord};
use super::space::{Domain, Space, shown};
use crate::plot::{ParallelAxis, ParallelLine, Places};
use crate::train::RunFile;
use serde::Serialize;

/// A search that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    space: Space,
    trials: Vec<(Trial, TrialRecord)>,
    best: Option<usize>,
}

/// One line of the table.
#[derive(Serialize)]
struct Line<'a> {
    place: usize,
    trial: usize,
    settings: toml::Table,
    rungs: &'a [RungRecord],
    failed: &'a Option<String>,
}

const FIXED: [&str; 7] = ["place", "trial", "epochs", "validation_auc", "best_epoch", "seconds", "failed"];

impl Sweep {
    /// Puts together what was drawn and what came of it.
    pub fn new(space: Space, trials: Vec<Trial>, driven: Driven) -> Self {
        let best = driven.finalists.first().copied();
        Self { space, trials: trials.into_iter().zip(driven.records).collect(), best }
    }

    /// The chosen trial's run, and a line about it; none when all failed.
    pub fn best(&self) -> Option<(&RunFile, String)> {
        let (trial, record) = &self.trials[self.best?];
        let rung = record.last()?;
        let text = format!(
            "{trial} of {}: validation AUC {:.4} in epoch {} of {}",
            self.trials.len(),
            rung.validation_auc,
            rung.best_epoch,
            rung.trained
        );
        Some((&trial.run, text))
    }

    /// The chosen run as a file for `trainer train --config`.
    ///
    /// # Errors
    /// When it cannot be written as TOML.
    pub fn best_toml(&self) -> Result<Option<String>, toml::ser::Error> {
        let Some((run, about)) = self.best() else { return Ok(None) };
        let text = toml::to_string(run)?;
        Ok(Some(format!(
            "# Chosen by a search on validation clips: {about}.\n# trainer train --config best.toml --out DIR\n\n{text}"
        )))
    }

    /// Trials in order: those that got further first, then by validation AUC; failed ones last.
    fn ordered(&self) -> Vec<&(Trial, TrialRecord)> {
        let mut order: Vec<&(Trial, TrialRecord)> = self.trials.iter().collect();
        let key = |record: &TrialRecord| {
            record.last().map_or((0, f64::NEG_INFINITY), |rung| (rung.epochs, rung.validation_auc))
        };
        order.sort_by(|a, b| {
            let ((epochs_a, auc_a), (epochs_b, auc_b)) = (key(&a.1), key(&b.1));
            epochs_b.cmp(&epochs_a).then(auc_b.total_cmp(&auc_a)).then(a.0.number.cmp(&b.0.number))
        });
        order
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let keys = self.space.keys.iter().map(|(key, _)| key.clone());
        let mut rows = vec![FIXED[..6].iter().map(|s| s.to_string()).chain(keys).collect::<Vec<_>>()];
        rows[0].push(FIXED[6].into());
        for (place, (trial, record)) in self.ordered().into_iter().enumerate() {
            let rung = record.last();
            let or_nothing = |of: &dyn Fn(&RungRecord) -> String| rung.map(of).unwrap_or_default();
            let mut row = vec![
                (place + 1).to_string(),
                trial.number.to_string(),
                or_nothing(&|r| r.trained.to_string()),
                or_nothing(&|r| format!("{:.4}", r.validation_auc)),
                or_nothing(&|r| r.best_epoch.to_string()),
                or_nothing(&|r| format!("{:.1}", r.seconds)),
            ];
            row.extend(trial.values.iter().map(shown));
            row.push(record.failed.clone().unwrap_or_default());
            rows.push(row);
        }
        rows
    }

    /// The table as CSV, a line per trial.
    ///
    /// # Errors
    /// Never: it is written to memory.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in self.cells() {
            writer.write_record(row)?;
        }
        let bytes = writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The table for a terminal: without the names of tables before keys, without a column of failures where nothing
    /// failed, long cells cut.
    pub fn table(&self) -> String {
        let mut rows = self.cells();
        for name in &mut rows[0] {
            *name = name.rsplit('.').next().unwrap_or_default().to_string();
        }
        if self.trials.iter().all(|(_, record)| record.failed.is_none()) {
            rows.iter_mut().for_each(|row| row.truncate(row.len() - 1));
        }
        for cell in rows.iter_mut().flatten() {
            let clean: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            *cell = if clean.chars().count() > 40 {
                clean.chars().take(39).chain(['…']).collect()
            } else {
                clean
            };
        }
        let columns = rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        rows.iter()
            .map(|row| {
                let cells =
                    row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                        0..6 => format!("{cell:>width$}"),
                        _ => format!("{cell:<width$}"),
                    });
                cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
            })
            .collect()
    }

    /// All of it as JSON.
    ///
    /// # Errors
    /// When a value does not fit JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        let trials: Vec<Line<'_>> = self
            .ordered()
            .into_iter()
            .enumerate()
            .map(|(place, (trial, record))| Line {
                place: place + 1,
                trial: trial.number,
                settings: self
                    .space
                    .keys
                    .iter()
                    .zip(&trial.values)
                    .map(|((key, _), value)| (key.clone(), value.clone()))
                    .collect(),
                rungs: &record.rungs,
                failed: &record.failed,
            })
            .collect();
        let best = self.best.map(|i| self.trials[i].0.number);
        serde_json::to_string_pretty(
            &serde_json::json!({"plan": self.space.plan, "best": best, "trials": trials}),
        )
    }

    /// Axes and lines of the parallel coordinates.
    pub fn parallel(&self) -> (Vec<ParallelAxis>, Vec<ParallelLine>) {
        let axis = |(i, (key, domain)): (usize, &(String, Domain))| {
            let values = || self.trials.iter().map(move |(trial, _)| &trial.values[i]);
            let numbers = || {
                values()
                    .map(|v| v.as_float().or(v.as_integer().map(|n| n as f64)).unwrap_or(f64::NAN))
                    .collect()
            };
            let places = match domain {
                Domain::Whole { log, .. } | Domain::Real { log, .. } => {
                    Places::Numbers { logarithmic: *log, values: numbers() }
                }
                Domain::Choices(choices) => Places::Choices {
                    names: choices.iter().map(shown).collect(),
                    places: values().map(|v| choices.iter().position(|c| c == v).unwrap_or(0)).collect(),
                },
            };
            ParallelAxis { name: key.clone(), places }
        };
        let axes = self.space.keys.iter().enumerate().map(axis).collect();
        let lines = self.trials.iter().enumerate().map(|(i, (_, record))| ParallelLine {
            auc: record.last().map_or(f64::NAN, |rung| rung.validation_auc),
            last: record.last().is_some_and(|rung| rung.epochs == self.space.plan.max_epochs),
            best: self.best == Some(i),
        });
        (axes, lines.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::drive::tests::{SPACE, merit, trials};
    use super::*;

    fn sweep() -> Sweep {
        let space = Space::parse(SPACE, &RunFile::default()).unwrap();
        let trials = trials(&space);
        let rung = |epochs, number| RungRecord {
            epochs,
            trained: epochs,
            validation_auc: merit(number),
            best_epoch: 1,
            seconds: 2.0,
        };
        let mut records: Vec<TrialRecord> =
            (0..9).map(|i| TrialRecord { rungs: vec![rung(2, i)], failed: None }).collect();
        records[0] = TrialRecord { rungs: Vec::new(), failed: Some("it, \"the loss\", became NaN".into()) };
        records[3].rungs.push(rung(18, 3));
        Sweep::new(space, trials, Driven { records, finalists: vec![3], stopped: false })
    }

    #[test]
    fn tables_have_a_line_per_trial_the_chosen_first() {
        let sweep = sweep();
        let csv = sweep.csv().unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let head = reader.headers().unwrap().clone();
        assert_eq!(head.iter().skip(6).collect::<Vec<_>>(), ["budget", "recipe.learning_rate", "failed"]);
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 9);
        assert_eq!((&rows[0][1], &rows[0][2]), ("3", "18"));
        let aucs: Vec<f64> = rows[1..8].iter().map(|row| row[3].parse().unwrap()).collect();
        assert!(aucs.is_sorted_by(|a, b| a >= b));
        assert_eq!((&rows[8][1], &rows[8][3], &rows[8][8]), ("0", "", "it, \"the loss\", became NaN"));
        assert_eq!(sweep.table().lines().count(), 10);
        let json: serde_json::Value = serde_json::from_str(&sweep.json().unwrap()).unwrap();
        assert_eq!((json["best"].as_u64(), json["trials"][0]["trial"].as_u64()), (Some(3), Some(3)));
        assert!(json["trials"][0]["settings"]["recipe.learning_rate"].is_f64());
    }

    #[test]
    fn the_best_can_be_run_and_is_drawn() {
        let sweep = sweep();
        let text = sweep.best_toml().unwrap().unwrap();
        let run: RunFile = toml::from_str(&text).unwrap();
        assert_eq!(&run, sweep.best().unwrap().0);
        assert_eq!(run.recipe.epochs, 18);
        assert!(text.starts_with("# Chosen by") && text.contains("trial-003"));
        let (axes, lines) = sweep.parallel();
        assert_eq!((axes.len(), lines.len()), (2, 9));
        assert!(lines[3].best && lines[3].last && !lines[1].last && lines[0].auc.is_nan());
    }
}
