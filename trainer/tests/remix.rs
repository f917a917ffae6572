//! Remixes: the same whatever the threads and interruptions, one side at a time, at the levels that were drawn.

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};

use trainer::corpus::{self, ClipSource, Corpus, CorpusOptions, CorpusSpec, Split};
use trainer::remix::{
    Blend, Pace, Part, Plan, Planner, RemixError, Room, Settings, Summary, Track, Unusable, Voice, remix,
    render, tracks,
};

const RATE: u32 = 16_000;

fn settings() -> Settings {
    Settings { seed: 5, piece_seconds: 3.0, rate: RATE, voice_share: 0.4, mix_share: 0.3 }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// A file of `seconds` in which `wave` gives the sample at each second.
fn wav(path: &Path, rate: u32, seconds: f32, wave: impl Fn(f32) -> f32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for i in 0..(seconds * rate as f32) as usize {
        file.write_sample((wave(i as f32 / rate as f32) * 32_767.0) as i16).unwrap();
    }
    file.finalize().unwrap();
}

fn sine(hertz: f32) -> impl Fn(f32) -> f32 {
    move |second| 0.4 * (TAU * hertz * second).sin()
}

/// Ten tracks of two groups a tag, and three short voices.
fn material(dir: &Path) -> (Vec<Track>, Vec<Track>) {
    for i in 0..10 {
        let path = dir.join(format!("music/tag/album{}/{i}.wav", i / 2));
        wav(&path, [22_050, 16_000, 44_100][i % 3], 2.0 + i as f32, sine(200.0 + 70.0 * i as f32));
    }
    for i in 0..3 {
        wav(&dir.join(format!("voices/tag/{i}.wav")), 16_000, 0.8, sine(1000.0 + 300.0 * i as f32));
    }
    (listed(&dir.join("music")), listed(&dir.join("voices")))
}

fn listed(folder: &Path) -> Vec<Track> {
    let options = CorpusOptions { keep_unlabelled: true, draw_test: false, ..CorpusOptions::default() };
    let corpus: Corpus = corpus::load(&CorpusSpec::Folder(folder.into()), &options).unwrap().corpus;
    tracks(&[corpus], &pool(2), &()).0
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let audio = std::fs::read_dir(dir.join("audio")).unwrap().map(|entry| entry.unwrap().path());
    let all = audio.chain([dir.join("manifest.csv")]);
    all.map(|path| (path.strip_prefix(dir).unwrap().into(), std::fs::read(&path).unwrap())).collect()
}

fn made(
    (music, voices): &(Vec<Track>, Vec<Track>),
    settings: &Settings,
    count: u64,
    to: &Path,
    threads: usize,
) -> Result<Summary, RemixError> {
    remix(music, voices, settings, count, to, &pool(threads), &())
}

#[test]
fn pieces_do_not_depend_on_threads_interruptions_or_their_number() {
    let dir = tempfile::tempdir().unwrap();
    let material = material(dir.path());
    let [one, three] = ["one", "three"].map(|name| dir.path().join(name));
    let whole = made(&material, &settings(), 24, &one, 1).unwrap();
    assert_eq!((whole.pieces.len(), whole.kept), (24, 0));
    assert!(whole.problems.is_empty(), "{:?}", whole.problems);

    // Fewer first, some of them lost again, and the last line of the journal torn.
    assert_eq!(made(&material, &settings(), 15, &three, 3).unwrap().pieces.len(), 15);
    std::fs::remove_file(three.join("audio/000004.flac")).unwrap();
    let journal = std::fs::read_to_string(three.join("pieces.jsonl")).unwrap();
    std::fs::write(three.join("pieces.jsonl"), &journal[..journal.len() - 20]).unwrap();
    let resumed = made(&material, &settings(), 24, &three, 3).unwrap();
    assert!((13..=14).contains(&resumed.kept), "{}", resumed.kept);
    assert!(files(&one) == files(&three));
    assert_eq!(resumed.pieces, whole.pieces);

    // Nothing is left to do.
    assert_eq!(made(&material, &settings(), 24, &three, 2).unwrap().kept, 24);
    assert!(files(&one) == files(&three));
}

#[test]
fn a_folder_of_other_settings_is_refused_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let material = material(dir.path());
    let to = dir.path().join("out");
    made(&material, &settings(), 2, &to, 1).unwrap();
    let other = Settings { seed: 6, mix_share: 0.0, ..settings() };
    let error = made(&material, &other, 2, &to, 1).unwrap_err().to_string();
    assert!(error.contains("mix_share, seed") && error.contains("out"), "{error}");
    let fewer = (material.0[1..].to_vec(), material.1.clone());
    let error = made(&fewer, &settings(), 2, &to, 1).unwrap_err().to_string();
    assert!(error.contains("(tracks)"), "{error}");

    for wrong in [
        Settings { piece_seconds: 0.5, ..settings() },
        Settings { rate: 0, ..settings() },
        Settings { voice_share: 0.8, ..settings() },
        Settings { mix_share: f32::NAN, ..settings() },
    ] {
        let error = made(&material, &wrong, 1, &dir.path().join("wrong"), 1).unwrap_err();
        assert!(matches!(error, RemixError::Setting { .. }), "{error}");
    }
    let none = (Vec::new(), material.1.clone());
    let error = made(&none, &settings(), 1, &dir.path().join("none"), 1).unwrap_err();
    assert!(matches!(error, RemixError::NoMusic), "{error}");
}

