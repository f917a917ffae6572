//! The program's figures against scikit-learn's and a naive DeLong; see tests/golden/sklearn/README.md.
use serde::Deserialize;
use trainer::eval::{Confusion, EvalOptions, Ranking, Scores, auc_interval, auc_variance, evaluate};

#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<f32>,
    positive: Vec<u8>,
    threshold: f64,
    auc: f64,
    average_precision: f64,
    balanced_accuracy: f64,
    delong_variance: Option<f64>,
    roc: Roc,
}

#[derive(Deserialize)]
struct Roc {
    fpr: Vec<f64>,
    tpr: Vec<f64>,
    thresholds: Vec<f64>,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/golden/sklearn/golden.json")).unwrap();
    assert!(cases.len() >= 14);
    cases
}

fn ranking(case: &Case) -> Ranking {
    let scores = case.scores.iter().map(|&score| f64::from(score));
    Ranking::new(scores.zip(case.positive.iter().map(|&positive| positive == 1))).unwrap()
}

#[track_caller]
fn agree(name: &str, what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-9, "{name}: {what} is {ours}, scikit-learn says {theirs}");
}

#[test]
fn auc_precision_and_balanced_accuracy_agree_with_scikit_learn() {
    for case in cases() {
        let ranking = ranking(&case);
        agree(&case.name, "AUC", ranking.auc(), case.auc);
        agree(&case.name, "average precision", ranking.average_precision(), case.average_precision);
        let balanced = Confusion::at(&ranking, case.threshold).balanced_accuracy().unwrap();
        agree(&case.name, "balanced accuracy", balanced.value, case.balanced_accuracy);
    }
}

#[test]
fn roc_curves_have_the_points_of_scikit_learn() {
    for case in cases() {
        let curve = ranking(&case).roc_curve();
        assert_eq!(curve.thresholds[0], f64::INFINITY);
        let series = [
            ("false positive rate", &curve.false_positive_rate[..], &case.roc.fpr[..]),
            ("true positive rate", &curve.true_positive_rate, &case.roc.tpr),
            ("threshold", &curve.thresholds[1..], &case.roc.thresholds),
        ];
        for (what, ours, theirs) in series {
            assert_eq!(ours.len(), theirs.len(), "{}: number of {what}s", case.name);
            ours.iter().zip(theirs).for_each(|(&a, &b)| agree(&case.name, what, a, b));
        }
    }
}

#[test]
fn variance_agrees_with_the_definition_of_delong() {
    for case in cases() {
        let ours = auc_variance(&ranking(&case));
        assert_eq!(ours.variance.is_some(), case.delong_variance.is_some(), "{}", case.name);
        agree(
            &case.name,
            "DeLong variance",
            ours.variance.unwrap_or(0.0),
            case.delong_variance.unwrap_or(0.0),
        );
    }
}

#[test]
fn every_case_has_an_interval_of_some_width_that_holds_its_auc() {
    for case in cases() {
        let interval = auc_interval(&ranking(&case));
        let bounds = [0.0, interval.low, interval.auc, interval.high, 1.0];
        assert!(bounds.is_sorted(), "{}: {interval:?}", case.name);
        assert!(interval.high - interval.low > 0.02, "{}: {interval:?}", case.name);
    }
}

#[test]
fn a_report_says_what_scikit_learn_says() {
    for case in cases() {
        let truth = case.positive.iter().map(|&positive| f32::from(positive)).collect();
        let test =
            Scores::new(vec!["tag".to_string()], case.scores.len(), truth, case.scores.clone()).unwrap();
        let options = EvalOptions {
            resamples: 50,
            thresholds: vec![("TAG".to_string(), case.threshold)],
            ..EvalOptions::default()
        };
        let report = evaluate("model", "golden", None, &test, &options).unwrap();
        let tag = &report.tags[0];
        agree(&case.name, "AUC", tag.auc, case.auc);
        agree(&case.name, "mean AUC", report.mean_auc, case.auc);
        agree(&case.name, "average precision", tag.ap, case.average_precision);
        agree(&case.name, "balanced accuracy", tag.balanced_accuracy, case.balanced_accuracy);
    }
}
