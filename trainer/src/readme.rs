//! The README of a model folder, made of its card, so that no figure is copied by hand.

use runtime::card::Card;
use serde_json::Value;
use std::fmt::Write;

/// The text; `files` are the models' names and sizes in bytes, where they are there.
pub fn readme(card: &Card, files: &[(&str, Option<usize>)]) -> String {
    let mut text = format!("# {}\n\n", card.name);
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let data = card.data.as_ref();
    let said = |key: &str| data.and_then(|data| data[key].as_str()).map(str::to_owned);
    if let Some(about) = said("about") {
        line(about);
        line(String::new());
    }
    line("Written by `trainer card` from `card.json`.\n".into());
    line("| | |\n|---|---|".into());
    if let Some(parameters) = card.parameters {
        line(format!("| parameters | {parameters} |"));
    }
    let kilobytes = |bytes: usize| format!("{:.0} kB", bytes as f64 / 1000.0);
    for (name, bytes) in files {
        if let &Some(bytes) = bytes {
            line(format!("| {name} | {} |", kilobytes(bytes)));
        }
    }
    if let Some(shape) = &card.architecture {
        if let (Some(heard), Some(stride)) = (shape["seconds_heard"].as_f64(), shape["stride"].as_f64()) {
            let every = stride * card.front_end.hop_length as f64 / f64::from(card.front_end.sample_rate);
            line(format!("| one answer hears | {heard:.1} s, a new one every {every:.2} s |"));
        }
        if let Some(operations) = shape["multiply_accumulates"].as_f64() {
            line(format!("| multiply-accumulates of one answer alone | {:.1} million |", operations / 1e6));
        }
    }
    if let Some(licence) = &card.licence {
        line(format!("| licence of the weights | {licence} |"));
    }
    line(format!("| tags | {} |", card.tags.join(", ")));
    if let Some(Value::Object(metrics)) = &card.metrics {
        // A card of one evaluation has it as it is, without a name.
        if metrics.values().all(Value::is_object) {
            metrics.iter().for_each(|(name, of)| line(section(name, of)));
        }
    }
    if let Some(calibration) = card.other.get("calibration") {
        line(reliability(calibration));
    }
    for (key, title) in
        [("limits", "What it does not know"), ("sources", "What it learned from"), ("credits", "Credits")]
    {
        match data.map(|data| &data[key]) {
            Some(Value::Array(entries)) if !entries.is_empty() => {
                line(format!("\n## {title}\n"));
                entries.iter().filter_map(Value::as_str).for_each(|entry| line(format!("- {entry}")));
            }
            _ => {}
        }
    }
    if let Some(how) = said("rebuild") {
        line(format!("\n## Again\n\n{how}"));
    }
    text
}

