//! mixup (Zhang et al. 2018).

use super::Change;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

pub fn mix(alpha: f32, mut rng: ChaCha8Rng, clips: usize) -> Change {
    // Each meets the next one along a random cycle, so that none meets itself (where there are two).
    let mut cycle: Vec<u32> = (0..clips as u32).collect();
    cycle.shuffle(&mut rng);
    let mut other = vec![0; clips];
    for (i, &clip) in cycle.iter().enumerate() {
        other[clip as usize] = cycle[(i + 1) % clips];
    }
    let share = match Beta::new(f64::from(alpha), f64::from(alpha)) {
        Ok(beta) => (0..clips).map(|_| beta.sample(&mut rng) as f32).collect(),
        // Not a number above 0, which `validate` has refused.
        Err(_) => vec![1.0; clips],
    };
    Change::Mix { other, share }
}

/// The targets and weights of mixed clips [clips, tags]. The cross-entropy is linear in the target, so the shares of two
/// losses are one loss: its weight is `s w + (1 - s) w'`, its target `(s w t + (1 - s) w' t')` divided by that.
pub fn mix_labels(targets: &mut [f32], weights: &mut [f32], other: &[u32], share: &[f32]) {
    let (old_targets, old_weights) = (targets.to_vec(), weights.to_vec());
    let tags = targets.len() / other.len().max(1);
    for (clip, (&other, &share)) in other.iter().zip(share).enumerate() {
        for tag in 0..tags {
            let (own, its) = (clip * tags + tag, other as usize * tags + tag);
            let (mine, theirs) = (share * old_weights[own], (1.0 - share) * old_weights[its]);
            let weight = mine + theirs;
            weights[own] = weight;
            targets[own] = if weight > 0.0 {
                (mine * old_targets[own] + theirs * old_targets[its]) / weight
            } else {
                0.0
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn everyone_meets_another_by_shares_of_the_beta_distribution() {
        let Change::Mix { other, share } = mix(0.5, ChaCha8Rng::seed_from_u64(3), 4000) else { panic!() };
        let mut met = other.clone();
        met.sort_unstable();
        assert_eq!(met, (0..4000).collect::<Vec<_>>());
        assert!(other.iter().enumerate().all(|(i, &o)| i != o as usize));
        let mean = share.iter().sum::<f32>() / 4000.0;
        let variance = share.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / 4000.0;
        // Of Beta(a, a): 1/2 and 1 / (4 (2 a + 1)).
        assert!((mean - 0.5).abs() < 0.03 && (variance - 0.125).abs() < 0.01, "{mean} {variance}");
        let Change::Mix { other, .. } = mix(0.2, ChaCha8Rng::seed_from_u64(3), 1) else { panic!() };
        assert_eq!(other, [0], "alone, a clip has only itself");
    }

    #[test]
    fn labels_mix_as_two_losses_do_and_missing_ones_leave_the_others() {
        let mut targets = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let mut weights = [1.0, 1.0, 0.0, 3.0, 0.0, 0.0];
        mix_labels(&mut targets, &mut weights, &[1, 0], &[0.75, 0.5]);
        // Both labelled: (0.75 * 1 + 0.25 * 3 * 0) / 1.5; one labelled: its target, its share; none: nothing.
        assert_eq!(targets[..3], [0.5, 0.0, 0.0]);
        assert_eq!(weights[..3], [1.5, 0.75, 0.0]);
        assert_eq!((targets[3], weights[3]), (0.25, 2.0));
        assert_eq!((targets[4], weights[4], weights[5]), (0.0, 0.5, 0.0));
    }
}
