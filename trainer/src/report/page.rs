//! The page's text.
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::figures::Shown;
use super::html::{cell, escaped};
use super::{Material, Siblings};
use crate::eval::{Evaluation, MeanMethod, TagReport, ThresholdSource};

/// The page as a whole.
pub(super) fn page(
    material: &Material<'_>,
    figures: &[Shown],
    siblings: &[Siblings],
    data: &Value,
) -> String {
    let evaluation = material.evaluation;
    let title = format!("{} on {}", evaluation.model, evaluation.corpus);
    // Nothing in the data ends the script that it stands in.
    let data = data.to_string().replace('<', "\\u003c");
    let parts = [
        ("<!--TITLE-->", escaped(&title)),
        ("<!--STYLE-->", include_str!("page.css").to_owned()),
        ("<!--VERDICT-->", verdict(material)),
        ("<!--TAGS-->", tag_table(evaluation)),
        ("<!--CURVES-->", shown(figures, &["auc", "roc", "precision"])),
        ("<!--CALIBRATION-->", shown(figures, &["calibration"])),
        (
            "<!--LEARNING-->",
            or_else(
                shown(figures, &["learning"]),
                "How this model was trained is not in its folder (<code>run.json</code>).",
            ),
        ),
        (
            "<!--TOGETHER-->",
            or_else(
                shown(figures, &["together-people", "together-model"]),
                "One tag goes together with none.",
            ),
        ),
        ("<!--SIBLINGS-->", sibling_table(siblings) + &shown(figures, &["confusion"])),
        (
            "<!--KERNELS-->",
            or_else(
                shown(figures, &["kernels"]),
                "The model's file shows no first layer over mel bands and frames.",
            ),
        ),
        ("<!--SYNTHETIC-->", synthetic(material)),
        ("<!--MADE-->", made(material)),
        ("<!--DATA-->", data),
        ("<!--SCRIPT-->", include_str!("page.js").to_owned()),
    ];
    // Piece by piece and not by replacing: what is put in may hold a mark, too.
    let mut page = String::new();
    let mut rest = include_str!("page.html");
    for (mark, text) in parts {
        let Some((before, after)) = rest.split_once(mark) else { continue };
        page += before;
        page += &text;
        rest = after;
    }
    page + rest
}

fn or_else(html: String, otherwise: &str) -> String {
    if html.is_empty() { format!("<p class=\"soft\">{otherwise}</p>") } else { html }
}

fn shown(figures: &[Shown], names: &[&str]) -> String {
    let mut html = String::new();
    for figure in figures.iter().filter(|figure| names.contains(&figure.name)) {
        let picture = match (&figure.svg, &figure.png) {
            // What stands before it, an XML declaration say, is for a file of its own.
            (Some(svg), _) => scaling(&svg[svg.find("<svg").unwrap_or(0)..], figure.said),
            (None, Some(png)) => {
                format!(
                    "<img style=\"max-width:900px\" alt=\"{}\" src=\"data:image/png;base64,{}\">",
                    figure.said,
                    STANDARD.encode(png)
                )
            }
            (None, None) => continue,
        };
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<figure id=\"figure-{0}\">{picture}<figcaption>{1} (<a href=\"{0}.svg\">SVG</a>, <a href=\"{0}.png\">PNG</a>)\
             </figcaption></figure>",
            figure.name, figure.said
        );
    }
    html
}