#[test]
fn the_manifest_is_a_corpus_whose_sides_and_groups_are_those_of_the_music() {
    let dir = tempfile::tempdir().unwrap();
    let material = material(dir.path());
    let to = dir.path().join("out");
    made(&material, &settings(), 30, &to, 2).unwrap();
    let options = CorpusOptions { keep_unlabelled: true, ..CorpusOptions::default() };
    let spec = CorpusSpec::Manifest(to.join("manifest.csv"));
    let loaded = corpus::load(&spec, &CorpusOptions { draw_test: false, ..options }).unwrap();
    assert!(loaded.corpus.tags.is_empty() && loaded.problems.is_empty());
    let mut groups: BTreeMap<String, Split> = BTreeMap::new();
    for track in &material.0 {
        groups.insert(format!("artist {}", track.group), track.split);
    }
    assert!(loaded.corpus.clips.iter().any(|clip| clip.split == Some(Split::Validation)));
    for clip in &loaded.corpus.clips {
        if let Some(split) = groups.get(clip.group.as_ref().unwrap()) {
            assert_eq!(clip.split, Some(*split));
        }
        let ClipSource::File(path) = &clip.source else { panic!() };
        let audio = runtime::decode::decode_file(path).unwrap();
        assert_eq!((audio.sample_rate, audio.samples.len(), audio.skipped_packets), (RATE, 48_000, 0));
        let peak = audio.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.03..0.9).contains(&peak), "{peak}");
    }
}

/// Tracks that are nowhere, for plans alone.
fn imagined(count: usize, prefix: &str) -> Vec<Track> {
    let track = |i: usize| Track {
        corpus: 0,
        id: format!("{prefix}{i}"),
        group: format!("{prefix}{}", i / 3),
        split: [Split::Train, Split::Train, Split::Validation, Split::Test][i % 4],
        seconds: 4.0 + 9.0 * (i % 7) as f32,
        source: ClipSource::File(format!("{prefix}{i}.ogg").into()),
    };
    (0..count).map(track).collect()
}

#[test]
fn sides_are_never_mixed_and_have_their_share_of_the_time() {
    let (music, voices) = (imagined(40, "m"), imagined(20, "v"));
    let settings = Settings { piece_seconds: 30.0, ..settings() };
    let planner = Planner::new(&music, &voices, &settings).unwrap();
    let (mut on, mut with_voice, mut mixed, mut alone) = (BTreeMap::new(), 0, 0, 0);
    for index in 0..2000 {
        let plan = planner.plan(index, 0).unwrap();
        assert_eq!(planner.plan(index, 7).unwrap().split, plan.split);
        *on.entry(plan.split).or_insert(0) += 1;
        with_voice += i32::from(plan.voice.is_some());
        alone += i32::from(plan.music.is_none());
        mixed += i32::from(plan.second.is_some());
        let of_music = plan.music.iter().chain(plan.second.iter().map(|(part, _)| part));
        let of_voices = plan.voice.iter().flat_map(|voice| &voice.parts);
        let parts = of_music.map(|part| (part, &music)).chain(of_voices.map(|part| (part, &voices)));
        for (part, tracks) in parts {
            let track = &tracks[part.track];
            assert_eq!(track.split, plan.split);
            assert!(part.from >= 0.0 && part.from < track.seconds);
            assert!(part.at >= 0.0 && part.seconds > 0.0 && part.at + part.seconds <= 30.001);
            let reach = part.from + part.seconds * part.pace.consumes();
            assert!(part.from == 0.0 || reach <= track.seconds + 0.01);
        }
    }
    let seconds: f32 = music.iter().map(|track| track.seconds).sum();
    for (split, pieces) in on {
        let there: f32 = music.iter().filter(|t| t.split == split).map(|t| t.seconds).sum();
        assert!((pieces as f32 / 2000.0 - there / seconds).abs() < 0.01, "{split:?}: {pieces}");
    }
    assert!((with_voice - 800).abs() < 80 && (mixed - 600).abs() < 80, "{with_voice} {mixed}");
    assert!((alone - 160).abs() < 60, "{alone}");
}

