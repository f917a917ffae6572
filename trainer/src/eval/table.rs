//! The report as a table for the terminal, at most 100 columns wide.
use std::fmt::Write;

use super::report::{Evaluation, TagReport};

const TAG_WIDTH: usize = 26;

/// The evaluation as lines of text, each ending in a newline: tags from best to worst AUC, their mean, what was
/// left out, and int8 where it was measured.
pub fn table(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut text, evaluation);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn write_table(out: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    let Evaluation { model, corpus, split, clips, .. } = evaluation;
    writeln!(out, "{model} on {corpus}, {split} split, {clips} clips")?;
    if !evaluation.split_rule.is_empty() {
        writeln!(out, "split: {}", evaluation.split_rule)?;
    }
    let rule = "-".repeat(98);
    writeln!(out)?;
    writeln!(
        out,
        "{:TAG_WIDTH$} {:>11}  {:>5}  {:<13}  {:>5}  {:>8}  {:<13}  {:<6}",
        "tag", "positives", "AUC", "95 % CI", "AP", "bal.acc.", "95 % CI", "above"
    )?;
    writeln!(out, "{:>96}", "chance")?;
    writeln!(out, "{rule}")?;
    let mut tags: Vec<&TagReport> = evaluation.tags.iter().collect();
    tags.sort_by(|a, b| b.auc.total_cmp(&a.auc).then_with(|| a.tag.cmp(&b.tag)));
    for tag in &tags {
        writeln!(
            out,
            "{} {:>11}  {:.3}  {}  {:.3}  {:>8.3}  {}  {:<6}",
            shown(&tag.tag),
            format!("{}/{}", tag.positives, tag.labelled),
            tag.auc,
            interval(tag.ci95),
            tag.ap,
            tag.balanced_accuracy,
            interval(tag.balanced_accuracy_ci95),
            if tag.above_chance { "yes" } else { "NO" },
        )?;
    }
    writeln!(out, "{rule}")?;
    let above = tags.iter().filter(|tag| tag.above_chance).count();
    let balanced = tags.iter().map(|tag| tag.balanced_accuracy).sum::<f64>() / tags.len().max(1) as f64;
    writeln!(
        out,
        "{:TAG_WIDTH$} {:>11}  {:.3}  {}  {:.3}  {:>8.3}  {:13}  {above} of {}",
        "mean",
        format!("{} tags", tags.len()),
        evaluation.mean_auc,
        interval(evaluation.mean_auc_ci95),
        evaluation.mean_ap,
        balanced,
        "",
        tags.len(),
    )?;
    if let (Some(best), Some(worst)) = (tags.first(), tags.last()) {
        writeln!(out, "best {} {:.3}, worst {} {:.3}", best.tag, best.auc, worst.tag, worst.auc)?;
    }
    if let Some(calibration) = &evaluation.calibration {
        writeln!(
            out,
            "calibration: probabilities are off by {:.3} in the mean, a tag's mean by {:.3}",
            calibration.expected_error, calibration.tag_error
        )?;
    }
    if let Some(int8) = evaluation.int8 {
        writeln!(
            out,
            "int8: mean AUC {:.4} ({:+.4} against float32), largest difference of a probability {:.4}",
            int8.mean_auc, int8.auc_difference, int8.max_abs_difference
        )?;
    }
    if !evaluation.left_out.is_empty() {
        writeln!(out, "left out:")?;
        for one in &evaluation.left_out {
            writeln!(out, "  {}: {}", one.tag, one.reason)?;
        }
    }
    Ok(())
}

/// A tag's name cut or filled to its column.
fn shown(tag: &str) -> String {
    let clean: String = tag.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let width = clean.chars().count();
    if width <= TAG_WIDTH {
        return clean + &" ".repeat(TAG_WIDTH - width);
    }
    clean.chars().take(TAG_WIDTH - 1).chain(['…']).collect()
}

fn interval(bounds: [f64; 2]) -> String {
    format!("{:.3} - {:.3}", bounds[0], bounds[1])
}