/// One evaluation.
fn section(name: &str, of: &Value) -> String {
    let mut text = format!("\n## {name}\n\n");
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let interval = |value: &Value| format!("{:.3} - {:.3}", number(&value[0]), number(&value[1]));
    // Writing to a text in memory cannot fail.
    let _ = writeln!(
        text,
        "{} clips. Mean AUC **{:.3}** ({}, 95 %).",
        of["clips"],
        number(&of["mean_auc"]),
        interval(&of["mean_auc_ci95"])
    );
    if of["int8"].is_object() {
        let int8 = &of["int8"];
        let _ = writeln!(
            text,
            "int8: {:.3} ({:+.4}).",
            number(&int8["mean_auc"]),
            number(&int8["auc_difference"])
        );
    }
    let beside = &of["beside"];
    if beside.is_object() {
        let _ = writeln!(
            text,
            "Beside it {} on the same clips: {:.3} ({}); the model has {:.3} ({}) of its excess over chance.",
            beside["model"].as_str().unwrap_or_default(),
            number(&beside["beside_mean_auc"]),
            interval(&beside["beside_mean_auc_ci95"]),
            number(&beside["ratio"]),
            interval(&beside["ratio_ci95"])
        );
    }
    for agreement in of["agreement"].as_array().into_iter().flatten() {
        let int8 = &agreement["int8"];
        let int8 = match int8.is_object() {
            true => format!("; int8 {:+.4}", number(&int8["difference"])),
            false => String::new(),
        };
        let _ = writeln!(
            text,
            "Rank correlation with the labels over {} {}: {:.3} ({}), mean of the tags{int8}.",
            agreement["pieces"],
            agreement["over"].as_str().unwrap_or_default(),
            number(&agreement["mean_correlation"]),
            interval(&agreement["mean_correlation_ci95"])
        );
    }
    let beside_tags = beside["tags"].as_array();
    let header = match beside_tags {
        Some(_) => "\n| tag | clips with it | AUC (95 %) | beside |\n|---|---:|---|---|",
        None => "\n| tag | clips with it | AUC (95 %) |\n|---|---:|---|",
    };
    let _ = writeln!(text, "{header}");
    for tag in of["tags"].as_array().into_iter().flatten() {
        let _ = write!(
            text,
            "| {} | {} | {:.3} ({}) |",
            tag["tag"].as_str().unwrap_or_default(),
            tag["positives"],
            number(&tag["auc"]),
            interval(&tag["ci95"])
        );
        if let Some(tags) = beside_tags {
            match tags.iter().find(|other| other["tag"] == tag["tag"]) {
                Some(other) => {
                    let _ = write!(text, " {:.3} |", number(&other["beside_auc"]));
                }
                None => text.push_str(" |"),
            }
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Calibration, before and after.
fn reliability(calibration: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let (before, after) = (&calibration["before"], &calibration["after"]);
    let mut text = String::from("\n## Whether its probabilities mean what they say\n\n");
    let _ = writeln!(
        text,
        "On {} validation windows, against the teacher's probabilities. The lines that mend it are fitted to every other \
         clip and judged on the rest; what ships has lines fitted to all.\n",
        calibration["windows"]
    );
    let _ = writeln!(text, "| | before | after |\n|---|---:|---:|");
    for (key, name) in [
        ("expected_error", "expected calibration error"),
        ("tag_error", "a tag's mean probability is off by, in the mean"),
        ("cross_entropy", "cross-entropy, nats"),
    ] {
        let _ = writeln!(text, "| {name} | {:.4} | {:.4} |", number(&before[key]), number(&after[key]));
    }
    let _ = writeln!(text, "\n| probability | answers | said | the teacher says |\n|---|---:|---:|---:|");
    for bin in after["bins"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "| {} - {} | {} | {:.3} | {:.3} |",
            round(&bin["from"]),
            round(&bin["to"]),
            bin["answers"],
            number(&bin["probability"]),
            number(&bin["truth"])
        );
    }
    text.trim_end().to_owned()
}

/// An edge of a bin, which was a float32.
fn round(value: &Value) -> f64 {
    (value.as_f64().unwrap_or(f64::NAN) * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sections_say_what_was_measured() {
        let of = json!({
            "clips": 130, "mean_auc": 0.8, "mean_auc_ci95": [0.75, 0.85],
            "int8": {"mean_auc": 0.799, "auc_difference": -0.001},
            "beside": {"model": "teacher", "beside_mean_auc": 0.81, "beside_mean_auc_ci95": [0.77, 0.85],
                       "ratio": 0.968, "ratio_ci95": [0.9, 1.02],
                       "tags": [{"tag": "rock", "beside_auc": 0.77}]},
            "agreement": [{"over": "segments", "pieces": 9, "mean_correlation": 0.85, "mean_correlation_ci95": [0.8, 0.9],
                           "int8": {"difference": 0.0002}}],
            "tags": [{"tag": "rock", "positives": 40, "auc": 0.8, "ci95": [0.7, 0.9]},
                     {"tag": "folk", "positives": 4, "auc": 0.6, "ci95": [0.4, 0.8]}],
        });
        let text = section("Songs", &of);
        for part in [
            "## Songs",
            "130 clips. Mean AUC **0.800** (0.750 - 0.850, 95 %).",
            "int8: 0.799 (-0.0010).",
            "teacher on the same clips: 0.810",
            "0.968 (0.900 - 1.020)",
            "over 9 segments: 0.850",
            "int8 +0.0002",
            "| rock | 40 | 0.800 (0.700 - 0.900) | 0.770 |",
            "| folk | 4 | 0.600 (0.400 - 0.800) | |",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn probabilities_are_shown_before_and_after() {
        let side = |error: f64| {
            json!({"expected_error": error, "tag_error": 0.01, "cross_entropy": 0.2,
                   "bins": [{"from": 0.05f32, "to": 0.1f32, "answers": 7, "probability": 0.07, "truth": 0.08}]})
        };
        let text = reliability(&json!({"windows": 5, "before": side(0.1), "after": side(0.01)}));
        assert!(text.contains("| expected calibration error | 0.1000 | 0.0100 |"), "{text}");
        assert!(text.contains("| 0.05 - 0.1 | 7 | 0.070 | 0.080 |"), "{text}");
    }
}
