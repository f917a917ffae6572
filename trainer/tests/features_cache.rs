//! The feature cache: complete, found again, and whole after any interruption.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use runtime::decode::{decode_file, decode_file_for};
use runtime::mel::{MelConfig, log_mel_codes};
use runtime::pcm::Pcm;
use runtime::resample::resample;
use trainer::corpus::synth::{self, SynthSpec};
use trainer::corpus::{Clip, ClipSource, Corpus};
use trainer::features::{CacheDir, FeatureError, Prepared, Shard, fill_cache, prepare};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio").join(name)
}

fn files(paths: &[PathBuf]) -> Corpus {
    let clip = |path: &PathBuf| Clip {
        id: path.file_name().unwrap().to_string_lossy().into_owned(),
        source: ClipSource::File(path.clone()),
        group: None,
        album: None,
        split: None,
        labels: vec![1.0],
        windows: Vec::new(),
    };
    Corpus {
        name: "files".into(),
        tags: vec!["x".into()],
        clips: paths.iter().map(clip).collect(),
        split_rule: String::new(),
        soft_labels: false,
    }
}

fn short_synth(clips: usize) -> Corpus {
    synth::corpus(&SynthSpec { clips, seconds: 1.0, seed: 5 })
}

fn run(corpus: &Corpus, cache: &Path) -> Result<Prepared, FeatureError> {
    prepare(corpus.clone(), &MelConfig::MINIM, &CacheDir::new(cache), 2, &())
}

/// All that a reader can see, by clip.
fn contents(prepared: &Prepared) -> BTreeMap<String, (usize, Vec<u8>)> {
    let features = &prepared.features;
    assert_eq!(features.len(), prepared.corpus.clips.len());
    let clips = prepared.corpus.clips.iter().enumerate();
    clips.map(|(i, clip)| (clip.id.clone(), (features.frames(i), features.codes(i).to_vec()))).collect()
}

/// The one sub-folder of a cache.
fn folder(cache: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(cache).unwrap();
    let only = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    only
}

#[test]
fn codes_are_those_of_the_front_end() {
    let cache = tempfile::tempdir().unwrap();
    let path = fixture("stereo-44100.mp3");
    let mut corpus = files(std::slice::from_ref(&path));
    corpus.clips.extend(short_synth(3).clips);
    let prepared = run(&corpus, cache.path()).unwrap();
    assert_eq!((prepared.extracted, prepared.problems.len()), (4, 0));

    // What a listener at this rate hears; of all of the file's band it is, but for rounding in bands that hold nothing.
    let audio = decode_file_for(&path, 12_000, f64::INFINITY).unwrap();
    let samples = resample(audio.pcm(), 12_000).unwrap();
    let codes = log_mel_codes(&MelConfig::MINIM, Pcm::new(12_000, &samples)).unwrap();
    assert_eq!(prepared.features.codes(0), codes);
    let whole = decode_file(&path).unwrap();
    let samples = resample(whole.pcm(), 12_000).unwrap();
    let codes = log_mel_codes(&MelConfig::MINIM, Pcm::new(12_000, &samples)).unwrap();
    let loud = codes.iter().zip(prepared.features.codes(0)).filter(|(code, _)| **code > 150);
    assert!(loud.clone().count() > 1000 && loud.clone().all(|(a, b)| a.abs_diff(*b) <= 1));
    assert_eq!(prepared.features.frames(0), 1 + 30_000 / 256);
    for (i, clip) in corpus.clips.iter().enumerate().skip(1) {
        let ClipSource::Synth(synth) = &clip.source else { panic!("{} is a file", clip.id) };
        let (rate, samples) = synth.render();
        let codes = log_mel_codes(&MelConfig::MINIM, Pcm::new(rate, &samples)).unwrap();
        assert_eq!(prepared.features.codes(i), codes, "{}", clip.id);
        assert_eq!(prepared.features.frames(i), 1 + 12_000 / 256);
    }
}

#[test]
fn a_second_run_extracts_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let first = run(&short_synth(6), cache.path()).unwrap();
    let again = run(&short_synth(6), cache.path()).unwrap();
    assert_eq!((first.extracted, again.extracted), (6, 0));
    assert_eq!(contents(&first), contents(&again));
    // A longer corpus only adds to it.
    let more = run(&short_synth(9), cache.path()).unwrap();
    assert_eq!(more.extracted, 3);
    // Maps that were open meanwhile still read the same.
    assert!(contents(&first).iter().all(|(id, codes)| contents(&more)[id] == *codes));
}

