//! Resampled clips stay in place, in pitch and in size.
#![cfg(feature = "onnx")]

use std::borrow::Cow;
use std::f64::consts::TAU;

use proptest::prelude::*;
use runtime::pcm::Pcm;
use runtime::resample::{HIGHEST_RATE, LOWEST_RATE, PieceResampler, ResampleError, resample};

/// Usual rates, awkward ones (no common divisor), up and down.
const RATES: &[(u32, u32)] = &[
    (44_100, 12_000),
    (48_000, 12_000),
    (44_100, 16_000),
    (22_050, 12_000),
    (8_000, 12_000),
    (11_025, 16_000),
    (44_101, 12_000),
    (47_999, 16_000),
    (96_000, 12_000),
];

fn sine(rate: u32, hertz: f64, samples: usize) -> Vec<f32> {
    (0..samples).map(|i| (0.5 * (TAU * hertz * i as f64 / f64::from(rate)).sin()) as f32).collect()
}

#[test]
fn a_sine_stays_the_same_sine() {
    for &(from, to) in RATES {
        for hertz in [110.0, 1000.0, 3300.0] {
            let clip = sine(from, hertz, from as usize);
            let resampled = resample(Pcm::new(from, &clip), to).unwrap();
            let right = sine(to, hertz, to as usize);
            assert_eq!(resampled.len(), right.len(), "{from} -> {to}");
            // Away from the ends, where the sine begins and stops.
            let middle = to as usize / 4..to as usize * 3 / 4;
            let error = middle.map(|i| (resampled[i] - right[i]).abs()).fold(0.0, f32::max);
            assert!(error < 2e-3, "{from} -> {to}, {hertz} Hz: off by {error}");
        }
    }
}

#[test]
fn an_impulse_stays_in_place() {
    for &(from, to) in RATES {
        for at in [0.1, 0.5, 0.93] {
            let mut clip = vec![0.0; from as usize];
            let index = (at * f64::from(from)) as usize;
            clip[index] = 1.0;
            let resampled = resample(Pcm::new(from, &clip), to).unwrap();
            let peak = (0..resampled.len()).max_by(|&a, &b| resampled[a].total_cmp(&resampled[b])).unwrap();
            let right = index as f64 * f64::from(to) / f64::from(from);
            assert!((peak as f64 - right).abs() < 1.0, "{from} -> {to}: at {peak}, should be at {right}");
        }
    }
}

#[test]
fn what_lies_above_the_new_band_is_taken_out() {
    let clip = sine(44_100, 9_000.0, 44_100);
    let resampled = resample(Pcm::new(44_100, &clip), 12_000).unwrap();
    let loudest = resampled[1000..11_000].iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    assert!(loudest < 1e-4, "{loudest} of a tone beyond the band is left");
}

#[test]
fn the_length_is_rounded_up() {
    for &(from, to) in RATES {
        for samples in [1_usize, 2, 146, 147, 148, 1000, 44_100, 100_001] {
            let clip = vec![0.25; samples];
            let right = (samples as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
            assert_eq!(resample(Pcm::new(from, &clip), to).unwrap().len(), right, "{samples} {from} -> {to}");
        }
    }
}

#[test]
fn the_same_rate_is_borrowed_and_nothing_stays_nothing() {
    let clip = [0.5; 10];
    assert!(matches!(resample(Pcm::new(12_000, &clip), 12_000), Ok(Cow::Borrowed(same)) if same == clip));
    assert_eq!(resample(Pcm::new(44_100, &[]), 12_000).unwrap().len(), 0);
}

#[test]
fn silly_rates_are_errors() {
    for (from, to) in
        [(0, 12_000), (12_000, 0), (1, 12_000), (10_000_000, 12_000), (12_000, u32::MAX), (0, 0)]
    {
        assert_eq!(resample(Pcm::new(from, &[0.0; 100]), to), Err(ResampleError::Rate { from, to }));
    }
    for (from, to) in [(LOWEST_RATE, HIGHEST_RATE), (HIGHEST_RATE, LOWEST_RATE), (HIGHEST_RATE - 1, 12_000)] {
        let length = (1000 * u64::from(to)).div_ceil(u64::from(from)) as usize;
        assert_eq!(resample(Pcm::new(from, &[0.1; 1000]), to).unwrap().len(), length, "{from} -> {to}");
    }
}

#[test]
fn a_broken_sample_spoils_nothing() {
    let mut clip = sine(44_100, 440.0, 44_100);
    clip[20_000] = 0.0;
    let right = resample(Pcm::new(44_100, &clip), 12_000).unwrap().into_owned();
    for broken in [f32::NAN, f32::INFINITY, -1e30] {
        clip[20_000] = broken;
        assert_eq!(*resample(Pcm::new(44_100, &clip), 12_000).unwrap(), right);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn pieces_give_the_bits_of_the_whole(
        rates in proptest::sample::select(RATES),
        length in 0usize..30_000,
        pieces in proptest::collection::vec(1usize..9_000, 1..6),
    ) {
        let (from, to) = rates;
        let clip: Vec<f32> = (0..length).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        let whole = resample(Pcm::new(from, &clip), to).unwrap();
        let mut resampler = PieceResampler::new(from, to).unwrap();
        // Twice: a flush begins anew.
        for _ in 0..2 {
            let (mut out, mut rest) = (Vec::new(), &clip[..]);
            for &piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                resampler.push(now, |piece| out.extend_from_slice(piece));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            resampler.flush(|piece| out.extend_from_slice(piece));
            prop_assert_eq!(out.len() as u64, (length as u64 * u64::from(to)).div_ceil(u64::from(from)));
            prop_assert!(out.iter().zip(&*whole).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
