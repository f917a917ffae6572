//! The report as scripts see it: shape, left-out tags, int8, the table; and the bootstrap's speed and order.
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainer::eval::{
    EvalError, EvalOptions, Evaluation, LeftOut, MeanMethod, Scores, ScoresError, ThresholdSource, compare,
    evaluate, match_tags, mean_auc_interval, table,
};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// Seeded scores: each tag present in a clip with chance `share`, probabilities shifted by `skill` where it is.
fn simulated(tags: usize, clips: usize, share: f64, skill: f64, seed: u64) -> Scores {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let truth: Vec<f32> = (0..clips * tags).map(|_| f32::from(u8::from(rng.random_bool(share)))).collect();
    let probabilities = truth
        .iter()
        .map(|&y| {
            let noise: f64 = (0..4).map(|_| rng.random::<f64>()).sum::<f64>() - 2.0;
            (1.0 / (1.0 + (-(2.0 * noise + skill * f64::from(y) - 1.0)).exp())) as f32
        })
        .collect();
    Scores::new((0..tags).map(|tag| format!("tag {tag}")).collect(), clips, truth, probabilities).unwrap()
}

#[test]
fn json_has_the_fields_that_scripts_rely_on_in_their_order() {
    let (validation, test) = (simulated(2, 80, 0.3, 2.0, 1), simulated(2, 90, 0.3, 2.0, 2));
    let options = EvalOptions { resamples: 100, ..EvalOptions::default() };
    let mut report = evaluate("k2c1", "synth", Some(&validation), &test, &options).unwrap();
    let bare = serde_json::to_string(&report).unwrap();
    assert!(!bare.contains("\"int8\""), "{bare}");
    assert!(!bare.contains("null"), "{bare}");

    report.int8 = Some(compare(&test, &test).unwrap());
    report.seconds = Some(1.5);
    let text = serde_json::to_string(&report).unwrap();
    let order = [
        "{\"model\":\"k2c1\"",
        "\"corpus\":\"synth\"",
        "\"clips\":90",
        "\"mean_auc\":",
        "\"mean_auc_ci95\":[",
        "\"tags\":[{\"tag\":\"tag 0\"",
        "\"auc\":",
        "\"ci95\":[",
        "\"ap\":",
        "\"positives\":",
        "\"balanced_accuracy\":",
        "\"above_chance\":true",
        "\"int8\":{\"mean_auc\":",
        "\"auc_difference\":0.0",
        "\"max_abs_difference\":0.0}",
        "\"split\":\"test\"",
        "\"seconds\":1.5",
    ];
    let mut from = 0;
    for field in order {
        let at = text[from..].find(field).unwrap_or_else(|| panic!("no {field} after {}", &text[..from]));
        from += at + field.len();
    }
    let back: Evaluation = serde_json::from_str(&text).unwrap();
    assert_eq!(back, report);
    assert!(report.tags.iter().all(|tag| tag.threshold_from == ThresholdSource::Validation));
}

#[test]
fn a_report_with_only_the_agreed_fields_is_read() {
    let text = r#"{"model":"m","corpus":"c","clips":3,"mean_auc":0.5,"mean_auc_ci95":[0.1,0.9],"tags":[]}"#;
    let report: Evaluation = serde_json::from_str(text).unwrap();
    assert_eq!((report.clips, report.int8, report.left_out.len()), (3, None, 0));
}

