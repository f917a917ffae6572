//! Streams on their way to 12 kHz: pieces, pitch, size, channels, ends; and beside the clip resampler.

use proptest::prelude::*;
use runtime::resample::{Channels, Filter, Resampler, Sample, Source, SourceRateError};
use std::f64::consts::TAU;

const RATES: [u32; 5] = [48_000, 44_100, 32_000, 22_050, 16_000];

fn whole<S: Sample>(source: Source, samples: &[S]) -> Vec<f32> {
    in_pieces(source, samples, &[usize::MAX])
}

/// Pushes pieces of these sizes, over and over, and flushes.
fn in_pieces<S: Sample>(source: Source, samples: &[S], sizes: &[usize]) -> Vec<f32> {
    let mut resampler = Resampler::new(source).unwrap();
    let mut out = Vec::new();
    let mut rest = samples;
    for &size in sizes.iter().cycle() {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        resampler.push(piece, |mono| out.extend_from_slice(mono));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    resampler.flush(|mono| out.extend_from_slice(mono));
    out
}

fn sine(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
    let samples = (seconds * f64::from(rate)) as usize;
    (0..samples).map(|i| (0.5 * (TAU * hertz * i as f64 / f64::from(rate)).sin()) as f32).collect()
}

fn noise(samples: usize, seed: u64) -> Vec<i16> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as i16
    };
    (0..samples).map(|_| next()).collect()
}

/// Root mean square of the middle half.
fn level(samples: &[f32]) -> f64 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    (middle.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / middle.len() as f64).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn pieces_cannot_be_heard(
        rate in prop::sample::select(vec![12_000, 48_000, 44_100, 32_000, 22_050, 16_000]), stereo in any::<bool>(),
        length in 0usize..5_000, sizes in prop::collection::vec(1usize..700, 1..6), seed in any::<u64>(),
        broken in any::<prop::sample::Index>(),
    ) {
        let source = if stereo { Source::stereo(rate) } else { Source::mono(rate) };
        let samples = noise(length, seed);
        let at_once = whole(source, &samples);
        let mono = if stereo { length / 2 } else { length };
        let want = (mono as u64 * 12_000).div_ceil(u64::from(rate));
        prop_assert_eq!(at_once.len() as u64, want);
        prop_assert_eq!(&at_once, &in_pieces(source, &samples, &sizes));
        let mut real: Vec<f32> = samples.iter().map(|&x| f32::from(x) / 32_768.0).collect();
        if !stereo {
            // The mean of two is rounded down in 16 bits.
            prop_assert_eq!(&at_once, &whole(source, &real));
        }
        if length > 0 {
            real[broken.index(length)] = f32::NAN;
        }
        let damaged = whole(source, &real);
        prop_assert!(damaged.iter().all(|x| x.is_finite()));
        prop_assert_eq!(damaged, in_pieces(source, &real, &sizes));
    }
}

#[test]
fn a_sine_stays_the_same_sine() {
    for rate in RATES {
        for hertz in [50.0, 440.0, 3_300.0, 5_400.0] {
            let out = whole(Source::mono(rate), &sine(rate, hertz, 1.0));
            let right = sine(12_000, hertz, 1.0);
            assert_eq!(out.len(), right.len());
            let error = (3_000..9_000).map(|i| (out[i] - right[i]).abs()).fold(0.0, f32::max);
            // 0.01 dB of 0.5, and the rounding of 16 bits.
            assert!(error < 7e-4, "{rate} Hz, {hertz} Hz: off by {error}");
        }
    }
}

#[test]
fn what_would_come_back_as_another_pitch_vanishes() {
    for rate in RATES {
        for hertz in [6_001.0, 6_600.0, 7_777.0, f64::from(rate) / 2.0 - 50.0] {
            let loud = sine(rate, hertz, 1.0);
            let left = 20.0 * (level(&whole(Source::mono(rate), &loud)) / level(&loud)).log10();
            assert!(left < -77.0, "{rate} Hz, {hertz} Hz: {left} dB are left");
        }
    }
}

#[test]
fn stereo_is_the_mean_of_both_sides() {
    let (left, right) = (noise(9_000, 3), noise(9_000, 4));
    let pairs: Vec<i16> = left.iter().zip(&right).flat_map(|(&l, &r)| [l, r]).collect();
    let mean = |(&l, &r): (&i16, &i16)| ((i32::from(l) + i32::from(r)) >> 1) as i16;
    let mono: Vec<i16> = left.iter().zip(&right).map(mean).collect();
    for rate in RATES {
        assert_eq!(whole(Source::stereo(rate), &pairs), whole(Source::mono(rate), &mono));
    }
}

#[test]
fn reset_forgets() {
    for rate in RATES {
        let samples = noise(3_000, 9);
        let mut resampler = Resampler::with_filter(Filter::from_rate(rate).unwrap(), Channels::Stereo);
        resampler.push(&samples[..1_777], |_| ());
        resampler.reset();
        let mut out = Vec::new();
        resampler.push(&samples, |mono| out.extend_from_slice(mono));
        resampler.flush(|mono| out.extend_from_slice(mono));
        assert_eq!(out, whole(Source::stereo(rate), &samples));
    }
}

#[test]
fn other_rates_are_refused() {
    for sample_rate in [0, 11_025, 44_101, 96_000] {
        assert_eq!(Resampler::new(Source::mono(sample_rate)).unwrap_err(), SourceRateError { sample_rate });
        assert!(Filter::from_rate(sample_rate).is_none());
    }
}

/// Music of a kind: partials of two voices up to 5.3 kHz.
#[cfg(feature = "onnx")]
fn partials(rate: u32) -> Vec<f32> {
    let at = |time: f64| -> f64 {
        (1..=48).map(|n| (TAU * 110.0 * f64::from(n) * time + f64::from(n * n)).sin() * 0.02).sum()
    };
    (0..2 * rate).map(|i| at(f64::from(i) / f64::from(rate)) as f32).collect()
}

/// The resampler of whole clips, [`resample`](runtime::resample::resample), on the same clip: the same samples but for the
/// rounding to 16 bits and 0.01 dB.
#[cfg(feature = "onnx")]
#[test]
fn the_stream_is_what_becomes_of_the_whole_clip() {
    use runtime::pcm::Pcm;
    for rate in RATES {
        let clip = partials(rate);
        let clips = runtime::resample::resample(Pcm::new(rate, &clip), 12_000).unwrap();
        let stream = whole(Source::mono(rate), &clip);
        assert_eq!(stream.len(), clips.len());
        let differences = stream.iter().zip(&*clips).map(|(a, b)| a - b).collect::<Vec<_>>();
        let below = 20.0 * (level(&differences) / level(&stream)).log10();
        println!("{rate} Hz: the difference from that of clips is {below:.1} dB of the music");
        assert!(below < -60.0, "{rate} Hz: {below} dB");
    }
}
