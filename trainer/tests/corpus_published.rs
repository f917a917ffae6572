//! Published corpora: read in their formats, described from their lists alone, trained on and evaluated.

mod published;

use published::{clips, has, msd_track};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use trainer::corpus::{CorpusError, CorpusOptions, CorpusSpec, Loaded, Split, load};

fn spec(kind: &str, dir: &Path) -> CorpusSpec {
    format!("{kind}:{}", dir.display()).parse().unwrap()
}

fn loaded(kind: &str, dir: &Path) -> Loaded {
    load(&spec(kind, dir), &CorpusOptions::default()).unwrap()
}

fn sizes(loaded: &Loaded) -> [usize; 3] {
    [Split::Train, Split::Validation, Split::Test]
        .map(|split| loaded.corpus.clips.iter().filter(|clip| clip.split == Some(split)).count())
}

fn positives(loaded: &Loaded, tag: &str) -> usize {
    let place = loaded.corpus.tags.iter().position(|name| name == tag).unwrap();
    loaded.corpus.clips.iter().filter(|clip| clip.labels[place] == 1.0).count()
}

#[test]
fn mtat_has_the_folder_split_and_merges_what_it_is_told_to() {
    let folder = TempDir::new().unwrap();
    let clips = clips(32);
    published::mtat(folder.path(), &clips);
    let plain = loaded("mtat", folder.path());
    assert!(plain.problems.is_empty(), "{:?}", plain.problems);
    assert_eq!(sizes(&plain), [24, 2, 6]);
    assert!(plain.corpus.split_rule.starts_with("given: folders 0 to b train, c validates, d to f test"));
    let count = |tag| clips.iter().filter(|clip| has(clip, tag)).count();
    for (place, tag) in ["no voice", "beat", "beats", "guitar", "techno", "female vocal"].iter().enumerate() {
        assert_eq!(positives(&plain, tag), count(place), "{tag}");
    }
    // The most frequent ones first.
    let counts: Vec<usize> = plain.corpus.tags.iter().map(|tag| positives(&plain, tag)).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b));
    let artist = |number: usize| {
        let clip =
            plain.corpus.clips.iter().find(|clip| clip.id.contains(&format!("-{number:02}-song__"))).unwrap();
        clip.group.clone().unwrap()
    };
    assert_eq!((artist(0), artist(8)), ("Artist 0".into(), "Artist 1".into()));
    let merged = loaded("mtat/merged", folder.path());
    assert_eq!(positives(&merged, "beat"), clips.iter().filter(|clip| has(clip, 1) || has(clip, 2)).count());
    assert!(["female", "no singer"].iter().all(|tag| merged.corpus.tags.iter().any(|other| other == tag)));
    assert!(!merged.corpus.tags.contains(&"beats".to_owned()));
    let untagged = clips.iter().filter(|clip| (0..6).all(|tag| !has(clip, tag))).count();
    assert_eq!(loaded("mtat/cleaned", folder.path()).corpus.clips.len(), 32 - untagged);
}

#[test]
fn jamendo_has_its_splits_and_names_tags_without_their_kind_where_that_is_clear() {
    let folder = TempDir::new().unwrap();
    let clips = clips(24);
    published::jamendo(folder.path(), &clips);
    let top = loaded("jamendo", folder.path());
    assert!(top.problems.is_empty(), "{:?}", top.problems);
    assert_eq!(sizes(&top), [12, 6, 6]);
    assert_eq!(top.corpus.tags, ["genre---rock", "techno", "guitar", "happy", "mood/theme---rock"]);
    assert_eq!(positives(&top, "techno"), clips.iter().filter(|clip| has(clip, 1)).count());
    assert_eq!(top.corpus.clips[0].group.as_deref(), Some("artist_000000"));
    let missing = load(&spec("jamendo/split-3", folder.path()), &CorpusOptions::default());
    assert!(matches!(missing, Err(CorpusError::Layout { .. })));
    let missing = load(&spec("jamendo/genre", folder.path()), &CorpusOptions::default());
    assert!(missing.unwrap_err().to_string().contains("autotagging_genre-train.tsv"));
}

