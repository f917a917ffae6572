//! One model on one corpus in several forms: what each change of the sound costs.
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::beside::beside;
use super::report::EvalError;
use super::scores::Scores;

/// How well changed clips are tagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Clips that were heard in every form.
    pub clips: usize,
    /// Tags that are scored.
    pub tags: usize,
    /// Of the clips as they are.
    pub mean_auc: f64,
    /// Of the clips as they are.
    pub mean_ap: f64,
    /// By change.
    pub changes: Vec<ChangeReport>,
}

/// One change of [`Robustness`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// What was done, in a word for scripts.
    pub change: String,
    /// The same in a few words for people.
    pub said: String,
    pub mean_auc: f64,
    pub mean_ap: f64,
    /// Less the mean AUC of the clips as they are: below 0 where the change costs.
    pub auc_difference: f64,
    /// 95 % interval by bootstrap, the same clips (artists) drawn for both.
    pub auc_difference_ci95: [f64; 2],
    /// Mean over clips and tags of how far a probability moved.
    pub mean_abs_difference: f64,
}

impl Robustness {
    /// Sets the scores of changed clips, each with its names for scripts and for people, beside those of the clips as they
    /// are. `drawn` is resamples and seed of the bootstrap.
    ///
    /// # Errors
    /// When the scores are not of the same clips, tags and labels, or no tag can be scored.
    pub fn of(
        plain: &Scores,
        changed: &[(String, String, Scores)],
        drawn: (usize, u64),
    ) -> Result<Self, EvalError> {
        let mut changes = Vec::new();
        let mut tags = 0;
        let mut mean_auc = 0.0;
        for (change, said, scores) in changed {
            let pair = beside(scores, "as it is", plain, drawn)?;
            (tags, mean_auc) = (pair.tags.len(), pair.beside_mean_auc);
            let moved = scores.probabilities().iter().zip(plain.probabilities());
            let moved = moved.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
            changes.push(ChangeReport {
                change: change.clone(),
                said: said.clone(),
                mean_auc: pair.mean_auc,
                mean_ap: mean_ap(scores),
                auc_difference: pair.difference,
                auc_difference_ci95: pair.difference_ci95,
                mean_abs_difference: moved.sum::<f64>() / scores.probabilities().len() as f64,
            });
        }
        Ok(Self { clips: plain.clips(), tags, mean_auc, mean_ap: mean_ap(plain), changes })
    }

    /// Lines of text for the terminal, each ending in a newline.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let rule = "-".repeat(84);
        let Self { clips, tags, mean_auc, mean_ap, .. } = self;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "changed sound, {clips} clips, {tags} tags");
        let _ = writeln!(
            text,
            "\n{:24} {:>8}  {:>10}  {:<17} {:>8} {:>9}",
            "", "mean AUC", "difference", "95 % CI", "mean AP", "p moves"
        );
        let _ =
            writeln!(text, "{rule}\n{:24} {mean_auc:>8.3}  {:>10}  {:17} {mean_ap:>8.3}", "as it is", "", "");
        for change in &self.changes {
            let [low, high] = change.auc_difference_ci95;
            let interval = format!("{low:+.3} to {high:+.3}");
            let _ = writeln!(
                text,
                "{:24} {:>8.3}  {:>+10.3}  {interval:<17} {:>8.3} {:>9.3}",
                change.said,
                change.mean_auc,
                change.auc_difference,
                change.mean_ap,
                change.mean_abs_difference
            );
        }
        text
    }
}

/// Over the tags that have a positive and a negative clip.
fn mean_ap(scores: &Scores) -> f64 {
    let all = scores.rankings().map(|(_, ranking)| ranking.average_precision());
    let (sum, count) = all.fold((0.0, 0_usize), |(sum, count), ap| (sum + ap, count + 1));
    sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_swaps_answers_costs_what_it_says() {
        let truth: Vec<f32> = (0..80).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
        let p: Vec<f32> =
            truth.iter().enumerate().map(|(i, y)| 0.2 + 0.5 * y + 0.003 * (i % 7) as f32).collect();
        let scores = |p: Vec<f32>| Scores::new(vec!["a".into(), "b".into()], 40, truth.clone(), p).unwrap();
        let plain = scores(p.clone());
        let none = scores(vec![0.5; 80]);
        let change = |name: &str, scores| (name.to_owned(), name.to_owned(), scores);
        let found =
            Robustness::of(&plain, &[change("same", plain.clone()), change("none", none)], (200, 1)).unwrap();
        assert_eq!((found.clips, found.tags, found.mean_auc), (40, 2, 1.0));
        let [same, none] = &found.changes[..] else { panic!("two changes") };
        assert_eq!((same.auc_difference, same.mean_abs_difference), (0.0, 0.0));
        assert_eq!(same.mean_ap, found.mean_ap);
        assert!((none.auc_difference + 0.5).abs() < 1e-12 && none.auc_difference_ci95[1] < -0.4);
        assert!((none.mean_abs_difference - 0.25).abs() < 0.06);
        let table = found.table();
        assert!(table.lines().all(|line| line.len() <= 100) && table.contains("-0.500"), "{table}");
    }
}