#[test]
fn content_counts_and_not_the_name() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (dir.path().join("a.flac"), dir.path().join("b.flac"));
    std::fs::copy(fixture("mono-16000.flac"), &a).unwrap();
    std::fs::copy(fixture("mono-16000.flac"), &b).unwrap();
    let both = run(&files(&[a.clone(), b.clone()]), cache.path()).unwrap();
    assert_eq!((both.extracted, both.features.len()), (1, 2), "the same bytes are decoded once");
    assert_eq!(both.features.codes(0), both.features.codes(1));

    std::fs::copy(fixture("stereo-12000.flac"), &a).unwrap();
    let changed = run(&files(&[a.clone(), b.clone()]), cache.path()).unwrap();
    assert_eq!(changed.extracted, 1);
    assert_ne!(changed.features.codes(0), both.features.codes(0));
    assert_eq!(changed.features.codes(1), both.features.codes(1));

    let moved = dir.path().join("moved.flac");
    std::fs::rename(&b, &moved).unwrap();
    assert_eq!(run(&files(&[a, moved]), cache.path()).unwrap().extracted, 0);
}

#[test]
fn unchanged_files_are_not_read_again() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("old.flac");
    std::fs::copy(fixture("mono-16000.flac"), &path).unwrap();
    let set_age = |seconds| {
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    };
    set_age(600);
    let first = run(&files(std::slice::from_ref(&path)), cache.path()).unwrap();
    // Other bytes under the same size and time would be taken for the old ones: so nothing was read.
    let length = std::fs::metadata(&path).unwrap().len() as usize;
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, vec![0; length]).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let again = run(&files(std::slice::from_ref(&path)), cache.path()).unwrap();
    assert_eq!((again.extracted, again.features.codes(0)), (0, first.features.codes(0)));
    // Under another time they are read, and they are no audio.
    set_age(300);
    assert!(matches!(run(&files(&[path]), cache.path()), Err(FeatureError::NothingUsable { .. })));
}

#[test]
fn front_ends_do_not_mix() {
    let cache = tempfile::tempdir().unwrap();
    let run =
        |config: &MelConfig| prepare(short_synth(2), config, &CacheDir::new(cache.path()), 1, &()).unwrap();
    let minim = run(&MelConfig::MINIM);
    let other = run(&MelConfig::MUSICNN);
    let zeros = MelConfig { pad_mode: runtime::mel::PadMode::Zeros, ..MelConfig::MINIM };
    assert_eq!([minim.extracted, other.extracted, run(&zeros).extracted], [2, 2, 2]);
    assert_eq!((minim.features.frames(0), other.features.frames(0)), (47, 63));
    assert_ne!(run(&zeros).features.codes(0), minim.features.codes(0));
    assert_eq!(run(&MelConfig::MINIM).extracted, 0);
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 3);
    let impossible = MelConfig { hop_length: 0, ..MelConfig::MINIM };
    let refused = prepare(short_synth(2), &impossible, &CacheDir::new(cache.path()), 1, &());
    assert!(matches!(refused, Err(FeatureError::Mel(_))));
}

#[test]
fn bad_clips_are_listed_once_and_the_rest_goes_on() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let damaged = dir.path().join("damaged.mp3");
    std::fs::write(&damaged, b"no audio at all").unwrap();
    let headers = dir.path().join("headers.wav");
    std::fs::write(&headers, &std::fs::read(fixture("mono-8000-s16.wav")).unwrap()[..44]).unwrap();
    let paths = [
        damaged.clone(),
        fixture("mono-24000.ogg"),
        dir.path().join("gone.mp3"),
        headers,
        fixture("mono-32000.m4a"),
    ];
    for _ in 0..2 {
        let prepared = run(&files(&paths), cache.path()).unwrap();
        let kept: Vec<&str> = prepared.corpus.clips.iter().map(|clip| clip.id.as_str()).collect();
        assert_eq!(kept, ["mono-24000.ogg", "mono-32000.m4a"]);
        let listed: Vec<&str> = prepared.problems.iter().map(|problem| problem.id.as_str()).collect();
        assert_eq!(listed, ["damaged.mp3", "gone.mp3", "headers.wav"]);
        for (problem, reason) in
            prepared.problems.iter().zip(["not a readable", "No such file", "nothing could be"])
        {
            assert!(problem.reason.contains(reason), "{problem:?}");
        }
        assert_eq!(prepared.features.frames(1), prepared.features.codes(1).len() / 96);
    }
    let error = run(&files(&[damaged]), cache.path()).unwrap_err().to_string();
    assert!(error.contains("1 problems") && error.contains("damaged.mp3"), "{error}");
    assert!(matches!(run(&files(&[]), cache.path()), Err(FeatureError::NothingUsable { problems: 0, .. })));
}

#[test]
fn two_runs_at_once_share_the_work() {
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path();
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| run(&short_synth(40), path).unwrap());
        let two = scope.spawn(|| run(&short_synth(40), path).unwrap());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.extracted + two.extracted, 40, "the second waited for the first");
    assert_eq!(contents(&one), contents(&two));
}

