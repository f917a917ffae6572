//! A comparison as a document.

use super::report::{Comparison, Row, RowResult};
use std::fmt::Write;

/// The table and what it means, as Markdown that reads well as plain text too.
pub fn document(comparison: &Comparison) -> String {
    let about = &comparison.about;
    let mut text = format!("# Networks compared on {}\n\n", about.corpus);
    let [train, validation, test] = about.clips;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{train} clips to train, {validation} to choose the epoch, {test} to test; {} tags. Split: {}.",
        about.tags.len(),
        about.split_rule
    );
    let recipe = &about.recipe;
    let _ = writeln!(
        text,
        "One recipe for all: at most {} epochs, {} clips per step, learning rate {}; compare.json has the rest.\n",
        recipe.epochs, recipe.batch_size, recipe.learning_rate
    );
    text += &table(comparison);
    text += "\nAUC: the mean over the tags on the test clips, then the mean over the seeds, with its 95 % interval over the \
             seeds (Student's t). To the best: against the best network of the same size, with the 95 % interval over the \
             test clips (paired bootstrap, seeds averaged). Rank: within the size. Seconds: of training per 2500 clips, \
             validation left out, the median over the seeds. MMAC: millions of multiply-accumulates per window.\n";
    let measured = measured_on(comparison);
    if !measured.is_empty() {
        let _ = writeln!(text, "\nMeasured on: {measured}.");
    }
    let mut failed = comparison.rows.iter().filter(|row| !row.failed.is_empty()).peekable();
    if failed.peek().is_some() {
        text += "\nRuns that failed:\n\n";
        for row in failed {
            for run in &row.failed {
                let _ = writeln!(
                    text,
                    "- {} {}, seed {}: {}",
                    row.model,
                    row.budget,
                    run.seed,
                    one_line(&run.reason)
                );
            }
        }
    }
    text
}

/// Devices and threads, each said once.
fn measured_on(comparison: &Comparison) -> String {
    let mut said: Vec<String> = Vec::new();
    for result in comparison.rows.iter().filter_map(|row| row.result.as_ref()) {
        for text in &result.devices {
            if !said.contains(text) {
                said.push(text.clone());
            }
        }
    }
    said.join("; ")
}

const HEAD: [&str; 10] = [
    "network",
    "size",
    "rank",
    "AUC",
    "95 % (seeds)",
    "to the best, 95 % (clips)",
    "s / 2500 clips",
    "parameters",
    "MMAC",
    "seeds",
];

/// The table alone.
pub fn table(comparison: &Comparison) -> String {
    let mut rows: Vec<Vec<String>> = vec![HEAD.map(String::from).to_vec()];
    let mut sorted: Vec<&Row> = comparison.rows.iter().collect();
    sorted.sort_by_key(|row| (row.budget, row.result.as_ref().map_or(usize::MAX, |result| result.rank)));
    rows.extend(sorted.into_iter().map(cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        let padded = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += &format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "));
        if place == 0 {
            let rule = widths.iter().enumerate().map(|(column, &width)| match column {
                0 | 1 => "-".repeat(width),
                _ => "-".repeat(width - 1) + ":",
            });
            text += &format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let total = row.failed.len() + row.result.as_ref().map_or(0, |r| r.seeds.len());
    let seeds = match row.failed.len() {
        0 => total.to_string(),
        failed => format!("{} of {total}", total - failed),
    };
    let or_dash =
        |of: &dyn Fn(&RowResult) -> Option<String>| row.result.as_ref().and_then(of).unwrap_or("-".into());
    vec![
        row.model.to_string(),
        row.budget.to_string(),
        or_dash(&|r| Some(r.rank.to_string())),
        or_dash(&|r| Some(format!("{:.4}", r.mean_auc))),
        or_dash(&|r| r.auc_ci95_over_seeds.map(interval)),
        or_dash(&|r| match r.to_best {
            Some(d) => {
                Some(format!("{:+.4} ({:+.4} to {:+.4})", d.auc, d.ci95_over_clips[0], d.ci95_over_clips[1]))
            }
            None => Some("best".into()),
        }),
        or_dash(&|r| Some(format!("{:.1}", r.seconds_per_2500))),
        row.parameters.to_string(),
        format!("{:.1}", row.multiply_accumulates as f64 / 1e6),
        seeds,
    ]
}

fn interval([low, high]: [f64; 2]) -> String {
    format!("{low:.4} to {high:.4}")
}

/// Text of others that cannot break a list.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::comparison;
    use super::*;

    #[test]
    fn the_table_is_whole_and_in_order_of_rank() {
        let text = document(&comparison(false));
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 27);
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|l| l.chars().count() == width && l.matches('|').count() == HEAD.len() + 1));
        let cells = |line: &str| line.split('|').map(|c| c.trim().to_string()).collect::<Vec<_>>();
        assert_eq!(cells(lines[2])[1..4], ["crnn", "0.1M", "1"]);
        assert_eq!((cells(lines[2])[6].as_str(), cells(lines[2])[10].as_str()), ("best", "2 of 3"));
        assert_eq!(cells(lines[3])[1..4], ["k2c1", "0.1M", "2"]);
        assert_eq!(cells(lines[6])[1..5], ["k2c2", "0.1M", "-", "-"]);
        assert_eq!(cells(lines[6])[10], "0 of 3");
        assert!(text.contains("- k2c2 0.1M, seed 1: the loss became NaN"));
        assert!(text.contains("28 clips to train"));
    }
}