fn part(track: usize, at: f32, seconds: f32) -> Part {
    Part { track, from: 0.1, at, seconds, pace: Pace::AsIs, bands: Vec::new() }
}

fn plan(music: Option<Part>) -> Plan {
    Plan { split: Split::Train, music, second: None, voice: None, wear: Vec::new(), level: -20.0 }
}

fn track(path: PathBuf, split: Split) -> Track {
    let id = path.display().to_string();
    Track { group: id.clone(), id, corpus: 0, split, seconds: 5.0, source: ClipSource::File(path) }
}

/// RMS in decibel of one frequency, over a part of the samples.
fn level(samples: &[f32], hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0_f64, 0.0_f64);
    for (i, &sample) in samples.iter().enumerate() {
        let angle = f64::from(TAU) * f64::from(hertz) * i as f64 / f64::from(RATE);
        re += f64::from(sample) * angle.cos();
        im += f64::from(sample) * angle.sin();
    }
    20.0 * (re.hypot(im) * 2.0_f64.sqrt() / samples.len() as f64).log10() as f32
}

#[test]
fn voices_and_second_tracks_have_the_level_that_was_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [400.0, 1000.0, 2000.0].map(|hertz| {
        let path = dir.path().join(format!("{hertz}.wav"));
        wav(&path, RATE, 5.0, sine(hertz));
        track(path, Split::Train)
    });
    let music = &paths[..2];
    for decibel in [-6.0, -1.5, 4.0, 9.0] {
        let mut plan = plan(Some(part(0, 0.0, 3.0)));
        let parts = vec![part(0, 0.5, 1.0), part(0, 1.75, 1.0)];
        plan.voice = Some(Voice { parts, decibel, room: None });
        let piece = render(&plan, music, &paths[2..], &settings()).unwrap();
        assert_eq!(piece.len(), 48_000);
        let sounding = &piece[10_000..22_000];
        let found = level(sounding, 2000.0) - level(sounding, 400.0);
        assert!((found - decibel).abs() < 0.5, "{found} dB, not {decibel}");
        assert!(level(&piece[24_600..27_600], 2000.0) < -60.0, "the pause is none");

        plan.voice = None;
        plan.second = Some((part(1, 1.0, 2.0), Blend::Under(decibel - 9.0, 0.3)));
        let piece = render(&plan, music, &[], &settings()).unwrap();
        let late = &piece[24_000..48_000];
        let found = level(late, 1000.0) - level(late, 400.0);
        assert!((found - decibel + 9.0).abs() < 0.2, "{found} dB, not {}", decibel - 9.0);
        assert!(level(&piece[..15_000], 1000.0) < -60.0);
    }
    let mut faded = plan(Some(part(0, 0.0, 3.0)));
    faded.second = Some((part(1, 1.0, 2.0), Blend::CrossFade(0.5)));
    let piece = render(&faded, music, &[], &settings()).unwrap();
    assert!(level(&piece[..16_000], 1000.0) < -60.0 && level(&piece[24_000..], 400.0) < -60.0);
    assert!((level(&piece[..16_000], 400.0) - level(&piece[24_000..], 1000.0)).abs() < 0.1);
}

