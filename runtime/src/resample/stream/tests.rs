//! What the stored taps let through, by their discrete Fourier transform.

use super::*;
use std::f64::consts::TAU;

/// Amplitude that comes out of the filter's taps, all phases together, for a frequency that comes in.
fn response(filter: &Filter, hertz: f64) -> f64 {
    let (phases, taps) = (usize::from(filter.up), usize::from(filter.taps));
    let rate = f64::from(filter.from) * phases as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for phase in 0..phases {
        for t in 0..taps {
            // Stored oldest first; the prototype's index is phase + t * phases from the newest on.
            let tap = f64::from(filter.table[phase * taps + taps - 1 - t]);
            let angle = TAU * hertz / rate * (phase + t * phases) as f64;
            re += tap * angle.cos();
            im -= tap * angle.sin();
        }
    }
    re.hypot(im) / f64::from(filter.gain) / phases as f64
}

fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-12).log10()
}

#[test]
fn the_stored_taps_keep_what_the_documentation_says() {
    for filter in &Filter::ALL[1..] {
        let from = filter.from;
        let (mut ripple, mut rejection) = (0.0f64, f64::INFINITY);
        for step in 0..=540 {
            ripple = ripple.max(decibels(response(filter, f64::from(step) * 10.0)).abs());
        }
        // All that comes back as another pitch: from 6 kHz up to half of the rate of the phases, coarsely where the filter
        // has long decayed.
        let top = f64::from(from) * f64::from(filter.up) / 2.0;
        let mut hertz = 6_000.0;
        while hertz <= top {
            rejection = rejection.min(-decibels(response(filter, hertz)));
            hertz += if hertz < 8_000.0 { 7.0 } else { top / 1777.0 };
        }
        let half = response(filter, 0.9568 * 6_000.0);
        println!("{from} Hz: {} taps, ripple {ripple:.4} dB, rejection {rejection:.1} dB", filter.taps);
        assert!(ripple < 0.01, "{from}: {ripple}");
        assert!(rejection > 77.0, "{from}: {rejection}");
        assert!((half - 0.5).abs() < 0.01, "{from}: {half}");
    }
}

#[test]
fn no_sum_leaves_its_bits() {
    for filter in &Filter::ALL[1..] {
        assert!(usize::from(filter.taps) <= MOST_TAPS && filter.taps.is_multiple_of(4));
        assert_eq!(filter.table.len(), usize::from(filter.up) * usize::from(filter.taps));
        for phase in filter.table.chunks(filter.taps.into()) {
            assert_eq!(phase.iter().map(|&tap| i32::from(tap)).sum::<i32>(), filter.gain);
            let largest: i64 = phase.iter().map(|&tap| i64::from(tap).abs() * 32_768).sum();
            assert!(i32::try_from(largest >> SPARE_BITS).is_ok());
        }
    }
}
