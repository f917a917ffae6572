//! The difference of two AUCs on the same clips, with DeLong's interval for pairs.
//!
//! DeLong, DeLong & Clarke-Pearson (1988): the variance of a difference is that of the differences of the structural components,
//! positive by positive and negative by negative, so that what makes a clip hard for both models is not counted.
use super::Z95;

/// The 95 % interval of `a`'s AUC less `b`'s. Each has `(score, is positive)` of the same clips in the same order. `None` with
/// fewer than two positives or negatives, whose variance is undefined.
pub fn auc_difference_interval(a: &[(f64, bool)], b: &[(f64, bool)]) -> Option<[f64; 2]> {
    let positives = a.iter().filter(|(_, positive)| *positive).count();
    let negatives = a.len() - positives;
    if positives < 2 || negatives < 2 || a.len() != b.len() {
        return None;
    }
    let (of_a, of_b) = (components(a, positives, negatives), components(b, positives, negatives));
    let variance = |kind: bool, count: usize| {
        let pairs = of_a.iter().zip(&of_b).zip(a);
        let differences: Vec<f64> =
            pairs.filter(|(_, (_, positive))| *positive == kind).map(|((a, b), _)| a - b).collect();
        let mean = differences.iter().sum::<f64>() / count as f64;
        let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
        (mean, squares / ((count - 1) as f64 * count as f64))
    };
    let ((difference, of_positives), (_, of_negatives)) =
        (variance(true, positives), variance(false, negatives));
    let reach = Z95 * (of_positives + of_negatives).sqrt();
    Some([(difference - reach).max(-1.0), (difference + reach).min(1.0)])
}

/// Of a positive the share of negatives below it, of a negative that of positives above it, ties half; in the clips' order.
fn components(scored: &[(f64, bool)], positives: usize, negatives: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scored.len()).collect();
    order.sort_unstable_by(|&a, &b| scored[a].0.total_cmp(&scored[b].0));
    let mut components = vec![0.0; scored.len()];
    let (mut negatives_below, mut positives_below) = (0, 0);
    for group in order.chunk_by(|&a, &b| scored[a].0 == scored[b].0) {
        let here = group.iter().filter(|&&clip| scored[clip].1).count();
        let others = group.len() - here;
        let below = (negatives_below as f64 + others as f64 / 2.0) / negatives as f64;
        let above = ((positives - positives_below - here) as f64 + here as f64 / 2.0) / positives as f64;
        for &clip in group {
            components[clip] = if scored[clip].1 { below } else { above };
        }
        negatives_below += others;
        positives_below += here;
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Ranking, auc_variance};

    fn scored(clips: usize, noise: usize) -> Vec<(f64, bool)> {
        (0..clips)
            .map(|i| (((i * noise) % 23) as f64 + if i % 3 == 0 { 6.0 } else { 0.0 }, i % 3 == 0))
            .collect()
    }

    #[test]
    fn the_interval_of_a_model_and_itself_has_no_width_and_of_constants_it_is_the_models_own() {
        let a = scored(60, 7);
        assert_eq!(auc_difference_interval(&a, &a), Some([0.0, 0.0]));
        // A model that says the same of all clips has components of a half: the variance is the other's alone.
        let flat: Vec<(f64, bool)> = a.iter().map(|&(_, positive)| (0.5, positive)).collect();
        let own = auc_variance(&Ranking::new(a.iter().copied()).unwrap());
        let reach = Z95 * own.variance.unwrap().sqrt();
        let [low, high] = auc_difference_interval(&a, &flat).unwrap();
        assert!(
            (low - (own.auc - 0.5 - reach)).abs() < 1e-12 && (high - (own.auc - 0.5 + reach)).abs() < 1e-12
        );
        assert_eq!(auc_difference_interval(&[(0.1, true), (0.2, false)], &[(0.1, true), (0.2, false)]), None);
    }

    #[test]
    fn components_are_the_shares_counted_one_by_one() {
        let a = scored(40, 11);
        let positives = a.iter().filter(|(_, positive)| *positive).count();
        let counted = |clip: usize| {
            let others: Vec<f64> =
                a.iter().filter(|(_, kind)| *kind != a[clip].1).map(|(score, _)| *score).collect();
            let below = |other: &&f64| if a[clip].1 { **other < a[clip].0 } else { **other > a[clip].0 };
            let ties = others.iter().filter(|other| **other == a[clip].0).count() as f64;
            (others.iter().filter(below).count() as f64 + ties / 2.0) / others.len() as f64
        };
        for (clip, component) in components(&a, positives, a.len() - positives).into_iter().enumerate() {
            assert!((component - counted(clip)).abs() < 1e-12, "{clip}");
        }
    }
}