/// An SVG that shrinks with its place, and is not wider than it was made: its size as a view box, in finer units, is in it
/// already.
fn scaling(svg: &str, said: &str) -> String {
    let width = svg
        .split_once("width=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("900", |(width, _)| width);
    let label = format!(
        "<svg role=\"img\" aria-label=\"{}\" style=\"max-width:{}px\" ",
        escaped(said),
        escaped(width)
    );
    svg.replacen("<svg ", &label, 1)
}

fn verdict(material: &Material<'_>) -> String {
    let evaluation = material.evaluation;
    let above: Vec<&TagReport> = evaluation.tags.iter().filter(|tag| tag.above_chance).collect();
    let below: Vec<&TagReport> = evaluation.tags.iter().filter(|tag| !tag.above_chance).collect();
    let all = evaluation.tags.len();
    let said = match (below.len(), above.len()) {
        (0, 1) => "Its one tag is told better than by chance.".into(),
        (1, 0) => "Its one tag is not told better than by chance.".into(),
        (0, _) => format!("Every one of its {all} tags is told better than by chance."),
        (_, 0) => format!("None of its {all} tags is told better than by chance."),
        (few, _) => format!("{} of its {all} tags are told better than by chance, {few} not.", above.len()),
    };
    let [low, high] = evaluation.mean_auc_ci95;
    let over = match evaluation.mean_auc_ci_method {
        MeanMethod::Bootstrap => "clips drawn",
        MeanMethod::BootstrapOverGroups => "groups (artists) drawn",
        MeanMethod::MeanOfTagIntervals => "mean of the tags' intervals",
    };
    let mut html = format!(
        "<p class=\"verdict\">{said}</p><div class=\"numbers\">\
         <div><b>{:.3}</b>mean AUC<span>{low:.3} to {high:.3}, {over}</span></div>\
         <div><b>{:.3}</b>mean average precision<span>{:.3} by chance</span></div>\
         <div><b>{}</b>clips<span>{} split</span></div>",
        evaluation.mean_auc,
        evaluation.mean_ap,
        chance_ap(evaluation),
        evaluation.clips,
        escaped(&evaluation.split),
    );
    if let Some(int8) = &evaluation.int8 {
        let _ = write!(
            html,
            "<div><b>{:.3}</b>mean AUC in 8 bits<span>{:+.4} against float</span></div>",
            int8.mean_auc, int8.auc_difference
        );
    }
    html += "</div>";
    let mut ranked: Vec<&TagReport> = evaluation.tags.iter().collect();
    ranked.sort_by(|a, b| b.auc.total_cmp(&a.auc));
    if let (Some(best), Some(worst)) = (ranked.first(), ranked.last()) {
        let _ = write!(
            html,
            "<p>Best: <b>{}</b>, {:.3}. Worst: <b>{}</b>, {:.3}. A tag counts as told when its balanced accuracy and the lower \
             bound of its 95 % interval are above 50 %.</p>",
            escaped(&best.tag),
            best.auc,
            escaped(&worst.tag),
            worst.auc
        );
    }
    if !below.is_empty() {
        let names: Vec<String> =
            below.iter().map(|tag| format!("<span class=\"tag no\">{}</span>", escaped(&tag.tag))).collect();
        let _ = write!(html, "<p>Not above chance: {}</p>", names.join(" "));
        let elsewhere =
            |tag: &&&TagReport| tag.threshold_from != ThresholdSource::Validation && tag.ci95[0] > 0.5;
        let misled = below.iter().filter(elsewhere).count();
        if misled > 0 {
            let _ = write!(
                html,
                "<p class=\"soft\">Of these, {misled} are ranked well (the interval of their AUC is above 0.5): it is the threshold that \
                 does not fit. It was not chosen on clips of this corpus, which has none for that, or is not evaluated on its test \
                 split.</p>"
            );
        }
    }
    if let Some(beside) = &evaluation.beside {
        let [low, high] = beside.difference_ci95;
        let _ = write!(
            html,
            "<p>On the {} tags that both have, {:.3} beside {:.3} of <b>{}</b>: {:+.3} ({low:+.3} to {high:+.3}, in pairs).</p>",
            beside.tags.len(),
            beside.mean_auc,
            beside.beside_mean_auc,
            escaped(&beside.model),
            beside.difference
        );
    }
    if let Some(paper) = &material.paper {
        let _ = write!(html, "<pre>{}</pre>", paper.lines().map(escaped).collect::<Vec<_>>().join("\n"));
    }
    if let Some(robustness) = &evaluation.robustness {
        html += "<h3>On changed sound</h3><div class=\"wide\"><table class=\"plain\"><thead><tr><th>change</th><th>mean AUC</th>\
                 <th>difference</th><th>95 % interval</th><th>mean AP</th><th>p moves by</th></tr></thead><tbody>";
        let _ = write!(
            html,
            "<tr><td>as it is</td><td>{:.3}</td><td></td><td></td><td>{:.3}</td><td></td></tr>",
            robustness.mean_auc, robustness.mean_ap
        );
        for change in &robustness.changes {
            let [low, high] = change.auc_difference_ci95;
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{:.3}</td><td>{:+.3}</td><td>{low:+.3} to {high:+.3}</td><td>{:.3}</td><td>{:.3}</td></tr>",
                escaped(&change.said),
                change.mean_auc,
                change.auc_difference,
                change.mean_ap,
                change.mean_abs_difference
            );
        }
        html += "</tbody></table></div>";
    }
    html
}

/// Mean over the tags of the share of clips that have each: what a model without any knowledge gets.
fn chance_ap(evaluation: &Evaluation) -> f64 {
    let share = |tag: &TagReport| tag.positives as f64 / tag.labelled.max(1) as f64;
    evaluation.tags.iter().map(share).sum::<f64>() / evaluation.tags.len().max(1) as f64
}

