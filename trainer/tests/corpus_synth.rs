//! The synthesiser: true labels, audible parts, and no tag that one number gives away.

mod scalars;

use rayon::prelude::*;
use runtime::mel::{MelConfig, log_mel};
use runtime::pcm::Pcm;
use trainer::corpus::synth::{RATE, SECONDS, SynthClip, SynthSpec, TAGS, corpus, write_wav};
use trainer::corpus::{ClipSource, Corpus, Split};

/// last.fm's 50 words of the Million Song Dataset, which the tags of generated sound must not borrow.
const LAST_FM: &str = "rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,\
    beautiful,metal,chillout,male vocalists,classic rock,soul,indie rock,Mellow,electronica,80s,folk,90s,chill,\
    instrumental,punk,oldies,blues,hard rock,ambient,acoustic,experimental,female vocalist,guitar,Hip-Hop,70s,party,\
    country,easy listening,sexy,catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,House,happy";

fn spec(clips: usize) -> SynthSpec {
    SynthSpec { clips, ..SynthSpec::default() }
}

fn synth_clips(corpus: &Corpus) -> Vec<SynthClip> {
    let synth = |source: &ClipSource| match source {
        ClipSource::Synth(clip) => *clip,
        ClipSource::File(path) => panic!("a file in the synthetic corpus: {}", path.display()),
    };
    corpus.clips.iter().map(|clip| synth(&clip.source)).collect()
}

#[test]
fn tags_are_named_synthetic_and_borrow_no_word() {
    assert_eq!(LAST_FM.split(',').count(), 50);
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase().split([',', ' ', '-']).filter(|word| !word.is_empty()).map(String::from).collect()
    };
    let taken = words(LAST_FM);
    assert!(TAGS.len() >= 16);
    for tag in TAGS {
        assert!(tag.starts_with("synthetic "), "{tag}");
        for word in words(tag) {
            assert!(!taken.contains(&word), "{tag:?} borrows {word:?}");
        }
    }
}

#[test]
fn a_clip_follows_from_seed_and_number_alone() {
    let (short, long) = (corpus(&spec(20)), corpus(&spec(40)));
    assert_eq!(short.clips[..], long.clips[..20]);
    let clip = synth_clips(&short)[7];
    let (rate, samples) = clip.render();
    assert_eq!((rate, samples.len()), (12_000, 349_440));
    let bits = |samples: &[f32]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    // On another thread, which has its own history.
    let again = std::thread::spawn(move || clip.render().1).join().unwrap();
    assert!(bits(&again) == bits(&samples), "the same description gave other samples");
    for other in [SynthClip { index: 8, ..clip }, SynthClip { seed: clip.seed + 1, ..clip }] {
        assert!(other.render().1 != samples);
    }
}

#[test]
fn splits_are_70_10_20_and_labels_vary() {
    let corpus = corpus(&spec(1000));
    let count = |split| corpus.clips.iter().filter(|clip| clip.split == Some(split)).count();
    assert_eq!([count(Split::Train), count(Split::Validation), count(Split::Test)], [700, 100, 200]);
    for (tag, name) in TAGS.iter().enumerate() {
        for split in [Split::Train, Split::Validation, Split::Test] {
            let clips = || corpus.clips.iter().filter(|clip| clip.split == Some(split));
            let share =
                clips().filter(|clip| clip.labels[tag] == 1.0).count() as f64 / clips().count() as f64;
            assert!((0.2..0.5).contains(&share), "{name}: {share} of {split:?}");
        }
    }
    let per_clip = corpus.clips.iter().map(|clip| clip.labels.iter().sum::<f32>()).sum::<f32>() / 1000.0;
    assert!((4.0..9.0).contains(&per_clip), "{per_clip} tags per clip");
    // Independent of each other but for the pairs that exclude each other.
    for (a, one) in TAGS.iter().enumerate() {
        for (b, other) in TAGS.iter().enumerate().skip(a + 1) {
            let opposed = ["pace", "third"].iter().any(|kind| one.ends_with(kind) && other.ends_with(kind));
            let phi = correlation(&corpus, a, b);
            assert!(opposed || phi.abs() < 0.15, "{one} and {other}: {phi}");
        }
    }
}

fn correlation(corpus: &Corpus, a: usize, b: usize) -> f64 {
    let n = corpus.clips.len() as f64;
    let mean =
        |of: &dyn Fn(&[f32]) -> f32| corpus.clips.iter().map(|c| f64::from(of(&c.labels))).sum::<f64>() / n;
    let (p, q, both) = (mean(&|l| l[a]), mean(&|l| l[b]), mean(&|l| l[a] * l[b]));
    (both - p * q) / (p * (1.0 - p) * q * (1.0 - q)).sqrt()
}

#[test]
fn every_tagged_part_is_audible() {
    for clip in synth_clips(&corpus(&spec(60))) {
        for (tag, decibels) in clip.part_levels() {
            // Hats are few and short, and alone in their octave.
            let floor =
                if tag == "synthetic swung hats" || tag == "synthetic echoes" { -24.0 } else { -20.0 };
            assert!(decibels > floor, "clip {}: {tag} at {decibels} dB", clip.index);
        }
    }
}

#[test]
fn any_length_renders_within_full_scale() {
    for samples in [0, 1, 2, 5, 63, 500, 12_000, 60_001] {
        for index in 0..40 {
            let (_, samples) = SynthClip { seed: 3, index, samples }.render();
            assert!(samples.iter().all(|x| x.abs() <= 0.9801));
        }
    }
}

#[test]
fn no_single_number_gives_a_tag_away() {
    let corpus = corpus(&spec(300));
    let described: Vec<[f64; 20]> = synth_clips(&corpus)
        .par_iter()
        .map(|clip| {
            let (rate, samples) = clip.render();
            let frames = log_mel(&MelConfig::MINIM, Pcm::new(rate, &samples)).unwrap();
            scalars::scalars(&samples, &frames)
        })
        .collect();
    for (tag, name) in TAGS.iter().enumerate() {
        let positive: Vec<bool> = corpus.clips.iter().map(|clip| clip.labels[tag] == 1.0).collect();
        for (scalar, what) in scalars::NAMES.iter().enumerate() {
            let values: Vec<f64> = described.iter().map(|all| all[scalar]).collect();
            let auc = scalars::auc_either_way(&values, &positive);
            assert!(auc < 0.9, "{name}: {what} alone reaches an AUC of {auc:.3}");
        }
    }
}

#[test]
fn wavs_are_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.wav");
    let clip = SynthClip { seed: 1, index: 0, samples: (SECONDS * 0.1 * RATE as f32) as usize };
    write_wav(&clip, &path).unwrap();
    let mut wav = hound::WavReader::open(&path).unwrap();
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (RATE, 1));
    let (_, samples) = clip.render();
    for (stored, sample) in wav.samples::<i16>().zip(&samples) {
        assert!((f32::from(stored.unwrap()) / 32767.0 - sample).abs() < 1e-4);
    }
    assert_eq!(wav.len() as usize, samples.len());
    assert!(write_wav(&clip, &dir.path().join("clip.wav/in-a-file.wav")).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something half-written was left behind");
}
