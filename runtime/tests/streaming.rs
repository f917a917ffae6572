//! Pushing a clip in pieces, its ends, and what does not belong into a clip.
#![cfg(feature = "std")]

use proptest::prelude::*;
use runtime::mel::{FftSize, LogMel, MelConfig, MelError, MelScale, PadMode, Points, log_mel, log_mel_codes};
use runtime::pcm::Pcm;

/// Bits of all values that a clip gives when it is cut into pieces of the given lengths, in turn.
fn bits_in_pieces<const N_FFT: usize>(
    front_end: &mut LogMel<N_FFT, 96>,
    samples: &[f32],
    pieces: &[usize],
) -> Vec<u32>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    let rate = front_end.config().sample_rate;
    let mut bits = Vec::new();
    let mut rest = samples;
    for &piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        front_end.push(Pcm::new(rate, now), |frame| bits.extend(frame.iter().map(|v| v.to_bits()))).unwrap();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    front_end.flush(|frame| bits.extend(frame.iter().map(|v| v.to_bits())));
    bits
}

fn pieces_are_one_push<const N_FFT: usize>(
    config: &MelConfig,
    samples: &[f32],
    pieces: &[usize],
) -> Result<(), TestCaseError>
where
    Points<N_FFT>: FftSize<N_FFT>,
{
    let mut front_end = LogMel::<N_FFT, 96>::new(config).unwrap();
    let whole = bits_in_pieces(&mut front_end, samples, &[samples.len()]);
    prop_assert_eq!(whole.len(), config.frames(samples.len()) * config.mel_bands);
    // The same extractor again: a flush leaves nothing behind.
    let cut = bits_in_pieces(&mut front_end, samples, pieces);
    prop_assert!(whole == cut, "pieces of {:?} differ", pieces);
    let single = bits_in_pieces(&mut front_end, samples, &[N_FFT / 2 + 1]);
    prop_assert!(whole == single, "pieces of half a frame differ");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_pieces_give_bit_for_bit_what_one_push_gives(
        samples in prop::collection::vec(-1.0f32..1.0, 0..6000),
        pieces in prop::collection::vec(1usize..2000, 1..12),
        size in 0usize..3,
        hop_length in 1usize..=256,
        reflect in any::<bool>(),
    ) {
        let pad_mode = if reflect { PadMode::Reflect } else { PadMode::Zeros };
        let config = |n_fft| MelConfig { n_fft, hop_length: hop_length * n_fft / 256, pad_mode, ..MelConfig::MINIM };
        match size {
            0 => pieces_are_one_push::<256>(&config(256), &samples, &pieces)?,
            1 => pieces_are_one_push::<512>(&config(512), &samples, &pieces)?,
            _ => pieces_are_one_push::<2048>(&config(2048), &samples, &pieces)?,
        }
    }

    #[test]
    fn ends_are_padded_as_numpy_pads_them(
        samples in prop::collection::vec(-1.0f32..1.0, 1..900),
        hop_length in 1usize..=512,
        reflect in any::<bool>(),
    ) {
        let pad_mode = if reflect { PadMode::Reflect } else { PadMode::Zeros };
        let config = MelConfig { hop_length, pad_mode, ..MelConfig::MINIM };
        let ours = log_mel(&config, Pcm::new(12_000, &samples)).unwrap();
        let last = samples.len() as i64 - 1;
        for (frame, ours) in ours.chunks(96).enumerate() {
            // The frame with its padding, as a clip of its own whose middle frame it is.
            let padded: Vec<f32> = (0..512)
                .map(|i| {
                    let at = (frame * hop_length) as i64 - 256 + i;
                    match pad_mode {
                        PadMode::Zeros if !(0..=last).contains(&at) => 0.0,
                        PadMode::Reflect if last == 0 => samples[0],
                        PadMode::Reflect => {
                            let phase = at.rem_euclid(2 * last);
                            samples[phase.min(2 * last - phase) as usize]
                        }
                        PadMode::Zeros => samples[at as usize],
                    }
                })
                .collect();
            let config = MelConfig { hop_length: 256, ..config };
            let alone = log_mel(&config, Pcm::new(12_000, &padded)).unwrap();
            prop_assert_eq!(ours, &alone[96..192], "frame {}", frame);
        }
    }
}