#[test]
fn a_tag_without_positives_is_left_out_with_its_reason() {
    let truth = [1.0, 0.0, f32::NAN, 0.2, 0.0, 0.0, f32::NAN, 0.7, 1.0, 0.0, f32::NAN, 0.4].to_vec();
    let probabilities = [0.9, 0.1, 0.5, 0.3, 0.2, 0.3, 0.5, 0.8, 0.7, 0.2, 0.5, 0.6].to_vec();
    let test = Scores::new(names(&["hit", "never", "unlabelled", "soft"]), 3, truth, probabilities).unwrap();
    let before = LeftOut { tag: "far".to_string(), reason: "the corpus has no such tag".to_string() };
    let options = EvalOptions { left_out: vec![before], ..EvalOptions::default() };
    let report = evaluate("m", "c", None, &test, &options).unwrap();
    let tags: Vec<&str> = report.tags.iter().map(|tag| tag.tag.as_str()).collect();
    assert_eq!(tags, ["hit", "soft"]);
    assert_eq!(report.tags[1].positives, 1);
    let left_out: Vec<(&str, &str)> =
        report.left_out.iter().map(|one| (one.tag.as_str(), one.reason.as_str())).collect();
    let expected = [
        ("far", "the corpus has no such tag"),
        ("never", "no positive clip among 3 labelled"),
        ("unlabelled", "no clip is labelled"),
    ];
    assert_eq!(left_out, expected);
    assert!(
        report.tags.iter().all(|tag| tag.threshold_from == ThresholdSource::Fixed && tag.threshold == 0.5)
    );

    let stricter = test.clone().with_positive_threshold(0.8).unwrap();
    let strict = evaluate("m", "c", None, &stricter, &EvalOptions::default()).unwrap();
    assert_eq!(strict.tags.len(), 1, "0.7 is below 0.8, so the soft tag has no positive");
}

#[test]
fn perfect_scores_of_few_clips_are_not_certain() {
    let truth: Vec<f32> = (0..10).flat_map(|clip| [f32::from(u8::from(clip < 4)); 2]).collect();
    let test = Scores::new(names(&["a", "b"]), 10, truth.clone(), truth).unwrap();
    let report = evaluate("m", "c", None, &test, &EvalOptions::default()).unwrap();
    assert_eq!(report.mean_auc, 1.0);
    assert_eq!(report.mean_auc_ci_method, MeanMethod::MeanOfTagIntervals);
    for bounds in report.tags.iter().map(|tag| tag.ci95).chain([report.mean_auc_ci95]) {
        assert!(bounds[0] > 0.5 && bounds[0] < 0.9 && bounds[1] == 1.0, "{bounds:?}");
    }
}

#[test]
fn a_rare_tag_never_answered_is_accurate_but_not_above_chance() {
    let truth: Vec<f32> = (0..200).map(|clip| f32::from(u8::from(clip < 6))).collect();
    let test = Scores::new(names(&["rare"]), 200, truth, vec![0.1; 200]).unwrap();
    let report = evaluate("m", "c", None, &test, &EvalOptions::default()).unwrap();
    let tag = &report.tags[0];
    assert!(tag.accuracy > 0.9);
    assert_eq!((tag.balanced_accuracy, tag.above_chance, tag.auc), (0.5, false, 0.5));
}

#[test]
fn nothing_to_score_is_an_error_that_says_why() {
    let test = Scores::new(names(&["a"]), 2, vec![0.0, 0.0], vec![0.1, 0.2]).unwrap();
    let error = evaluate("m", "c", None, &test, &EvalOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "no tag can be scored: a: no positive clip among 2 labelled");
    assert!(matches!(compare(&test, &test), Err(EvalError::NothingToScore(_))));
}

