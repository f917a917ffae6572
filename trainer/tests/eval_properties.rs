//! What must hold for any scores: invariances, the naive forms, coverage of the intervals.
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainer::eval::{
    Confusion, Ranking, Scores, auc_interval, auc_variance, choose_threshold, mean_auc_interval, mean_roc,
    wilson,
};

/// Scores on few levels, so that ties abound, with at least one positive and one negative.
fn scored() -> impl Strategy<Value = Vec<(f64, bool)>> {
    prop::collection::vec((0..12u8, any::<bool>()), 0..60).prop_map(|clips| {
        let mut clips: Vec<(f64, bool)> =
            clips.into_iter().map(|(score, positive)| (f64::from(score), positive)).collect();
        clips.extend([(3.0, true), (5.0, false)]);
        clips
    })
}

fn ranking(clips: &[(f64, bool)]) -> Ranking {
    Ranking::new(clips.iter().copied()).unwrap()
}

/// `psi[i][j]` of positive i and negative j: 1 in the right order, 1/2 tied, else 0.
fn pairs(clips: &[(f64, bool)]) -> Vec<Vec<f64>> {
    let of = |kind: bool| clips.iter().filter(move |clip| clip.1 == kind).map(|clip| clip.0);
    let order = |x: f64, y: f64| {
        if x > y {
            1.0
        } else if x == y {
            0.5
        } else {
            0.0
        }
    };
    of(true).map(|x| of(false).map(|y| order(x, y)).collect()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample variance over count.
fn variance_of_mean(values: &[f64]) -> f64 {
    let (centre, n) = (mean(values), values.len() as f64);
    values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (n - 1.0) / n
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn auc_and_variance_equal_the_naive_forms(clips in scored()) {
        let psi = pairs(&clips);
        let rows: Vec<f64> = psi.iter().map(|row| mean(row)).collect();
        let columns: Vec<f64> =
            (0..psi[0].len()).map(|j| mean(&psi.iter().map(|row| row[j]).collect::<Vec<_>>())).collect();
        let fast = auc_variance(&ranking(&clips));
        prop_assert!((fast.auc - mean(&rows)).abs() < 1e-12);
        if rows.len() > 1 && columns.len() > 1 {
            let naive = variance_of_mean(&rows) + variance_of_mean(&columns);
            prop_assert!((fast.variance.unwrap() - naive).abs() < 1e-12);
        } else {
            prop_assert_eq!(fast.variance, None);
        }
    }

    #[test]
    fn a_rising_map_of_the_scores_changes_nothing(clips in scored()) {
        let mapped: Vec<_> = clips.iter().map(|&(score, positive)| ((score / 3.0).exp() - 7.0, positive)).collect();
        let (before, after) = (ranking(&clips), ranking(&mapped));
        prop_assert_eq!(before.auc(), after.auc());
        prop_assert_eq!(before.average_precision(), after.average_precision());
        prop_assert_eq!(auc_variance(&before), auc_variance(&after));
        prop_assert_eq!(before.roc_curve().true_positive_rate, after.roc_curve().true_positive_rate);
    }

    #[test]
    fn turning_the_scores_round_mirrors_the_auc(clips in scored()) {
        let turned: Vec<_> = clips.iter().map(|&(score, positive)| (-score, positive)).collect();
        prop_assert!((ranking(&clips).auc() + ranking(&turned).auc() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_the_clips_does_not_matter(clips in scored(), seed in any::<u64>()) {
        let mut shuffled = clips.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, rng.random_range(0..=last));
        }
        prop_assert_eq!(ranking(&clips), ranking(&shuffled));
    }

    #[test]
    fn the_area_under_the_curve_drawn_is_the_auc(clips in scored()) {
        let ranking = ranking(&clips);
        let curve = ranking.roc_curve();
        let area: f64 = (1..curve.false_positive_rate.len())
            .map(|at| {
                let width = curve.false_positive_rate[at] - curve.false_positive_rate[at - 1];
                width * (curve.true_positive_rate[at] + curve.true_positive_rate[at - 1]) / 2.0
            })
            .sum();
        prop_assert!((area - ranking.auc()).abs() < 1e-12);
        let mean = mean_roc(std::slice::from_ref(&curve), 2001);
        prop_assert!(mean.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        let drawn: f64 =
            mean.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum();
        prop_assert!((drawn - area).abs() < 1e-3, "{drawn} for {area}");
    }

    #[test]
    fn intervals_hold_the_estimate_and_have_width(clips in scored()) {
        let interval = auc_interval(&ranking(&clips));
        prop_assert!(0.0 <= interval.low && interval.low <= interval.auc);
        prop_assert!(interval.auc <= interval.high && interval.high <= 1.0);
        prop_assert!(interval.low < interval.high);
    }

    #[test]
    fn no_threshold_beats_the_chosen_one(clips in scored()) {
        let ranking = ranking(&clips);
        let at = |threshold| Confusion::at(&ranking, threshold).balanced_accuracy().unwrap().value;
        let chosen = choose_threshold(&ranking).unwrap();
        prop_assert!((at(chosen.threshold) - chosen.balanced_accuracy).abs() < 1e-12);
        prop_assert!(clips.iter().all(|clip| clip.0 != chosen.threshold));
        let lowest = clips.iter().map(|clip| clip.0).fold(f64::INFINITY, f64::min);
        for (score, _) in clips.iter().filter(|clip| clip.0 > lowest) {
            prop_assert!(at(*score) <= chosen.balanced_accuracy + 1e-12);
        }
    }

    #[test]
    fn the_bootstrap_holds_its_estimate(clips in scored(), seed in any::<u64>()) {
        let truth = clips.iter().map(|clip| f32::from(u8::from(clip.1))).collect();
        let probabilities = clips.iter().map(|clip| clip.0 as f32 / 12.0).collect();
        let scores = Scores::new(vec!["a".to_string()], clips.len(), truth, probabilities).unwrap();
        let bootstrap = mean_auc_interval(&scores, 40, seed).unwrap();
        prop_assert_eq!(bootstrap.mean_auc, ranking(&clips).auc());
        prop_assert!(bootstrap.low <= bootstrap.mean_auc && bootstrap.mean_auc <= bootstrap.high);
    }

    #[test]
    fn balanced_accuracy_lies_within_its_interval(
        (tp, false_negatives, tn, false_positives) in (0..40u64, 0..40u64, 0..40u64, 0..40u64)
    ) {
        let counts =
            Confusion { true_positives: tp, false_negatives, true_negatives: tn, false_positives };
        match counts.balanced_accuracy() {
            None => prop_assert!(tp + false_negatives == 0 || tn + false_positives == 0),
            Some(balanced) => {
                prop_assert!(0.0 <= balanced.low && balanced.low <= balanced.value);
                prop_assert!(balanced.value <= balanced.high && balanced.high <= 1.0);
                prop_assert!(balanced.low < balanced.high);
            }
        }
    }
}

/// A standard normal value (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Share of 400 draws of normal scores in which the interval holds the true AUC. The AUC of two normal
/// distributions of variance 1 at a distance d is Phi(d / sqrt 2).
fn coverage(positives: usize, negatives: usize, distance: f64, true_auc: f64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let held = (0..400).filter(|_| {
        let clips: Vec<(f64, bool)> = (0..positives + negatives)
            .map(|at| (normal(&mut rng) + if at < positives { distance } else { 0.0 }, at < positives))
            .collect();
        let interval = auc_interval(&ranking(&clips));
        interval.low <= true_auc && true_auc <= interval.high
    });
    held.count() as f64 / 400.0
}

#[test]
fn delong_holds_the_true_auc_as_often_as_it_says() {
    // Distances for 0.6 and 0.8 and 0.9.
    for (distance, auc) in [(0.358_286_909, 0.6), (1.190_232_173, 0.8), (1.812_387_604, 0.9)] {
        let share = coverage(60, 180, distance, auc);
        assert!((share - 0.95).abs() <= 0.03, "AUC {auc}: {share}");
    }
}

#[test]
fn with_few_clips_the_interval_is_rather_too_wide_than_too_narrow() {
    for (positives, negatives) in [(1, 40), (2, 50), (4, 100), (5, 5), (8, 300)] {
        for (distance, auc) in [(1.190_232_173, 0.8), (2.326_174_308, 0.95)] {
            let share = coverage(positives, negatives, distance, auc);
            assert!(share >= 0.93, "{positives} positives, {negatives} negatives, AUC {auc}: {share}");
        }
    }
}

#[test]
fn wilson_gives_the_textbook_values() {
    // Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 15/148, 0/20, 1/29.
    let cases =
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)];
    for (successes, trials, low, high) in cases {
        let bounds = wilson(successes, trials).unwrap();
        assert!(
            (bounds.0 - low).abs() < 5e-5 && (bounds.1 - high).abs() < 5e-5,
            "{successes}/{trials}: {bounds:?}"
        );
    }
    assert_eq!(wilson(0, 0), None);
    assert_eq!(wilson(3, 2), None);
}