#[test]
fn shards_are_read_while_they_are_written() {
    let cache = tempfile::tempdir().unwrap();
    let (path, corpus) = (cache.path(), short_synth(60));
    let fill = |shard: &str| {
        let shard: Shard = shard.parse().unwrap();
        fill_cache(&corpus, Some(shard), &MelConfig::MINIM, &CacheDir::new(path), 1, &()).unwrap()
    };
    let readers = std::thread::scope(|scope| {
        let writers = ["1/2", "2/2"].map(|shard| scope.spawn(move || fill(shard)));
        // Of a few clips, so that the shards have the most to write.
        let readers: Vec<Prepared> = (1..20).map(|clips| run(&short_synth(clips), path).unwrap()).collect();
        for writer in writers {
            let filled = writer.join().unwrap();
            assert_eq!(filled.computed + filled.found, filled.clips);
        }
        readers
    });
    let whole = run(&corpus, path).unwrap();
    assert_eq!(whole.extracted, 0);
    let whole = contents(&whole);
    assert_eq!(whole.len(), 60);
    for reader in &readers {
        assert!(contents(reader).iter().all(|(id, codes)| whole[id] == *codes));
    }
}

/// What can have happened to a file of the cache while nobody looked.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index),
    Append(Vec<u8>),
    Remove,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        2 => any::<prop::sample::Index>().prop_map(Damage::Flip),
        2 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Damage::Append),
        1 => Just(Damage::Remove),
    ]
}

fn inflict(path: &Path, damage: &Damage) {
    let Ok(mut bytes) = std::fs::read(path) else { return };
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Damage::Flip(at) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] ^= 0x41;
        }
        Damage::Flip(_) => {}
        Damage::Append(more) => bytes.extend(more),
        Damage::Remove => return std::fs::remove_file(path).unwrap(),
    }
    std::fs::write(path, bytes).unwrap();
}

/// What eight clips are in a cache to which nothing happened.
fn clean() -> &'static BTreeMap<String, (usize, Vec<u8>)> {
    static CLEAN: std::sync::OnceLock<BTreeMap<String, (usize, Vec<u8>)>> = std::sync::OnceLock::new();
    CLEAN.get_or_init(|| {
        let cache = tempfile::tempdir().unwrap();
        contents(&run(&short_synth(8), cache.path()).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same where the codes are in shards, which are left as they are found; and each shard's own run mends it.
    #[test]
    fn damaged_shards_are_read_as_far_as_they_are_whole(
        rounds in prop::collection::vec((1..3_u32, 0..2_usize, damage()), 1..3),
        mended in any::<bool>(),
    ) {
        let cache = tempfile::tempdir().unwrap();
        let corpus = short_synth(8);
        let fill = |part: u32| {
            let shard: Shard = format!("{part}/2").parse().unwrap();
            let cache = CacheDir::new(cache.path());
            fill_cache(&corpus, Some(shard), &MelConfig::MINIM, &cache, 1, &()).unwrap()
        };
        let clips = [1, 2].map(|part| fill(part).computed);
        prop_assert_eq!(clips[0] + clips[1], 8);
        let main = folder(cache.path());
        let file = |part: u32, name: &str| main.join(format!("shard-00{part}-of-002")).join(name);
        for (part, name, damage) in &rounds {
            inflict(&file(*part, ["codes.bin", "index.jsonl"][*name]), damage);
        }
        if mended {
            for part in [1, 2] {
                fill(part);
            }
            prop_assert_eq!([1, 2].map(|part| fill(part).computed), [0, 0]);
        }
        let bytes = || [1, 2].map(|part| ["codes.bin", "index.jsonl"].map(|name| std::fs::read(file(part, name)).ok()));
        let before = bytes();
        let found = run(&corpus, cache.path()).unwrap();
        prop_assert!(!mended || found.extracted == 0);
        prop_assert_eq!(&contents(&found), clean());
        prop_assert_eq!(bytes(), before);
        prop_assert_eq!(run(&corpus, cache.path()).unwrap().extracted, 0);
    }

    /// After cuts, torn writes and flipped bits, the next run gives what a clean run gives, and the one after
    /// it has nothing to do.
    #[test]
    fn an_interrupted_cache_recovers(
        rounds in prop::collection::vec((0..3_usize, damage(), 3..8_usize), 1..4),
    ) {
        let clean = clean();
        let cache = tempfile::tempdir().unwrap();
        run(&short_synth(4), cache.path()).unwrap();
        for (file, damage, clips) in rounds {
            let name = ["codes.bin", "index.jsonl", "files.jsonl"][file];
            inflict(&folder(cache.path()).join(name), &damage);
            let found = contents(&run(&short_synth(clips), cache.path()).unwrap());
            prop_assert_eq!(found.len(), clips);
            for (id, codes) in &found {
                prop_assert!(&clean[id] == codes, "{} differs after {:?} of {}", id, damage, name);
            }
            prop_assert_eq!(run(&short_synth(clips), cache.path()).unwrap().extracted, 0);
        }
    }
}