fn tag_table(evaluation: &Evaluation) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table id=\"tags\"><thead><tr><th data-sort=\"text\">tag</th><th>positives</th><th>AUC</th>\
         <th>95 % interval</th><th>AP</th><th>balanced accuracy</th><th>95 % interval</th><th>threshold</th><th>above chance</th>\
         </tr></thead><tbody>",
    );
    let mut tags: Vec<&TagReport> = evaluation.tags.iter().collect();
    tags.sort_by(|a, b| b.auc.total_cmp(&a.auc).then_with(|| a.tag.cmp(&b.tag)));
    for tag in tags {
        let interval = |bounds: [f64; 2]| cell(bounds[0], &format!("{:.3} – {:.3}", bounds[0], bounds[1]));
        let from = match tag.threshold_from {
            ThresholdSource::Validation => "",
            ThresholdSource::Given => " (given)",
            ThresholdSource::Fixed => " (fixed)",
        };
        let (class, told) = if tag.above_chance { ("yes", "yes") } else { ("no", "no") };
        let _ = write!(
            html,
            "<tr data-index=\"{9}\"><td data-value=\"{0}\"><button class=\"open\" aria-expanded=\"false\">{0}</button></td>{1}{2}{3}{4}{5}{6}{7}\
             <td data-value=\"{8}\"><span class=\"tag {class}\">{told}</span></td></tr>",
            escaped(&tag.tag),
            cell(tag.positives as f64, &format!("{} / {}", tag.positives, tag.labelled)),
            cell(tag.auc, &format!("{:.3}", tag.auc)),
            interval(tag.ci95),
            cell(tag.ap, &format!("{:.3}", tag.ap)),
            cell(tag.balanced_accuracy, &format!("{:.3}", tag.balanced_accuracy)),
            interval(tag.balanced_accuracy_ci95),
            cell(tag.threshold, &format!("{:.3}{from}", tag.threshold)),
            u8::from(tag.above_chance),
            evaluation.tags.iter().position(|other| other.tag == tag.tag).unwrap_or_default(),
        );
    }
    html += "</tbody></table></div>";
    if !evaluation.left_out.is_empty() {
        let _ =
            write!(html, "<details><summary>{} tags are left out</summary><ul>", evaluation.left_out.len());
        for one in &evaluation.left_out {
            let _ = write!(html, "<li>{}: {}</li>", escaped(&one.tag), escaped(&one.reason));
        }
        html += "</ul></details>";
    }
    html
}

fn sibling_table(siblings: &[Siblings]) -> String {
    if siblings.is_empty() {
        return "<p class=\"soft\">No two tags are given to the same clips often enough to tell.</p>".into();
    }
    let mut html = String::from(
        "<div class=\"wide\"><table id=\"siblings\"><thead><tr><th data-sort=\"text\">tag</th><th data-sort=\"text\">and</th>\
         <th>correlation</th><th>told apart (AUC)</th><th>clips with both</th><th>first alone</th><th>heard as second</th>\
         <th>second alone</th><th>heard as first</th></tr></thead><tbody>",
    );
    let percent = |share: f64| {
        if share.is_finite() { cell(share, &format!("{:.0} %", 100.0 * share)) } else { cell(-1.0, "–") }
    };
    for pair in siblings {
        let _ = write!(
            html,
            "<tr><td data-value=\"{0}\">{0}</td><td data-value=\"{1}\">{1}</td>{2}{3}{4}{5}{6}{7}{8}</tr>",
            escaped(&pair.a),
            escaped(&pair.b),
            cell(pair.correlation, &format!("{:.2}", pair.correlation)),
            cell(pair.told_apart, &format!("{:.3}", pair.told_apart)),
            cell(pair.both as f64, &pair.both.to_string()),
            cell(pair.only_a as f64, &pair.only_a.to_string()),
            percent(pair.a_heard_as_b),
            cell(pair.only_b as f64, &pair.only_b.to_string()),
            percent(pair.b_heard_as_a),
        );
    }
    html + "</tbody></table></div>"
}

/// Why there is nothing to listen to.
fn synthetic(material: &Material<'_>) -> String {
    if material.clips.iter().any(|clip| clip.path.is_some()) {
        return String::new();
    }
    "<p class=\"soft\">These clips are synthetic and lie in no file: <code>trainer synth</code> writes such clips.</p>".into()
}

fn made(material: &Material<'_>) -> String {
    let evaluation = material.evaluation;
    let mut rows: Vec<(String, String)> = vec![
        ("model".into(), evaluation.model.clone()),
        ("corpus".into(), evaluation.corpus.clone()),
        ("split".into(), evaluation.split.clone()),
        ("how it was split".into(), evaluation.split_rule.clone()),
        (
            "figures of".into(),
            evaluation.precision.clone().map_or("the float32 file".into(), |p| format!("the {p} file")),
        ),
        ("a clip's windows".into(), evaluation.aggregate.clone().unwrap_or_else(|| "mean".into())),
        (
            "scored under other names".into(),
            evaluation
                .scored_as
                .iter()
                .map(|[model, corpus]| format!("{model} as {corpus}"))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("a label counts from".into(), evaluation.positive_threshold.to_string()),
        ("bootstrap".into(), format!("{} resamples, seed {}", evaluation.resamples, evaluation.seed)),
    ];
    rows.extend(material.facts.iter().cloned());
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<String> =
        rows.map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value))).collect();
    format!("<dl>{}</dl>", rows.concat())
}
