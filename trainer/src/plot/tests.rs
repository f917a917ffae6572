//! Layout: no text lies on other text or beyond the edge, whatever the number of tags and their names.
use super::figure::{Align, Figure, Label, Mark};
use super::parallel::{self, ParallelAxis, ParallelLine, Places};
use super::{
    AttentionStep, EpochPoint, Kernels, Matrix, attention, auc, calibration, compare, font, kernels,
    learning, matrix, precision, roc,
};
use crate::eval::{EvalOptions, Scores, evaluate, reliability};

/// Left, top, right and bottom of a label's ink, a little generous in height.
fn extent(label: &Label) -> [f64; 4] {
    let (width, half) = (font::width(&label.text, label.size), label.size * 0.45);
    let before = match label.align {
        Align::Start => 0.0,
        Align::Middle => width / 2.0,
        Align::End => width,
    };
    let (x, y) = label.at;
    if label.upwards {
        return [x - half, y - (width - before), x + half, y + before];
    }
    [x - before, y - half, x + width - before, y + half]
}

#[track_caller]
fn tidy(figure: &Figure) {
    let labels: Vec<(&str, [f64; 4])> = figure
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Text(label) => Some((label.text.as_str(), extent(label))),
            _ => None,
        })
        .collect();
    assert!(labels.len() > 3);
    for (at, (text, [left, top, right, bottom])) in labels.iter().enumerate() {
        assert!(*left >= 4.0 && *top >= 4.0, "{text:?} leaves the figure");
        assert!(*right <= figure.width - 4.0 && *bottom <= figure.height - 4.0, "{text:?} leaves the figure");
        for (other, [l, t, r, b]) in &labels[at + 1..] {
            let apart = right < l || r < left || bottom < t || b < top;
            assert!(apart, "{text:?} lies on {other:?}");
        }
    }
}

/// Tags of every quality from inverted to perfect, with names from short to very long.
fn scores(tags: usize) -> Scores {
    let names = (0..tags).map(|tag| format!("tag {tag} {}", "WM & so on ".repeat(tag % 9))).collect();
    let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
    for clip in 0..90usize {
        for tag in 0..tags {
            let present = (clip * 7 + tag * 3) % 5 == 0;
            let noise = (clip * 37 + tag * 11) % 89;
            truth.push(f32::from(u8::from(present)));
            let skill = if present { 90 * tag / tags } else { 20 };
            probabilities.push((noise + skill) as f32 / 200.0);
        }
    }
    Scores::new(names, 90, truth, probabilities).unwrap()
}

#[test]
fn roc_curves_are_tidy() {
    for tags in [1, 2, 7, 20, 21, 50] {
        tidy(&roc::figure(&"a long title ".repeat(20), &scores(tags)).unwrap());
    }
}

#[test]
fn curves_of_precision_are_tidy() {
    for tags in [1, 2, 7, 20, 21, 50] {
        tidy(&precision::figure(&"a long title ".repeat(20), &scores(tags)).unwrap());
    }
}

#[test]
fn calibration_is_tidy_for_any_number_of_bins() {
    for most in [0.005, 0.04, 0.3, 1.0] {
        let p: Vec<f32> = (0..4000).map(|i| most * i as f32 / 4000.0).collect();
        let truth: Vec<f32> = (0..4000).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
        tidy(
            &calibration::figure(&"a long title ".repeat(20), &reliability(&p, &truth, 4).unwrap()).unwrap(),
        );
    }
}

#[test]
fn matrices_are_tidy_and_show_at_most_sixty_tags() {
    for tags in [2, 3, 12, 50, 80] {
        let names: Vec<String> =
            (0..tags).map(|i| format!("{i} {}", "name of a tag ".repeat(1 + i % 4))).collect();
        let values =
            (0..tags * tags).map(|i| if i % 7 == 0 { f64::NAN } else { (i % 11) as f64 / 10.0 }).collect();
        tidy(&matrix::figure("title", &"what it is ".repeat(20), &Matrix { names, values }).unwrap());
    }
    assert!(matrix::figure("title", "", &Matrix { names: vec!["one".into()], values: vec![1.0] }).is_err());
}

#[test]
fn kernels_are_tidy_at_any_size() {
    for (count, bands, frames) in [(1, 96, 4), (19, 3, 3), (339, 96, 4), (80, 128, 7)] {
        let values = (0..count * bands * frames).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        tidy(&kernels::figure(&"title ".repeat(40), &Kernels { count, bands, frames, values }).unwrap());
    }
    let none = Kernels { count: 1, bands: 4, frames: 4, values: vec![0.0; 16] };
    tidy(&kernels::figure("all weights are 0", &none).unwrap());
    assert!(kernels::figure("", &Kernels { count: 2, ..none }).is_err());
}

