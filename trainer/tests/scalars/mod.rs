//! Single numbers that describe a clip, and how well one number alone finds a tag.

/// Names of what [`scalars`] returns.
pub const NAMES: [&str; 20] = [
    "rms",
    "crest",
    "zero crossings",
    "centroid",
    "spread",
    "rolloff",
    "flatness",
    "flux",
    "loudness deviation",
    "quietest tenth",
    "share 0-110 Hz",
    "share 110-250 Hz",
    "share 250-500 Hz",
    "share 500-900 Hz",
    "share 900-1400 Hz",
    "share 1400-2200 Hz",
    "share 2200-3200 Hz",
    "share 3200-4500 Hz",
    "share 4500-6000 Hz",
    "largest sample",
];

const EDGES: [f64; 10] = [0.0, 110.0, 250.0, 500.0, 900.0, 1400.0, 2200.0, 3200.0, 4500.0, 6000.0];

/// Describes samples at 12 kHz and their log-mel frames in dB (96 bands up to 6 kHz).
pub fn scalars(samples: &[f32], frames: &[f32]) -> [f64; 20] {
    let n = samples.len() as f64;
    let rms = (samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / n).sqrt();
    let peak = samples.iter().fold(0.0_f64, |peak, &x| peak.max(f64::from(x).abs()));
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count() as f64 / n;

    let count = frames.len() / 96;
    let mut power = [0.0_f64; 96];
    let mut loudness = Vec::with_capacity(count);
    let mut flux = 0.0;
    for (i, frame) in frames.chunks_exact(96).enumerate() {
        let mut sum = 0.0;
        for (band, &decibels) in frame.iter().enumerate() {
            // Slaney's norm divides by the width; multiply it back.
            let energy = 10.0_f64.powf(f64::from(decibels) / 10.0) * (centre(band + 1) - centre(band));
            power[band] += energy;
            sum += energy;
            if i > 0 {
                flux += f64::from((decibels - frames[(i - 1) * 96 + band]).abs());
            }
        }
        loudness.push(10.0 * (sum + 1e-12).log10());
    }
    let total: f64 = power.iter().sum();
    let mean = |of: &dyn Fn(usize) -> f64| (0..96).map(|band| power[band] * of(band)).sum::<f64>() / total;
    let centroid = mean(&centre);
    let spread = mean(&|band| (centre(band) - centroid).powi(2)).sqrt();
    let mut below = 0.0;
    let rolloff = (0..96)
        .find(|&band| {
            below += power[band];
            below >= 0.85 * total
        })
        .map_or(0.0, centre);
    let logs = power.iter().map(|p| (p + 1e-12).ln()).sum::<f64>() / 96.0;
    let average = loudness.iter().sum::<f64>() / count as f64;
    let deviation = (loudness.iter().map(|l| (l - average).powi(2)).sum::<f64>() / count as f64).sqrt();
    let mut sorted = loudness.clone();
    sorted.sort_by(f64::total_cmp);

    let mut all = [0.0; 20];
    all[..10].copy_from_slice(&[
        rms,
        peak / rms,
        crossings,
        centroid,
        spread,
        rolloff,
        logs - (total / 96.0).ln(),
        flux / frames.len() as f64,
        deviation,
        sorted[count / 10] - average,
    ]);
    for (share, edges) in all[10..19].iter_mut().zip(EDGES.windows(2)) {
        let within = (0..96).filter(|&band| (edges[0]..edges[1]).contains(&centre(band)));
        *share = within.map(|band| power[band]).sum::<f64>() / total;
    }
    all[19] = peak;
    all
}

/// Centre of a mel band in hertz, on Slaney's scale.
fn centre(band: usize) -> f64 {
    let mel = (15.0 + 6.0_f64.ln() * 27.0 / 6.4_f64.ln()) * (band + 1) as f64 / 97.0;
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

/// Area under the ROC curve of one number, in whichever direction is better: 0.5 to 1. Ties count half.
pub fn auc_either_way(values: &[f64], positive: &[bool]) -> f64 {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (i, &a) in values.iter().enumerate().filter(|&(i, _)| positive[i]) {
        for (j, &b) in values.iter().enumerate().filter(|&(j, _)| !positive[j]) {
            debug_assert!(i != j);
            pairs += 1.0;
            wins += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
        }
    }
    let auc: f64 = wins / pairs;
    auc.max(1.0 - auc)
}
