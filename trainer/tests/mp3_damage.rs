//! Damaged mp3 streams, to our decoder and to symphonia's: what symphonia's decoder refuses is refused, and what it takes gives as many samples.

mod mp3;

use mp3::{Both, Random, both, distance, files, is_refusal, open, step, symphonia};
use runtime::decode::mp3::{BandDecoder, Trim};

const HIGHEST: f32 = 6000.0;

fn same(result: &Both, what: &str) {
    assert!(
        result.differences.is_empty(),
        "{what}: {:?}",
        &result.differences[..result.differences.len().min(5)]
    );
}

/// The samples are those of symphonia, too.
fn near(result: &Both, what: &str) {
    same(result, what);
    if result.full.len() < 2000 {
        return;
    }
    let distance = distance(result, HIGHEST.min(result.rate as f32 / 2.0));
    assert!(distance.error_db < -85.0, "{what}: {:.1} dB", distance.error_db);
}

#[test]
fn a_stream_that_begins_in_the_middle() {
    let (mut refused, mut cuts) = (0, 0);
    for (at, (_, bytes)) in files(20).iter().enumerate() {
        for part in 1..5 {
            let result = both(&bytes[bytes.len() * part / 5..], HIGHEST, |_, _| ());
            near(&result, &format!("file {at} from part {part}"));
            (refused, cuts) = (refused + result.refused, cuts + 1);
        }
    }
    println!("{refused} refused packets in {cuts} streams");
}

#[test]
fn packets_that_are_missing() {
    for (at, (_, bytes)) in files(20).iter().enumerate() {
        let mut random = Random(at as u64 + 7);
        let Some(mut reader) = open(bytes) else { continue };
        let (mut result, mut band, mut full) =
            (Both::default(), BandDecoder::new(HIGHEST), symphonia(&*reader));
        while let Ok(Some(packet)) = reader.next_packet() {
            if random.next(4) > 0 {
                step(&mut result, &mut band, &mut *full, &packet);
            }
            if random.next(100) == 0 {
                near(&result, &format!("file {at} up to packet {}", result.packets));
                (result.band, result.full) = (Vec::new(), Vec::new());
                band.reset();
                full.reset();
            }
        }
        near(&result, &format!("file {at}"));
    }
}

/// Bits of the main data are turned: most of it still decodes, to something else.
#[test]
fn bits_that_are_turned_in_the_main_data() {
    let mut refused = 0;
    for (at, (_, bytes)) in files(20).iter().enumerate() {
        let mut random = Random(at as u64 * 77 + 1);
        let result = both(bytes, HIGHEST, |_, packet| {
            let length = packet.data.len();
            if random.next(3) == 0 && length > 40 {
                packet.data[38 + random.next(length - 38)] ^= 1 << random.next(8);
            }
        });
        refused += result.refused;
        near(&result, &format!("file {at}"));
    }
    println!("{refused} refused packets");
}

/// Bits of the side information and of the header are turned.
#[test]
fn bits_that_are_turned_anywhere() {
    let (mut refused, mut packets, mut only_symphonia, mut only_this) = (0, 0, 0, 0);
    for (at, (_, bytes)) in files(8).iter().enumerate() {
        let mut random = Random(at as u64 * 3 + 1);
        let result = both(bytes, HIGHEST, |_, packet| {
            for _ in 0..random.next(4) {
                let length = packet.data.len();
                packet.data[random.next(length.min(60))] ^= 1 << random.next(8);
            }
        });
        refused += result.refused;
        packets += result.packets;
        only_symphonia += result.differences.iter().filter(|text| text.contains("only")).count();
        only_this += result.differences.iter().filter(|text| text.contains("took")).count();
        same(&result, &format!("file {at}"));
    }
    println!(
        "{refused} of {packets} refused; only by symphonia: {only_symphonia}, only by this: {only_this}"
    );
}

/// What is said about stereo is not true: middle and side, intensity, and both.
#[test]
fn stereo_of_all_kinds() {
    let (mut taken, mut refused) = (0, 0);
    for (at, (_, bytes)) in files(20).iter().enumerate() {
        for extension in 0..4u8 {
            let result = both(bytes, HIGHEST, |number, packet| {
                if packet.data[3] >> 6 < 2 {
                    let extension = if number % 50 < 25 { extension } else { (number % 4) as u8 };
                    packet.data[3] = packet.data[3] & 0x0f | 0x40 | extension << 4;
                }
            });
            taken += result.packets - result.refused;
            refused += result.refused;
            near(&result, &format!("file {at} as {extension}"));
        }
    }
    println!("{taken} packets taken, {refused} refused");
}

/// Bytes of a frame of Layer III.
fn frame_length(header: [u8; 4]) -> usize {
    let index = usize::from(header[2] >> 4);
    let mpeg1 = header[1] >> 3 & 3 == 3;
    let kilobits = if mpeg1 {
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0][index]
    } else {
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0][index]
    };
    let rate = [44_100, 48_000, 32_000, 1_000_000][usize::from(header[2] >> 2 & 3)];
    let rate = rate / [4, 1, 2, 1][usize::from(header[1] >> 3 & 3)];
    (if mpeg1 { 144 } else { 72 }) * kilobits * 1000 / rate + usize::from(header[2] >> 1 & 1)
}

#[test]
fn nothing_makes_it_panic() {
    let mut random = Random(42);
    let files = files(50);
    let mut decoded = 0;
    for round in 0..3000 {
        let mut decoder = BandDecoder::new([6000.0, 8000.0, 100.0, f32::NAN, 0.0, 1e30][round % 6]);
        let usual = [
            0xff,
            [0xfb, 0xfa, 0xf3, 0xe3, 0xf2][random.next(5)],
            random.next(256) as u8,
            random.next(256) as u8,
        ];
        for _ in 0..20 {
            let mut packet: Vec<u8> = match random.next(3) {
                0 => {
                    let bytes = &files[random.next(files.len())].1;
                    let at = random.next(bytes.len() - 3000);
                    bytes[at..at + 3000].to_vec()
                }
                1 => (0..3000).map(|_| random.next(256) as u8).collect(),
                // Mostly zeros, or mostly ones.
                _ => {
                    let fill = [0, 255][random.next(2)];
                    (0..3000)
                        .map(|_| if random.next(8) == 0 { random.next(256) as u8 } else { fill })
                        .collect()
                }
            };
            // A header that may be right, for otherwise nothing gets further; the frames before it are not always asked
            // for.
            if random.next(20) > 0 {
                packet[..4].copy_from_slice(&usual);
                packet[4] &= [0, 1, 255][random.next(3)];
                packet.truncate(frame_length(usual).max(4));
            } else {
                packet.truncate(random.next(3000));
            }
            let trim = Trim { start: random.next(1300), end: random.next(1300) };
            match decoder.decode(&packet, trim) {
                Ok(result) => {
                    decoded += 1;
                    assert!(result.samples.len() <= result.frames_at_file_rate);
                    assert!(result.samples.iter().all(|sample| sample.is_finite()));
                }
                Err(error) => drop(is_refusal(error)),
            }
            if random.next(30) == 0 {
                decoder.reset();
            }
        }
    }
    println!("{decoded} packets gave samples");
}