fn noise(length: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_clip_of_the_papers_length_gives_1366_frames() {
    let frames = log_mel(&MelConfig::MINIM, Pcm::new(12_000, &noise(349_440))).unwrap();
    assert_eq!(frames.len(), 1366 * 96);
}

#[test]
fn a_wrong_rate_is_refused_and_changes_nothing() {
    let samples = noise(3000);
    let mut front_end = LogMel::<512, 96>::new(&MelConfig::MINIM).unwrap();
    let right = bits_in_pieces(&mut front_end, &samples, &[3000]);
    let mut bits = Vec::new();
    let mut keep = |frame: &[f32]| bits.extend(frame.iter().map(|v| v.to_bits()));
    front_end.push(Pcm::new(12_000, &samples[..1000]), &mut keep).unwrap();
    let refused = front_end.push(Pcm::new(16_000, &samples), |_| panic!("a frame of refused samples"));
    assert_eq!(refused, Err(MelError::PcmRate { expected: 12_000, found: 16_000 }));
    front_end.push(Pcm::new(12_000, &samples[1000..]), &mut keep).unwrap();
    front_end.flush(&mut keep);
    assert_eq!(bits, right);
}

#[test]
fn broken_samples_count_as_silence() {
    let mut samples = noise(5000);
    for (i, broken) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e13, f32::MAX].into_iter().enumerate() {
        samples[i * 900 + 3] = broken;
    }
    let silenced: Vec<f32> = samples.iter().map(|&x| if x.abs() <= 1.0 { x } else { 0.0 }).collect();
    for config in [MelConfig::MINIM, MelConfig::MUSICNN] {
        let rate = config.sample_rate;
        let frames = log_mel(&config, Pcm::new(rate, &samples)).unwrap();
        assert_eq!(frames, log_mel(&config, Pcm::new(rate, &silenced)).unwrap());
        let loudest = log_mel(&config, Pcm::new(rate, &[1e12; 5000])).unwrap();
        assert!(loudest.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn clips_without_samples_have_no_frames() {
    let mut front_end = LogMel::<512, 96>::new(&MelConfig::MINIM).unwrap();
    front_end.flush(|_| panic!("a frame of nothing"));
    front_end.push(Pcm::new(12_000, &[0.5; 100]), |_| panic!("too early")).unwrap();
    front_end.reset();
    front_end.flush(|_| panic!("a frame of what was forgotten"));
    assert_eq!(log_mel(&MelConfig::MINIM, Pcm::new(12_000, &[])), Ok(Vec::new()));
}

#[test]
fn what_does_not_fit_the_extractor_is_an_error() {
    let minim = MelConfig::MINIM;
    let other_size = LogMel::<256, 96>::new(&minim).map(|_| ());
    assert_eq!(other_size, Err(MelError::OtherFftSize { n_fft: 512, compiled: 256 }));
    let too_many = LogMel::<512, 95>::new(&minim).map(|_| ());
    assert_eq!(too_many, Err(MelError::TooManyBands { mel_bands: 96, room: 95 }));
    let f_max = 1e-20;
    let narrow = MelConfig { f_max, mel_scale: MelScale::Htk, ..minim };
    let narrow = LogMel::<512, 96>::new(&narrow).map(|_| ());
    assert_eq!(narrow, Err(MelError::NarrowBands { mel_bands: 96, f_min: 0.0, f_max }));
    let huge = MelConfig { mel_bands: usize::MAX, ..minim };
    assert!(matches!(log_mel(&huge, Pcm::new(12_000, &[0.0])), Err(MelError::TooManyBands { .. })));
}

#[test]
fn bands_between_two_bins_read_silence() {
    let config = MelConfig { n_fft: 256, mel_bands: 200, ..MelConfig::MINIM };
    let frames = log_mel(&config, Pcm::new(12_000, &noise(2000))).unwrap();
    let silent = frames[..200].iter().filter(|&&v| v < -99.9).count();
    assert!((1..150).contains(&silent), "{silent} of 200 bands are silent");
}

#[test]
fn codes_are_the_frames_in_half_decibels() {
    let samples = noise(4000);
    let frames = log_mel(&MelConfig::MINIM, Pcm::new(12_000, &samples)).unwrap();
    let codes = log_mel_codes(&MelConfig::MINIM, Pcm::new(12_000, &samples)).unwrap();
    assert_eq!(frames.len(), codes.len());
    for (value, code) in frames.iter().zip(codes) {
        assert!((value - (f32::from(code) / 2.0 - 100.0)).abs() <= 0.2501, "{value} {code}");
    }
}