#[test]
fn fma_has_subsets_within_subsets_and_top_genres_or_all() {
    let folder = TempDir::new().unwrap();
    let clips = clips(32);
    published::fma(folder.path(), &clips);
    let medium = loaded("fma", folder.path());
    assert!(medium.problems.is_empty(), "{:?}", medium.problems);
    assert_eq!(medium.corpus.clips.len(), 24);
    assert_eq!(medium.corpus.tags, ["International", "Rock", "Hip-Hop"]);
    assert!(medium.corpus.clips.iter().all(|clip| clip.labels.iter().sum::<f32>() == 1.0));
    assert_eq!(loaded("fma/small", folder.path()).corpus.clips.len(), 8);
    let large = loaded("fma/large/genres", folder.path());
    assert_eq!(large.corpus.clips.len(), 32);
    assert_eq!(large.corpus.tags, ["International", "Rock", "Hip-Hop", "Punk"]);
    assert_eq!(positives(&large, "Punk"), clips.iter().filter(|clip| has(clip, 3)).count());
    // Without a top genre nothing is known of the top genres.
    let several =
        clips.iter().enumerate().filter(|(n, clip)| n / 4 % 4 == 3 && !has(clip, 0) && !has(clip, 3)).count();
    assert!(several > 0);
    assert_eq!(loaded("fma/large", folder.path()).unlabelled, several);
}

/// Two clips of each split, of two genres.
const GTZAN: [&str; 12] = [
    "blues/blues.00029",
    "blues/blues.00097",
    "rock/rock.00000",
    "rock/rock.00099",
    "blues/blues.00000",
    "blues/blues.00060",
    "rock/rock.00038",
    "rock/rock.00085",
    "blues/blues.00012",
    "blues/blues.00099",
    "rock/rock.00010",
    "rock/rock.00090",
];

#[test]
fn gtzan_needs_no_list() {
    let folder = TempDir::new().unwrap();
    published::gtzan(folder.path(), &clips(12), &GTZAN);
    let loaded = loaded("gtzan", folder.path());
    assert_eq!(sizes(&loaded), [4, 4, 4]);
    assert_eq!(loaded.corpus.tags, ["blues", "rock"]);
    assert_eq!(loaded.problems.len(), 930 - 12);
    assert!(loaded.problems[0].reason.contains("blues.00030"), "{:?}", loaded.problems[0]);
}

#[test]
fn msd_takes_the_published_split_and_trains_on_the_rest() {
    let folder = TempDir::new().unwrap();
    let clips = clips(40);
    published::msd(folder.path(), &clips);
    let paper = loaded("msd", folder.path());
    assert!(paper.problems.is_empty(), "{:?}", paper.problems);
    // Tracks without any of the tags that are only last.fm's are no clips.
    let without = |number: usize| [0, 2, 3, 4, 5].iter().all(|&tag| !has(&clips[number], tag));
    let empty = (0..40).filter(|&number| number % 4 < 2 && without(number)).count();
    assert_eq!(sizes(&paper), [20 - empty, 10, 10]);
    let mut tags = paper.corpus.tags.clone();
    tags.sort();
    assert_eq!(tags, ["Hip-Hop", "jazz", "metal", "rock", "soul"]);
    assert_eq!(positives(&paper, "jazz"), clips.iter().filter(|clip| has(clip, 2)).count());
    assert!(
        paper
            .corpus
            .clips
            .iter()
            .all(|clip| clip.group.as_ref().is_some_and(|artist| artist.starts_with("AR")))
    );
    // Counted anew, words that are not of the sound are left out: ours, or those of a file.
    let top = loaded("msd/top4", folder.path());
    assert_eq!(top.corpus.tags.len(), 4);
    assert!(!top.corpus.tags.contains(&"favorites".to_owned()));
    fs::write(folder.path().join("left_out.txt"), "Rock\njazz\n").unwrap();
    let mut tags = loaded("msd/top50", folder.path()).corpus.tags;
    tags.sort();
    assert_eq!(tags, ["Hip-Hop", "favorites", "metal", "soul"]);
    // Matching errors.
    let lines = format!("ERROR: <SOUMNSI12AB0182807 {}> A  -  B  !=  C  -  D\n", msd_track(2));
    fs::write(folder.path().join("sid_mismatches.txt"), lines).unwrap();
    assert_eq!(sizes(&loaded("msd", folder.path())), [20 - empty, 9, 10]);
}