#[test]
fn bad_tables_are_refused() {
    let new = |truth: Vec<f32>, p: Vec<f32>| Scores::new(names(&["a", "b"]), 1, truth, p).unwrap_err();
    assert!(matches!(new(vec![0.0], vec![0.0, 0.0]), ScoresError::Length { found: 1, .. }));
    assert!(matches!(new(vec![0.0, 1.5], vec![0.0, 0.0]), ScoresError::Label { clip: 0, .. }));
    for bad in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
        assert!(matches!(new(vec![0.0, 1.0], vec![0.0, bad]), ScoresError::Probability { clip: 0, .. }));
    }
    let twice = Scores::new(names(&["Rock", "rock"]), 1, vec![0.0; 2], vec![0.0; 2]).unwrap_err();
    assert_eq!(twice, ScoresError::Duplicate { tag: "rock".to_string() });
    assert_eq!(Scores::new(Vec::new(), 1, Vec::new(), Vec::new()).unwrap_err(), ScoresError::NoTags);
    assert_eq!(Scores::new(names(&["a"]), 0, Vec::new(), Vec::new()).unwrap_err(), ScoresError::NoClips);
    let huge = Scores::new(names(&["a", "b"]), usize::MAX, Vec::new(), Vec::new()).unwrap_err();
    assert!(matches!(huge, ScoresError::TooMany { .. }));
}

#[test]
fn tags_are_matched_without_regard_to_case() {
    let (model, corpus) = (names(&["Rock", "jazz", "POP"]), names(&["pop", "Blues", "rock"]));
    assert_eq!(match_tags(&model, &corpus), [(0, 2), (2, 0)]);
    let probabilities = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    let truth = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    let (scores, left_out) = Scores::matched(&model, &probabilities, &corpus, &truth, 2).unwrap();
    assert_eq!(scores.tags(), ["Rock", "POP"]);
    assert_eq!(scores.probabilities(), [0.1, 0.3, 0.4, 0.6]);
    assert_eq!(scores.truth(), [0.0, 1.0, 1.0, 0.0]);
    let left_out: Vec<&str> = left_out.iter().map(|one| one.tag.as_str()).collect();
    assert_eq!(left_out, ["jazz", "Blues"]);
    let none = Scores::matched(&model, &probabilities, &names(&["x", "y", "z"]), &truth, 2).unwrap_err();
    assert_eq!(none, ScoresError::NothingInCommon);
}

#[test]
fn int8_is_compared_clip_by_clip() {
    let float = simulated(3, 60, 0.4, 1.5, 5);
    let moved: Vec<f32> =
        float.probabilities().iter().enumerate().map(|(at, p)| if at == 7 { 1.0 - p } else { *p }).collect();
    let largest = f64::from(float.probabilities()[7] - moved[7]).abs();
    let int8 = Scores::new(float.tags().to_vec(), 60, float.truth().to_vec(), moved).unwrap();
    let report = compare(&float, &int8).unwrap();
    let auc = |scores: &Scores| (0..3).map(|tag| scores.ranking(tag).unwrap().auc()).sum::<f64>() / 3.0;
    assert!((report.max_abs_difference - largest).abs() < 1e-6);
    assert!((report.mean_auc - auc(&int8)).abs() < 1e-12);
    assert!((report.auc_difference - (auc(&int8) - auc(&float))).abs() < 1e-12);
    assert!(report.auc_difference != 0.0);
    assert_eq!(compare(&float, &simulated(3, 61, 0.4, 1.5, 5)).unwrap_err(), EvalError::Unlike);
}

#[test]
fn the_bootstrap_is_the_same_whatever_the_number_of_threads() {
    let scores = simulated(8, 200, 0.1, 1.0, 3);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mean_auc_interval(&scores, 300, 11).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    assert_ne!(one, mean_auc_interval(&scores, 300, 12).unwrap(), "another seed draws other clips");
}

#[test]
fn the_bootstrap_interval_is_as_wide_as_delong_says_for_one_tag() {
    let scores = simulated(1, 600, 0.3, 1.0, 9);
    let bootstrap = mean_auc_interval(&scores, 1000, 0).unwrap();
    let delong = trainer::eval::auc_interval(&scores.ranking(0).unwrap());
    let ratio = (bootstrap.high - bootstrap.low) / (delong.high - delong.low);
    assert!((0.85..1.15).contains(&ratio), "{bootstrap:?} against {delong:?}");
}

