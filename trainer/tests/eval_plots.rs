//! Plots of made-up results: the files are there, whole, and say what they should.
//!
//! `PLOT_DIR=some/folder cargo test -p trainer --test eval_plots` keeps them to be looked at.
use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainer::eval::{EvalOptions, Scores, evaluate};
use trainer::plot::{EpochPoint, PlotError, PlotFiles, auc_by_tag, learning_curves, roc_curves};

const WORDS: [&str; 20] = [
    "bowed strings",
    "plucked strings",
    "organ",
    "bell",
    "bass line",
    "drum kit",
    "swung rhythm",
    "triple metre",
    "slow",
    "fast",
    "minor mode",
    "drone",
    "arpeggio",
    "dense texture",
    "tape noise",
    "gated reverb",
    "a tag of very many words that cannot fit anywhere",
    "Čajkovskij & <friends>",
    "vibrato",
    "solo voice",
];

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|at| if at < 20 { WORDS[at].to_string() } else { format!("{} {at}", WORDS[at % 16]) })
        .collect()
}

/// Scores whose tags range from useless to very good, one in three of them rare.
fn simulated(tags: usize, clips: usize) -> Scores {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
    for _ in 0..clips {
        for tag in 0..tags {
            let present = rng.random_bool(if tag % 3 == 0 { 0.04 } else { 0.25 });
            let skill = 3.5 * tag as f64 / tags as f64;
            let noise: f64 = (0..6).map(|_| rng.random::<f64>() - 0.5).sum::<f64>() * 1.4;
            truth.push(f32::from(u8::from(present)));
            probabilities
                .push((1.0 / (1.0 + (1.5 - noise - if present { skill } else { 0.0 }).exp())) as f32);
        }
    }
    Scores::new(names(tags), clips, truth, probabilities).unwrap()
}

fn epochs(count: usize) -> Vec<EpochPoint> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut point = |epoch: usize| {
        let t = epoch as f64;
        let mut jitter = || (rng.random::<f64>() - 0.5) * 0.01;
        EpochPoint {
            epoch,
            train_loss: 0.16 + 0.5 * (-t / 6.0).exp() + jitter() / 2.0,
            validation_loss: Some(0.2 + 0.45 * (-t / 6.0).exp() + t * 0.0008 + jitter()),
            validation_agreement: None,
            validation_auc: Some(0.965 - 0.4 * (-t / 5.0).exp() + jitter() / 2.0),
        }
    };
    (1..=count).map(&mut point).collect()
}

/// A folder for the plots: the one asked for, or one that vanishes with the value returned beside it.
fn folder() -> (PathBuf, Option<tempfile::TempDir>) {
    if let Some(kept) = std::env::var_os("PLOT_DIR") {
        std::fs::create_dir_all(&kept).unwrap();
        return (kept.into(), None);
    }
    let temporary = tempfile::tempdir().unwrap();
    (temporary.path().to_path_buf(), Some(temporary))
}

/// Checks the two files and gives the text of the SVG.
fn checked(files: &PlotFiles) -> String {
    let svg = std::fs::read_to_string(&files.svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{:?}", files.svg);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{:?}", files.svg);
    let png = std::fs::read(&files.png).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let size = format!("width=\"{}\" height=\"{}\"", number(16) / 2, number(20) / 2);
    assert!(svg.contains(&size), "the PNG is twice the size of the SVG: {size}, {}", &svg[..120]);
    assert!(png.len() > 10_000, "{} bytes", png.len());
    svg
}

fn curves_in(svg: &str) -> usize {
    svg.matches("<polyline").count()
}

#[test]
fn learning_curves_of_few_and_many_epochs() {
    let (folder, _kept) = folder();
    for count in [1, 2, 12, 200] {
        let stem = folder.join(format!("learning-0.1M-{count}"));
        let files = learning_curves(&stem, "k2c1 0.1M on synth", &epochs(count)).unwrap();
        assert_eq!(files.svg, folder.join(format!("learning-0.1M-{count}.svg")));
        let svg = checked(&files);
        for text in ["epoch", "loss", "mean AUC-ROC", "training", "validation, best 0."] {
            assert!(svg.contains(text), "{text}");
        }
    }
}