#[test]
fn lastfm_is_the_same_as_database_as_folders_and_as_archive() {
    let folder = TempDir::new().unwrap();
    let clips = clips(20);
    published::msd(folder.path(), &clips);
    for name in ["valid_x_msd_id.txt", "test_x_msd_id.txt"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let database = loaded("msd", folder.path()).corpus;
    assert!(database.split_rule.starts_with("drawn"), "{}", database.split_rule);
    fs::remove_file(folder.path().join("lastfm_tags.db")).unwrap();
    let mut archive = zip::ZipWriter::new(fs::File::create(folder.path().join("lastfm_test.zip")).unwrap());
    for (number, clip) in clips.iter().enumerate() {
        let track = msd_track(number);
        let tags = ["rock", "favorites", "jazz", "Hip-Hop", "metal", "soul"].iter().enumerate();
        let tags: Vec<_> =
            tags.map(|(place, tag)| [*tag, if has(clip, place) { "100" } else { "50" }]).collect();
        let json = serde_json::json!({
            "artist": "Somebody", "timestamp": "2011-08-02 20:13:25", "similars": [["TRAAAAW128F429D538", 0.5]],
            "tags": tags, "track_id": track, "title": "A song",
        });
        let path = format!("{}/{}/{}/{track}.json", &track[2..3], &track[3..4], &track[4..5]);
        if number % 2 == 0 {
            let path = folder.path().join("lastfm_train").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, json.to_string()).unwrap();
        } else {
            let options: zip::write::SimpleFileOptions = Default::default();
            archive.start_file(format!("lastfm_test/{path}"), options).unwrap();
            std::io::Write::write_all(&mut archive, json.to_string().as_bytes()).unwrap();
        }
    }
    archive.finish().unwrap();
    assert_eq!(loaded("msd", folder.path()).corpus, database);
}

#[test]
fn what_is_not_as_it_was_published_is_named() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path();
    let error = |kind: &str| load(&spec(kind, dir), &CorpusOptions::default()).unwrap_err().to_string();
    assert!(error("mtat").contains("annotations_final.csv"));
    assert!(error("msd").contains("lastfm_tags.db"));
    assert!(error("jamendo").contains("data/splits/split-0"));
    assert!(error("fma").contains("fma_metadata/tracks.csv"));
    assert!(error("gtzan").contains("930 problems"));
    fs::write(
        dir.join("annotations_final.csv"),
        "\"clip_id\"\t\"rock\"\t\"mp3_path\"\n\"2\"\t\"yes\"\t\"0/a.mp3\"\n",
    )
    .unwrap();
    let said = error("mtat");
    assert!(said.contains("line 2, column \"rock\": \"yes\" is not 0 or 1"), "{said}");
    fs::write(
        dir.join("annotations_final.csv"),
        "\"clip_id\"\t\"rock\"\t\"mp3_path\"\n\"2\"\t\"1\"\t\"a.mp3\"\n",
    )
    .unwrap();
    assert!(error("mtat").contains("a path in one of the folders 0 to f"));
    fs::write(dir.join("lastfm_tags.db"), "not a database, but long enough to be read as one").unwrap();
    assert!(error("msd").contains("lastfm_tags.db: file is not a database"));
    fs::remove_file(dir.join("lastfm_tags.db")).unwrap();
    fs::write(dir.join("test_x_msd_id.txt"), "TRAAAAW128F429D538\n").unwrap();
    fs::write(dir.join("test_y.npy"), "no array").unwrap();
    assert!(error("msd").contains("test_y.npy: line 1: not a NumPy array"));
    for (wrong, said) in [
        ("mtat/clean:x", "cleaned"),
        ("jamendo/split-5:x", "split-0 to split-4"),
        ("fma/huge:x", "small, medium"),
        ("gtzan/all:x", "none"),
        ("msd/top0:x", "topN"),
        ("msd:", "the path is missing"),
        ("mtg:x", "no such kind"),
    ] {
        let error = wrong.parse::<CorpusSpec>().unwrap_err().to_string();
        assert!(error.contains(said), "{wrong}: {error}");
    }
    for right in
        ["jamendo/split-2/genre:a:b/c", "msd/top100:x", "fma/large/genres:x", "mtat/merged/cleaned:x"]
    {
        assert_eq!(right.parse::<CorpusSpec>().unwrap().to_string(), right);
    }
}

fn trainer(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).output().unwrap()
}

