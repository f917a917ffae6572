//! Taps of the polyphase filters: sincs under Kaiser windows, worked out in f64 and rounded to 16 bits.

use std::f64::consts::PI;
use std::fmt::Write;

/// Hertz that come out.
const TO: u32 = 12_000;
/// Half the amplitude is left at this share of half of [`TO`], as behind the clip resampler: full up to 0.9136, nothing
/// at 1.
const HALF: f64 = 0.9568;
/// Taps per phase from 48 kHz; fewer in proportion at lower rates. With the Kaiser window's parameter they make the edge
/// as steep as that, with 75 dB of rejection behind it.
const TAPS_FROM_48_KHZ: u32 = 464;
const KAISER: f64 = 7.8;

/// Rates that come in, and what the taps of each phase add up to: of the gains near the largest that 16 bits hold, tried
/// in steps of 37, the one whose rounding leaves least behind the edge.
const RATES: [(u32, i32); 5] =
    [(48_000, 134_152), (44_100, 125_598), (32_000, 85_846), (22_050, 62_799), (16_000, 42_719)];

/// `taps.rs`: a static filter for each rate.
pub fn source() -> String {
    let mut source = String::new();
    for (from, gain) in RATES {
        let divisor = greatest_common_divisor(from, TO);
        let (up, down) = (TO / divisor, from / divisor);
        let taps = (TAPS_FROM_48_KHZ * from).div_ceil(48_000).next_multiple_of(4);
        let table = table(from, gain, up as usize, taps as usize);
        let count = table.len();
        writeln!(
            source,
            "static TAPS_FROM_{from}: Words<{count}> = Words({table:?});\n\
             pub(super) static FROM_{from}: Filter = Filter {{ from: {from}, up: {up}, down: {down}, taps: {taps}, \
             gain: {gain}, table: &TAPS_FROM_{from}.0 }};"
        )
        .expect("a string takes all that is written");
    }
    source
}

/// Phases in order, each with its oldest sample's tap first.
fn table(from: u32, gain: i32, phases: usize, taps: usize) -> Vec<i16> {
    // At `phases` times the incoming rate. One tap more on the left than on the right of the middle; it is 0.
    let (length, middle) = (taps * phases, (taps * phases / 2) as f64);
    let cutoff = HALF * f64::from(TO) / (f64::from(from) * phases as f64);
    let tap = |k: usize| {
        let t = k as f64 - middle;
        if k == 0 {
            return 0.0;
        }
        let sinc = if t == 0.0 { cutoff } else { (PI * cutoff * t).sin() / (PI * t) };
        sinc * phases as f64 * bessel(KAISER * (1.0 - (t / middle).powi(2)).max(0.0).sqrt()) / bessel(KAISER)
    };
    let prototype: Vec<f64> = (0..length).map(tap).collect();
    let mut table = Vec::with_capacity(length);
    for phase in 0..phases {
        let real: Vec<f64> = (0..taps).rev().map(|t| prototype[phase + t * phases]).collect();
        // Each phase lets a constant through as it is, or there would be a tone at the rate of the phases.
        let sum: f64 = real.iter().sum();
        let scaled: Vec<f64> = real.iter().map(|tap| tap / sum * f64::from(gain)).collect();
        let mut rounded: Vec<i32> = scaled.iter().map(|tap| tap.floor() as i32).collect();
        let missing = gain - rounded.iter().sum::<i32>();
        // Up goes what is nearest to it.
        let mut order: Vec<usize> = (0..taps).collect();
        order.sort_by(|&a, &b| {
            scaled[b].fract().rem_euclid(1.0).total_cmp(&scaled[a].fract().rem_euclid(1.0))
        });
        order.iter().take(missing as usize).for_each(|&t| rounded[t] += 1);
        table.extend(rounded.into_iter().map(|tap| i16::try_from(tap).expect("the gain leaves room")));
    }
    table
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        term *= quarter / f64::from(k * k);
        sum += term;
    }
    sum
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