#[test]
fn missing_and_infinite_values_leave_a_gap() {
    let (folder, _kept) = folder();
    let mut points = epochs(12);
    points[4].train_loss = f64::NAN;
    points[7].train_loss = f64::INFINITY;
    points.iter_mut().for_each(|point| (point.validation_loss, point.validation_auc) = (None, None));
    let svg = checked(&learning_curves(&folder.join("learning-gaps"), "gaps", &points).unwrap());
    assert!(svg.contains("no mean AUC-ROC was measured"));

    points.iter_mut().for_each(|point| point.train_loss = f64::NAN);
    let error = learning_curves(&folder.join("learning-none"), "none", &points).unwrap_err();
    assert!(matches!(error, PlotError::Empty { .. }), "{error}");
    assert!(learning_curves(&folder.join("learning-none"), "none", &[]).is_err());
    assert!(!folder.join("learning-none.svg").exists());
}

#[test]
fn roc_curves_have_a_legend_for_at_most_twenty_tags() {
    let (folder, _kept) = folder();
    for tags in [1, 4, 20, 50] {
        let files =
            roc_curves(&folder.join(format!("roc-{tags}")), "k2c1 0.1M on synth", &simulated(tags, 300))
                .unwrap();
        let svg = checked(&files);
        assert!(curves_in(&svg) > tags, "{} curves", curves_in(&svg));
        assert_eq!(svg.contains("bowed strings"), tags <= 20);
        assert_eq!(svg.contains("mean of 50 tags"), tags == 50);
    }
    let svg = std::fs::read_to_string(folder.join("roc-20.svg")).unwrap();
    assert!(svg.contains("Čajkovskij &amp; &lt;friends&gt;"), "tags are escaped");
    assert!(svg.contains('…'), "a long tag is cut");
}

#[test]
fn auc_by_tag_shows_every_tag_from_best_to_worst() {
    let (folder, _kept) = folder();
    for tags in [1, 4, 20, 50] {
        let scores = simulated(tags, 300);
        let report = evaluate("k2c1 0.1M", "synth", None, &scores, &EvalOptions::default()).unwrap();
        let svg = checked(&auc_by_tag(&folder.join(format!("auc-{tags}")), &report).unwrap());
        let mut best = report.tags.clone();
        best.sort_by(|a, b| b.auc.total_cmp(&a.auc));
        assert!(svg.matches("<circle").count() == tags);
        assert!(svg.contains(&format!("{:.3}", best[0].auc)));
    }
}

#[test]
fn many_tags_are_cut_to_the_best_and_the_worst() {
    let (folder, _kept) = folder();
    let scores = simulated(230, 120);
    let options = EvalOptions { resamples: 20, ..EvalOptions::default() };
    let report = evaluate("m", "c", None, &scores, &options).unwrap();
    let svg = checked(&auc_by_tag(&folder.join("auc-230"), &report).unwrap());
    assert_eq!(svg.matches("<circle").count(), 200);
    assert!(svg.contains("best and worst 100 of"));
}

#[test]
fn a_failed_plot_leaves_nothing_behind_and_a_good_one_only_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let scores = simulated(3, 60);
    let error = roc_curves(&folder.path().join("absent").join("roc"), "t", &scores).unwrap_err();
    assert!(matches!(error, PlotError::Write { .. }) && error.to_string().contains("absent"), "{error}");
    let none = Scores::new(vec!["a".to_string()], 2, vec![0.0; 2], vec![0.5; 2]).unwrap();
    assert!(matches!(roc_curves(&folder.path().join("roc"), "t", &none), Err(PlotError::Empty { .. })));
    assert_eq!(left(folder.path()), Vec::<String>::new());

    std::fs::write(folder.path().join("roc.png"), "an older one").unwrap();
    roc_curves(&folder.path().join("roc"), "t", &scores).unwrap();
    assert_eq!(left(folder.path()), ["roc.png", "roc.svg"]);
    let png = std::fs::read(folder.path().join("roc.png")).unwrap();
    assert!(png.len() > 10_000);
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