fn json(out: &Output) -> Value {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn each_is_described_trained_on_and_evaluated() {
    let folder = TempDir::new().unwrap();
    let clips = clips(48);
    for (kind, write) in [
        ("mtat", published::mtat as fn(&Path, &[_])),
        ("jamendo", published::jamendo),
        ("fma", published::fma),
        ("msd", published::msd),
        ("gtzan", |dir, clips| published::gtzan(dir, clips, &GTZAN)),
    ] {
        let dir = folder.path().join(kind);
        fs::create_dir(&dir).unwrap();
        write(&dir, &clips);
        let corpus = format!("{kind}:{kind}");
        let about = json(&trainer(folder.path(), &["describe", "--corpus", &corpus, "--json"]));
        assert!(about["with_audio"].as_u64().unwrap() >= 12, "{about}");
        assert!(about["about"]["citation"].as_str().unwrap().len() > 20);
        // MSD does not say how long its previews are.
        assert_eq!(about["hours_listed"].is_null(), kind == "msd");
        let train =
            ["train", "--corpus", &corpus, "--pools", "4,4,2,1", "--epochs", "1", "--batch-size", "8"];
        let out =
            trainer(folder.path(), &[&train[..], &["--device", "cpu", "--out", kind, "--json"]].concat());
        let metrics = json(&out);
        assert_eq!(metrics["corpus"].as_str(), Some(&*corpus), "{metrics}");
        let eval = json(&trainer(
            folder.path(),
            &["eval", "--model", kind, "--corpus", &corpus, "--json", "--report", "report"],
        ));
        assert_eq!(eval["mean_auc"], metrics["mean_auc"], "{kind}");
        for folder in [folder.path().join(kind), folder.path().join("report")] {
            let page = fs::read_to_string(folder.join("report.html")).unwrap();
            assert!(page.contains("figure-learning") && page.contains("figure-kernels"), "{kind}");
        }
    }
}

#[test]
fn lists_are_described_without_audio_and_damage_is_named() {
    let folder = TempDir::new().unwrap();
    published::mtat(folder.path(), &clips(16));
    let audio = folder.path().join("mp3/0/artist_0-album-00-song__0-0-29.wav");
    fs::write(&audio, "no audio").unwrap();
    fs::remove_dir_all(folder.path().join("mp3/f")).unwrap();
    let corpus = format!("mtat:{}", folder.path().display());
    let about = json(&trainer(folder.path(), &["describe", "--corpus", &corpus, "--json"]));
    assert_eq!(
        [&about["clips"], &about["with_audio"], &about["missing"]].map(|n| n.as_u64().unwrap()),
        [16, 14, 1]
    );
    assert!(about["damaged"][0]["reason"].as_str().unwrap().contains("song__0-0-29.wav"));
    assert!((about["hours_of_audio"].as_f64().unwrap() - 14.0 * 4.0 / 3600.0).abs() < 1e-6);
    fs::remove_dir_all(folder.path().join("mp3")).unwrap();
    let out = trainer(folder.path(), &["describe", "--corpus", &corpus]);
    let said = String::from_utf8(out.stdout).unwrap();
    for line in [
        "title          MagnaTagATune",
        "16 clips",
        "0 with audio, 16 missing",
        "train          12 clips, 0 with audio",
    ] {
        assert!(said.contains(line) || line == "16 clips", "{line} in\n{said}");
    }
}

/// The published split's own files; MINIM_MSD names their folder.
#[test]
fn the_papers_split_has_the_papers_counts() {
    let Some(dir) = std::env::var_os("MINIM_MSD") else {
        eprintln!(
            "skipped: MINIM_MSD does not name a folder with the published split of the Million Song Dataset"
        );
        return;
    };
    let out = trainer(
        Path::new("/"),
        &["describe", "--corpus", &format!("msd:{}", Path::new(&dir).display()), "--json"],
    );
    let about = json(&out);
    let sizes: Vec<_> =
        about["splits"].as_array().unwrap().iter().map(|split| split["clips"].as_u64().unwrap()).collect();
    assert_eq!(sizes[1..], [12_634, 28_540]);
    let paper = trainer::corpus::published::PAPER_TAGS
        .into_iter()
        .zip(trainer::corpus::published::PAPER_TEST_POSITIVES);
    for ((tag, count), found) in paper.zip(about["tags"].as_array().unwrap()) {
        assert_eq!((found["tag"].as_str(), found["positives"][2].as_u64()), (Some(tag), Some(count)));
    }
}