#[test]
fn the_bootstrap_of_a_small_test_split_takes_less_than_a_second() {
    let scores = simulated(20, 500, 0.15, 1.5, 4);
    let start = Instant::now();
    mean_auc_interval(&scores, 1000, 0).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("500 clips, 20 tags, 1000 resamples: {seconds:.3} s");
    // Measured 0.13 s on two busy cores; the bound leaves room for worse.
    assert!(seconds < 1.0, "{seconds} s");
}

/// The size of the Million Song Dataset's test split: `cargo test -p trainer --test eval_report -- --ignored`.
#[test]
#[ignore = "takes a while: 28,540 clips of 50 tags"]
fn the_bootstrap_of_a_large_test_split_takes_less_than_half_a_minute() {
    let scores = simulated(50, 28_540, 0.05, 1.5, 4);
    let start = Instant::now();
    mean_auc_interval(&scores, 1000, 0).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("28,540 clips, 50 tags, 1000 resamples: {seconds:.1} s");
    assert!(seconds < 30.0, "{seconds} s");
}

#[test]
fn the_table_fits_a_hundred_columns_and_orders_tags_by_auc() {
    let test = simulated(5, 120, 0.2, 1.2, 6);
    let long = "a very long tag that would not fit its column";
    let tags = names(&["one", "two", "three", long, "five"]);
    let test = Scores::new(tags, 120, test.truth().to_vec(), test.probabilities().to_vec()).unwrap();
    let mut report = evaluate("k2c1 0.1M", "synth", None, &test, &EvalOptions::default()).unwrap();
    report.int8 = Some(compare(&test, &test).unwrap());
    let text = table(&report);
    eprintln!("{text}");
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest} columns");
    let mut aucs: Vec<f64> = report.tags.iter().map(|tag| tag.auc).collect();
    aucs.sort_by(|a, b| b.total_cmp(a));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("/120")).collect();
    assert_eq!(rows.len(), 5);
    for (row, auc) in rows.iter().zip(aucs) {
        assert!(row.contains(&format!("  {auc:.3}  ")), "{row}");
    }
}

#[test]
fn clips_of_a_group_are_drawn_together() {
    let scores = simulated(4, 240, 0.3, 1.0, 5);
    // Each clip alone is no grouping.
    let names: Vec<String> = (0..240).map(|clip| clip.to_string()).collect();
    let alone = scores.clone().with_groups(names.iter().map(|name| Some(name.as_str())));
    assert!(alone.groups().is_none());
    let plain = mean_auc_interval(&scores, 400, 3).unwrap();
    assert_eq!(mean_auc_interval(&alone, 400, 3).unwrap(), plain);
    // Every clip ten times over, as by artists whose songs are all alike: an interval over clips believes in ten times as
    // many, one over artists does not.
    let tags = scores.tags().to_vec();
    let repeat =
        |table: &[f32]| -> Vec<f32> { table.chunks(tags.len()).flat_map(|row| row.repeat(10)).collect() };
    let (truth, p) = (repeat(scores.truth()), repeat(scores.probabilities()));
    let many = Scores::new(tags.clone(), 2400, truth, p).unwrap();
    let artists: Vec<String> = (0..2400).map(|clip| (clip / 10).to_string()).collect();
    let grouped = many.clone().with_groups(artists.iter().map(|name| Some(name.as_str())));
    let width = |scores: &Scores| {
        let bootstrap = mean_auc_interval(scores, 400, 3).unwrap();
        bootstrap.high - bootstrap.low
    };
    let (over_clips, over_artists) = (width(&many), width(&grouped));
    assert!((width(&scores) / over_artists - 1.0).abs() < 0.01, "the same draws, ten times over");
    assert!((2.5..4.0).contains(&(over_artists / over_clips)), "{over_artists} against {over_clips}");
    let report = evaluate("m", "c", None, &grouped, &EvalOptions::default()).unwrap();
    assert_eq!(report.mean_auc_ci_method, MeanMethod::BootstrapOverGroups);
}
