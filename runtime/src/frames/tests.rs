//! Messages come back; damage does not pass for messages.

use super::*;
use proptest::prelude::*;

/// All that a message is made of.
type Parts = (u8, String, u16, u32, [u64; 3], Vec<u8>, Vec<u8>, Option<f32>);

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..400);
    let threshold = prop::option::of(0.0f32..1.0);
    (0u8..5, ".{0,40}", any::<u16>(), any::<u32>(), any::<[u64; 3]>(), bytes(), bytes(), threshold)
}

fn message<'a>((kind, text, short, word, long, a, b, threshold): &'a Parts) -> Message<'a> {
    match kind {
        0 => Message::Hello {
            protocol: PROTOCOL,
            model: text,
            tags: *short,
            sample_rate: *word,
            window_milliseconds: 6_000,
            hop_milliseconds: *word / 2,
        },
        1 => Message::Tag { index: *short, name: text, threshold: *threshold },
        2 => Message::Scores {
            window: *word,
            uptime_milliseconds: long[0],
            heard_milliseconds: long[1],
            instructions: long[2],
            probabilities: Probabilities(a),
            means: Probabilities(b),
        },
        3 => Message::Log { text },
        _ => Message::End { windows: *word, instructions: long[0] },
    }
}

fn decode(bytes: &[u8]) -> Vec<Result<String, FrameError>> {
    let mut decoder = Decoder::<2048>::new();
    let all = bytes.iter().filter_map(|&byte| decoder.push(byte).map(|got| got.map(|m| format!("{m:?}"))));
    all.collect()
}

proptest! {
    #[test]
    fn what_was_said_is_understood(all in prop::collection::vec(parts(), 1..5)) {
        let mut line = Vec::new();
        for parts in &all {
            let mut room = [0xaa; 2048];
            let frame = encode(&message(parts), &mut room).unwrap();
            prop_assert_eq!(frame.iter().position(|&byte| byte == 0), Some(frame.len() - 1));
            line.extend_from_slice(frame);
        }
        let want: Vec<_> = all.iter().map(|parts| Ok(format!("{:?}", message(parts)))).collect();
        prop_assert_eq!(decode(&line), want);
    }

    #[test]
    fn damage_costs_no_more_than_its_frames(
        before in parts(), after in parts(), place in any::<prop::sample::Index>(), flip in 1u8..,
    ) {
        let mut room = [0; 2048];
        let mut line = encode(&message(&before), &mut room).unwrap().to_vec();
        let place = place.index(line.len());
        line[place] ^= flip;
        let mut room = [0; 2048];
        line.extend_from_slice(encode(&message(&after), &mut room).unwrap());
        line.extend_from_slice(encode(&message(&after), &mut room).unwrap());
        let got = decode(&line);
        // The zero between two frames may be what was damaged.
        prop_assert_eq!(got.last(), Some(&Ok(format!("{:?}", message(&after)))));
        prop_assert!(got.iter().any(Result::is_err));
        let known = |m: &String| *m == format!("{:?}", message(&after)) || *m == format!("{:?}", message(&before));
        prop_assert!(got.iter().flatten().all(known));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(decode(&bytes).iter().all(Result::is_err));
        let mut small = Decoder::<16>::new();
        for &byte in &bytes {
            let _ = small.push(byte);
        }
        prop_assert!(small.raw().len() <= 16);
    }

    #[test]
    fn probabilities_come_back_within_half_a_step(values in prop::collection::vec(0.0f32..=1.0, 0..60)) {
        let mut room = [0; 120];
        let written = Probabilities::write(values.iter().copied(), &mut room);
        prop_assert_eq!(written.iter().len(), values.len());
        for (got, want) in written.iter().zip(&values) {
            prop_assert!((got - want).abs() <= 0.51 / 65_535.0);
        }
    }
}

#[test]
fn the_longest_frame_is_long_enough() {
    let text = "x".repeat(64);
    for tags in [0, 1, 50, 120, 127, 128, 500] {
        let bytes = vec![0xff; 2 * tags];
        let scores = Message::Scores {
            window: u32::MAX,
            uptime_milliseconds: u64::MAX,
            heard_milliseconds: u64::MAX,
            instructions: u64::MAX,
            probabilities: Probabilities(&bytes),
            means: Probabilities(&bytes),
        };
        let mut room = vec![0; longest(tags)];
        encode(&scores, &mut room).unwrap();
        encode(&Message::Tag { index: u16::MAX, name: &text, threshold: Some(1.0) }, &mut room).unwrap();
        let hello = Message::Hello {
            protocol: PROTOCOL,
            model: &text,
            tags: u16::MAX,
            sample_rate: u32::MAX,
            window_milliseconds: u32::MAX,
            hop_milliseconds: u32::MAX,
        };
        encode(&hello, &mut room).unwrap();
    }
    assert_eq!(encode(&Message::Log { text: &text }, &mut [0; 8]), Err(FrameError::TooLong));
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let mut room = [0; 32];
    let frame = encode(&Message::Log { text: "hi" }, &mut room).unwrap();
    // 3, 2, "hi", then the CRC-32 of these four bytes as Python's zlib.crc32 gives it, 0xa93f9ccf.
    assert_eq!(frame[5..9], 0xa93f_9ccf_u32.to_le_bytes());
    assert_eq!(frame[..5], [9, 3, 2, b'h', b'i']);
    assert_eq!((frame.len(), frame[9]), (10, 0));
    let end = encode(&Message::End { windows: 300, instructions: 0 }, &mut room).unwrap();
    // Varint 300 is 0xac 0x02; the zero is stuffed.
    assert_eq!(end[..5], [4, 4, 0xac, 2, 5]);
}
