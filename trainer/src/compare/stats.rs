//! The few statistics that three seeds allow.

/// Two-sided 95 % points of Student's t by degrees of freedom from 1.
const T95: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604,
    2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555,
    2.0518, 2.0484, 2.0452, 2.0423,
];

fn t95(freedom: usize) -> f64 {
    T95.get(freedom - 1).copied().unwrap_or_else(|| {
        // Cornish and Fisher's expansion, right to 1e-4 from here on.
        let (z, n) = (crate::eval::Z95, freedom as f64);
        z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
    })
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// 95 % interval of the mean of what `values` are drawn from, by Student's t; none of fewer than two.
pub fn t_interval(values: &[f64]) -> Option<[f64; 2]> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let half = t95(freedom) * (squares / freedom as f64 / values.len() as f64).sqrt();
    Some([mean - half, mean + half])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // scipy.stats.t.interval(0.95, 2, loc=0.8, scale=scipy.stats.sem([0.79, 0.80, 0.81]))
        let [low, high] = t_interval(&[0.79, 0.80, 0.81]).unwrap();
        assert!((low - 0.775_158_6).abs() < 1e-6 && (high - 0.824_841_4).abs() < 1e-6, "{low} {high}");
        assert_eq!(t_interval(&[0.8]), None);
        // scipy.stats.t.ppf(0.975, [31, 60])
        assert!((t95(31) - 2.039_513).abs() < 1e-4 && (t95(60) - 2.000_298).abs() < 1e-4);
        assert!((t95(30) - t95(31)).abs() < 4e-3);
    }

    #[test]
    fn medians_do_not_mind_one_slow_epoch() {
        assert_eq!(median(&[1.0, 50.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 50.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