#[test]
fn the_level_is_kept_below_clipping() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clicks.wav");
    wav(&path, RATE, 5.0, |second| if second.fract() < 0.01 { 0.9 } else { 0.01 * (3000.0 * second).sin() });
    let music = [track(path, Split::Train)];
    let mut loud = plan(Some(part(0, 0.0, 3.0)));
    loud.level = -3.0;
    let piece = render(&loud, &music, &[], &settings()).unwrap();
    let peak = piece.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!((peak - 0.891).abs() < 1e-4, "{peak}");
    loud.level = -40.0;
    let piece = render(&loud, &music, &[], &settings()).unwrap();
    let power = piece.iter().map(|sample| sample * sample).sum::<f32>() / piece.len() as f32;
    assert!((10.0 * power.log10() + 40.0).abs() < 0.05);
}

#[test]
fn silence_and_damage_are_said_and_another_piece_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let (mut music, voices) = material(dir.path());
    let silent = dir.path().join("silent.wav");
    wav(&silent, RATE, 5.0, |_| 0.0);
    let tone = Voice { parts: vec![part(0, 0.0, 0.7)], decibel: 0.0, room: None };
    let room = Room { seconds: 0.5, decibel: -6.0, damping: 0.2 };
    let lone = [track(silent.clone(), Split::Train)];
    for (music, voice) in [
        (Some(part(0, 0.0, 3.0)), None),
        (Some(part(0, 0.0, 3.0)), Some(tone.clone())),
        (None, Some(Voice { room: Some(room), ..tone })),
    ] {
        let quiet = Plan { voice, ..plan(music) };
        assert_eq!(render(&quiet, &lone, &lone, &settings()), Err(Unusable::Silent));
    }

    let broken = dir.path().join("broken.wav");
    std::fs::write(&broken, b"RIFF and then nothing of use").unwrap();
    let found =
        render(&plan(Some(part(0, 0.0, 3.0))), &[track(broken.clone(), Split::Train)], &[], &settings());
    assert!(
        matches!(&found, Err(Unusable::Damaged { reason, .. }) if reason.contains("broken.wav")),
        "{found:?}"
    );

    // Both are most of the music, and every piece is made all the same.
    let long = dir.path().join("long.wav");
    wav(&long, 8_000, 200.0, |_| 0.0);
    for (path, seconds) in [(long, 199.0), (broken, 900.0)] {
        music.push(Track { seconds, ..track(path, Split::Train) });
    }
    let summary = made(&(music, voices), &settings(), 12, &dir.path().join("out"), 2).unwrap();
    assert_eq!(summary.pieces.len(), 12);
    assert!(summary.silent > 0);
    assert!(summary.problems.len() == 1 && summary.problems[0].reason.contains("broken.wav"));

    // A file that cannot be read is found before.
    let corpus = Corpus {
        name: "one".into(),
        tags: Vec::new(),
        clips: vec![corpus::Clip {
            id: "broken".into(),
            source: ClipSource::File(dir.path().join("broken.wav")),
            group: None,
            album: None,
            split: Some(Split::Train),
            labels: Vec::new(),
            windows: Vec::new(),
        }],
        split_rule: String::new(),
        soft_labels: false,
    };
    let (usable, problems) = tracks(&[corpus], &pool(1), &());
    assert!(usable.is_empty() && problems[0].reason.contains("broken.wav"));
}

#[test]
fn a_file_on_two_sides_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (music, _) = material(dir.path());
    let twice = Track {
        split: if music[0].split == Split::Train { Split::Validation } else { Split::Train },
        ..music[0].clone()
    };
    let error = made(&(music, vec![twice]), &settings(), 1, &dir.path().join("out"), 1).unwrap_err();
    assert!(matches!(error, RemixError::TwoSides { .. }), "{error}");
}

#[test]
fn the_program_makes_a_remix_and_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trainer"));
        command.current_dir(dir.path()).args(["remix", "--corpus", "synth:10", "--to", "out"]);
        let out = command.args(["--piece-seconds", "5", "--hours", "0.005"]).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.success(), text(&out.stdout), text(&out.stderr))
    };
    let (fine, said, told) = run(&["--jobs", "2"]);
    assert!(fine && said.starts_with("4 pieces (") && told.contains("levels by RMS"), "{said}{told}");
    assert!(dir.path().join("out/manifest.csv").is_file());
    let (fine, _, told) = run(&["--seed", "2"]);
    assert!(!fine && told.contains("other settings (seed"), "{told}");
    let (fine, _, told) = run(&["--voice-share", "2"]);
    assert!(!fine && told.contains("from 0 to 1"), "{told}");
    let (fine, _, told) = run(&["--voices", "folder:nowhere"]);
    assert!(!fine && told.contains("nowhere"), "{told}");
}