#[test]
fn auc_by_tag_is_tidy() {
    for tags in [1, 2, 7, 20, 50, 70, 230] {
        let options = EvalOptions { resamples: 20, ..EvalOptions::default() };
        let report = evaluate(&"long name ".repeat(20), "corpus", None, &scores(tags), &options).unwrap();
        tidy(&auc::figure(&report).unwrap());
    }
}

#[test]
fn learning_curves_are_tidy_at_any_size_of_loss() {
    for (count, loss) in [(1, 0.7), (2, 1e-4), (12, 0.3), (90, 25.0), (1000, 12_345.0), (20_000, 1.0)] {
        let epochs: Vec<EpochPoint> = (1..=count)
            .map(|epoch| EpochPoint {
                epoch,
                train_loss: loss / (epoch as f64).sqrt(),
                validation_loss: Some(loss * 1.1 / (epoch as f64).sqrt()),
                validation_auc: Some(1.0 - 0.4 / epoch as f64),
                validation_agreement: None,
            })
            .collect();
        tidy(&learning::figure("title", &epochs).unwrap());
    }
}

#[test]
fn equal_values_and_one_epoch_have_a_scale() {
    for value in [0.0, 0.5, 1.0] {
        let point = EpochPoint {
            epoch: 3,
            train_loss: value,
            validation_loss: None,
            validation_auc: None,
            validation_agreement: Some(value),
        };
        tidy(&learning::figure("title", &[point, EpochPoint { epoch: 4, ..point }]).unwrap());
    }
}

#[test]
fn comparisons_are_tidy_beside_the_paper_and_apart_from_it() {
    for is_papers_corpus in [false, true] {
        let mut comparison = crate::compare::report::tests::comparison(is_papers_corpus);
        let all = compare::figure(&comparison).unwrap();
        tidy(&all);
        let said = |wanted: &str| {
            all.marks.iter().any(|mark| matches!(mark, Mark::Text(label) if label.text.contains(wanted)))
        };
        assert_eq!(said("not comparable"), !is_papers_corpus);
        comparison.about.corpus = "manifest:/a/very/long/name/".repeat(9);
        comparison.rows.retain(|row| row.budget == crate::net::Budget::M0_1);
        tidy(&compare::figure(&comparison).unwrap());
        comparison.rows.iter_mut().for_each(|row| row.result = None);
        assert!(compare::figure(&comparison).is_err());
    }
}

#[test]
fn parallel_coordinates_are_tidy() {
    for (axes, trials) in [(1, 1), (1, 30), (4, 2), (9, 81)] {
        let spread = |trial: usize, axis: usize| ((trial * 37 + axis * 11) % 97 + 1) as f64;
        let axes: Vec<ParallelAxis> = (0..axes)
            .map(|axis| ParallelAxis {
                name: format!("recipe.{}", "a_long_name ".repeat(axis + 1)),
                places: match axis % 3 {
                    0 => Places::Numbers {
                        logarithmic: true,
                        values: (0..trials).map(|trial| 1e-5 * spread(trial, axis).powi(2)).collect(),
                    },
                    1 => Places::Numbers {
                        logarithmic: false,
                        values: (0..trials).map(|trial| spread(trial, axis)).collect(),
                    },
                    _ => Places::Choices {
                        names: (0..5).map(|i| format!("[spec-augment={i}:64:2, mixup=0.2]")).collect(),
                        places: (0..trials).map(|trial| (trial + axis) % 5).collect(),
                    },
                },
            })
            .collect();
        let lines: Vec<ParallelLine> = (0..trials)
            .map(|trial| ParallelLine {
                auc: 0.5 + spread(trial, 50) / 250.0,
                last: trial % 5 == 0,
                best: trial == 0,
            })
            .collect();
        tidy(&parallel::figure("a title", &axes, &lines).unwrap());
        let failed: Vec<ParallelLine> =
            lines.iter().map(|line| ParallelLine { auc: f64::NAN, ..*line }).collect();
        assert!(parallel::figure("a title", &axes, &failed).is_err());
    }
}

#[test]
fn attention_is_tidy_for_any_number_of_windows() {
    for windows in [1, 2, 3, 40, 600] {
        let steps: Vec<AttentionStep> = (0..windows * 15)
            .map(|i| AttentionStep {
                row: i / 15 % 2,
                from: 14.57 * (i / 15) as f64 + 1.94 * (i % 15) as f64,
                to: 14.57 * (i / 15) as f64 + 1.94 * (i % 15 + 1) as f64,
                weight: (1 + i * 7 % 5) as f64 / 45.0,
                even: 1.0 / 15.0,
                first: i % 15 == 0,
            })
            .collect();
        tidy(&attention::figure(&"a long title ".repeat(20), "what it is", &steps).unwrap());
    }
    assert!(attention::figure("title", "", &[]).is_err());
}
