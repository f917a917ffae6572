//! Blocks against their definition.

use super::*;
use proptest::prelude::*;

/// The definition, in double precision: `[frames, out]`.
fn by_definition(
    block: &Block,
    w: &[f32],
    b: &[f32],
    x: impl Fn(usize, usize) -> f32,
    frames: usize,
) -> Vec<f64> {
    let mut y = Vec::new();
    for t in 0..block.out_frames(frames) {
        for o in 0..block.out {
            let conv = |t: usize| -> f64 {
                let taps = (0..block.channels).flat_map(|c| (0..block.taps).map(move |k| (c, k)));
                let product =
                    |(c, k)| f64::from(w[(o * block.channels + c) * block.taps + k]) * f64::from(x(c, t + k));
                f64::from(b[o]) + taps.map(product).sum::<f64>()
            };
            let largest = (0..block.pool).map(|p| conv(t * block.pool + p)).fold(f64::NEG_INFINITY, f64::max);
            y.push(if largest < 0.0 { largest.exp_m1() } else { largest });
        }
    }
    y
}

fn every_instruction_set(block: &Block, x: &[f32], frames: usize) -> Vec<Vec<f32>> {
    let mut y = vec![f32::NAN; block.out_frames(frames) * block.out];
    let mut results = Vec::new();
    block.run(x, frames, &mut y);
    results.push(y.clone());
    y.fill(f32::NAN);
    Run { block, x, frames, y: &mut y }.with_simd(pulp::Scalar);
    results.push(y.clone());
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = pulp::x86::V3::try_new() {
        y.fill(f32::NAN);
        Simd::vectorize(avx2, Run { block, x, frames, y: &mut y });
        results.push(y);
    }
    results
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_layout_and_instruction_set_equals_the_definition(
        channels in 1usize..20, out in 1usize..40, taps in 1usize..6, pool in 1usize..6, more in 0usize..90, seed in any::<u32>(),
    ) {
        let mut state = seed | 1;
        let mut random = |n: usize| -> Vec<f32> {
            (0..n).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            }).collect()
        };
        let frames = taps + more;
        let (w, b, x) = (random(out * channels * taps), random(out), random(channels * frames));
        let transposed: Vec<f32> = (0..frames).flat_map(|t| (0..channels).map(move |c| (c, t))).map(|(c, t)| x[c * frames + t]).collect();
        let both = [Layout::ChannelsFirst, Layout::FramesFirst];
        for layouts in both.iter().flat_map(|&i| both.map(|o| (i, o))) {
            let activation = Activation { first: None, elu: true, second: None };
            let block = Block::new([out, channels, taps], &w, &b, pool, activation, layouts).unwrap();
            let want = by_definition(&block, &w, &b, |c, t| x[c * frames + t], frames);
            let x = if layouts.0 == Layout::FramesFirst { &transposed } else { &x };
            let out_frames = block.out_frames(frames);
            for y in every_instruction_set(&block, x, frames) {
                for t in 0..out_frames {
                    for o in 0..out {
                        let got = y[if layouts.1 == Layout::FramesFirst { t * out + o } else { o * out_frames + t }];
                        prop_assert!((f64::from(got) - want[t * out + o]).abs() < 2e-5, "{} {}", got, want[t * out + o]);
                    }
                }
            }
        }
    }
}

#[test]
fn rounding_the_input_is_done_to_every_value() {
    let rounding = FakeQuant { scale: 0.5, zero_point: 0.0, lowest: -128.0 };
    let x: Vec<f32> = (0..5 * 103).map(|i| (i * 37 % 101) as f32 * 0.07 - 3.0).collect();
    let rounded: Vec<f32> = x.iter().map(|&value| rounding.apply(value)).collect();
    let activation = Activation { first: None, elu: false, second: None };
    for layouts in
        [(Layout::ChannelsFirst, Layout::FramesFirst), (Layout::FramesFirst, Layout::ChannelsFirst)]
    {
        let block = Block::new([3, 5, 4], &[0.5; 60], &[0.0; 3], 3, activation, layouts).unwrap();
        let run = |block: &Block, x: &[f32]| every_instruction_set(block, x, 103);
        assert_eq!(run(&block.clone().with_rounding(Some(rounding)), &x), run(&block, &rounded));
        assert_ne!(run(&block, &x), run(&block, &rounded));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let activation = || Activation { first: None, elu: false, second: None };
    let layouts = (Layout::ChannelsFirst, Layout::ChannelsFirst);
    assert!(Block::new([2, 3, 4], &[0.0; 24], &[0.0; 2], 1, activation(), layouts).is_some());
    for (shape, weight, bias, pool) in [
        ([2, 3, 4], 23, 2, 1),
        ([2, 3, 4], 24, 3, 1),
        ([2, 3, 4], 24, 2, 0),
        ([0, 3, 4], 0, 0, 1),
        ([usize::MAX, 3, 4], 24, 2, 1),
    ] {
        assert!(
            Block::new(shape, &vec![0.0; weight], &vec![0.0; bias], pool, activation(), layouts).is_none()
        );
    }
}

#[test]
fn too_few_frames_give_nothing() {
    let layouts = (Layout::ChannelsFirst, Layout::FramesFirst);
    let block = Block::new(
        [1, 1, 4],
        &[1.0; 4],
        &[0.0],
        2,
        Activation { first: None, elu: false, second: None },
        layouts,
    )
    .unwrap();
    for frames in 0..5 {
        assert_eq!(block.out_frames(frames), 0);
        block.run(&vec![1.0; frames], frames, &mut []);
    }
    assert_eq!(block.out_frames(5), 1);
}
