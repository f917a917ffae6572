//! Fetching packages from a small mirror: what arrives, what is resumed, and what goes wrong without harm.

#[path = "fetch/mirror.rs"]
mod mirror;
#[path = "fetch/packages.rs"]
mod packages;

use indicatif::ProgressBar;
use mirror::{Manner, Mirror};
use packages::{Lists, deb, music, zip};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use trainer::corpus::{CorpusOptions, CorpusSpec, Split, load};
use trainer::fetch::{FetchError, List, Options, Outcome, Report, audio_path, fetch};

fn options(mirror: &Mirror) -> Options {
    Options { mirror: Some(mirror.root.clone()), backoff: Duration::from_millis(1), ..Options::default() }
}

fn get(list: &List, to: &Path, mirror: &Mirror) -> Report {
    fetch(list, to, &options(mirror), &ProgressBar::hidden()).unwrap()
}

/// One package with one file, served in some manner.
fn one(manner: Manner) -> (List, Mirror, Vec<u8>) {
    let song = music("song", 50_000);
    let package = deb(".xz", &[("usr/share/one/song.ogg", song.clone())]);
    let mut lists = Lists::default();
    lists.package("one", &package).track("one", "usr/share/one/song.ogg", &song);
    let files = HashMap::from([("pool/one_1.0_all.deb".to_owned(), (package, manner))]);
    (lists.list(), Mirror::start(files), song)
}

fn outcome(report: &Report, package: &str) -> String {
    let found = report.packages.iter().find(|p| p.package == package).unwrap();
    match &found.outcome {
        Outcome::Failed(error) => format!("Failed: {error}"),
        other => format!("{other:?}"),
    }
}

/// Paths in a package and what is in them.
type Files<'f> = Vec<(&'f str, Vec<u8>)>;

#[test]
fn packages_of_every_compression_are_unpacked_and_nothing_else_is_written() {
    let names = ["a.ogg", "b.ogg", "c.mp3", "in zip.ogg", "gz.ogg", "plain.ogg"];
    let [a, b, c, inner, gz, plain] = names.map(|name| music(name, 3000));
    let pack =
        zip(&[("music/in zip.ogg", inner.clone()), ("../out.ogg", b"evil".to_vec()), ("x.txt", vec![1])]);
    let contents: [(&str, &str, Files<'_>); 4] = [
        (
            "xz",
            ".xz",
            vec![
                ("usr/share/xz/music/a.ogg", a.clone()),
                ("usr/share/xz/music/deep/b.ogg", b.clone()),
                ("usr/share/xz/unlisted.ogg", b"noise".to_vec()),
                ("../../../escaped.ogg", b"evil".to_vec()),
                ("usr/share/doc/xz/copyright", b"free\n".to_vec()),
            ],
        ),
        ("zst", ".zst", vec![("usr/share/c.mp3", c.clone()), ("usr/share/data.PK3", pack)]),
        ("gz", ".gz", vec![("opt/gz.ogg", gz.clone())]),
        ("plain", "", vec![("plain.ogg", plain.clone())]),
    ];
    let mut lists = Lists::default();
    let mut files = HashMap::new();
    for (name, ending, content) in &contents {
        let package = deb(ending, content);
        lists.package(name, &package);
        files.insert(format!("pool/{name}_1.0_all.deb"), (package, Manner::Well));
    }
    lists.track("xz", "usr/share/xz/music/a.ogg", &a).track("xz", "usr/share/xz/music/deep/b.ogg", &b);
    lists.track("zst", "usr/share/c.mp3", &c).track("zst", "usr/share/data.PK3.d/music/in zip.ogg", &inner);
    lists.track("gz", "opt/gz.ogg", &gz).track("plain", "plain.ogg", &plain);
    let (list, mirror) = (lists.list(), Mirror::start(files));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("in/music");
    let report = get(&list, &to, &mirror);
    assert!(report.packages.iter().all(|p| matches!(p.outcome, Outcome::Fetched)), "{report:?}");
    assert!(!report.failed(&list));
    assert_eq!((report.tracks, report.seconds), (6, 183.0));
    let expected = [
        ("audio/gz/gz.ogg", &gz),
        ("audio/plain/plain.ogg", &plain),
        ("audio/xz/a.ogg", &a),
        ("audio/xz/deep/b.ogg", &b),
        ("audio/zst/c.mp3", &c),
        ("audio/zst/data.PK3.d/music/in zip.ogg", &inner),
    ];
    for (path, content) in expected {
        assert!(std::fs::read(to.join(path)).unwrap() == *content, "{path}");
    }
    let beside = ["LICENCES.md", "SHA256SUMS", "copyright/xz", "licences.csv", "manifest.csv"];
    let mut whole: Vec<&str> = beside.iter().copied().chain(expected.iter().map(|(path, _)| *path)).collect();
    whole.sort_unstable();
    assert_eq!(
        all_files(folder.path()),
        whole.iter().map(|path| format!("in/music/{path}")).collect::<Vec<_>>()
    );
    let table = std::fs::read_to_string(to.join("LICENCES.md")).unwrap();
    assert!(table.contains("| xz 1.0 | 2 | CC0 | Ann, and Bo |"), "{table}");
    // The manifest is one that the corpora read, with families kept together.
    let spec: CorpusSpec = format!("manifest:{}", to.join("manifest.csv").display()).parse().unwrap();
    let manifest = load(&spec, &CorpusOptions { keep_unlabelled: true, ..Default::default() }).unwrap();
    assert_eq!((manifest.corpus.clips.len(), manifest.problems.len(), manifest.corpus.tags.len()), (6, 0, 0));

    let before = mirror.requests().len();
    let again = get(&list, &to, &mirror);
    assert!(again.packages.iter().all(|p| matches!(p.outcome, Outcome::Present)));
    assert_eq!((mirror.requests().len(), again.downloaded), (before, 0));

    // A lost and a damaged file are fetched again, by their packages alone; what one remembers of them does not help.
    std::fs::remove_file(to.join("audio/gz/gz.ogg")).unwrap();
    std::fs::write(to.join("audio/plain/plain.ogg"), b"short").unwrap();
    get(&list, &to, &mirror);
    let mut asked: Vec<String> = mirror.requests()[before..].iter().map(|(path, _)| path.clone()).collect();
    asked.sort();
    assert_eq!(asked, ["pool/gz_1.0_all.deb", "pool/plain_1.0_all.deb"]);
    assert!(std::fs::read(to.join("audio/plain/plain.ogg")).unwrap() == plain);

    // Without remembered sums the files are read and not fetched.
    std::fs::remove_file(to.join("SHA256SUMS")).unwrap();
    let mended = mirror.requests().len();
    get(&list, &to, &mirror);
    assert_eq!(mirror.requests().len(), mended);
}

fn all_files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_download_that_was_cut_goes_on_where_it_stopped() {
    let (list, mirror, song) = one(Manner::CutOnce(20_000));
    let to = tempfile::tempdir().unwrap();
    assert_eq!(outcome(&get(&list, to.path(), &mirror), "one"), "Fetched");
    assert!(std::fs::read(to.path().join("audio/one/song.ogg")).unwrap() == song);
    let ranges: Vec<_> = mirror.requests().into_iter().map(|(_, range)| range).collect();
    assert_eq!(ranges, [None, Some("bytes=20000-".into())]);
}

#[test]
fn a_server_that_knows_no_ranges_is_asked_for_the_whole_again() {
    let (list, mirror, song) = one(Manner::CutOnceWithoutRanges(20_000));
    let to = tempfile::tempdir().unwrap();
    assert_eq!(outcome(&get(&list, to.path(), &mirror), "one"), "Fetched");
    assert!(std::fs::read(to.path().join("audio/one/song.ogg")).unwrap() == song);
}

#[test]
fn a_busy_server_is_asked_again_and_a_silent_one_not_for_ever() {
    let (list, mirror, _) = one(Manner::BusyOnce);
    let to = tempfile::tempdir().unwrap();
    assert_eq!(outcome(&get(&list, to.path(), &mirror), "one"), "Fetched");
    let (list, mirror, _) = one(Manner::Nothing);
    let to = tempfile::tempdir().unwrap();
    let report = get(&list, to.path(), &mirror);
    assert!(outcome(&report, "one").contains("5 attempts, 0 of "), "{report:?}");
    assert_eq!(mirror.requests().len(), 5);
    // One that sends the same beginning for ever brings nothing after the first time.
    let (list, mirror, _) = one(Manner::NoMore(20_000));
    let to = tempfile::tempdir().unwrap();
    let report = get(&list, to.path(), &mirror);
    assert!(outcome(&report, "one").contains("5 attempts"), "{report:?}");
    assert_eq!(mirror.requests().len(), 6);
}

#[test]
fn what_has_another_sum_is_refused_and_the_other_packages_arrive() {
    let song = music("song", 5000);
    let package = |name: &str| deb(".gz", &[(&format!("{name}.ogg"), song.clone())]);
    let mut lists = Lists::default();
    let mut files = HashMap::new();
    for (name, manner) in [("bad", Manner::Spoilt), ("good", Manner::Well), ("gone", Manner::Well)] {
        lists.package(name, &package(name)).track(name, &format!("{name}.ogg"), &song);
        if name != "gone" {
            files.insert(format!("pool/{name}_1.0_all.deb"), (package(name), manner));
        }
    }
    let (list, mirror) = (lists.list(), Mirror::start(files));
    let to = tempfile::tempdir().unwrap();
    let report = get(&list, to.path(), &mirror);
    assert!(outcome(&report, "bad").contains("its SHA-256 is"), "{report:?}");
    assert!(outcome(&report, "gone").contains("404"), "{report:?}");
    assert_eq!(outcome(&report, "good"), "Fetched");
    assert!(report.failed(&list));
    assert_eq!(report.tracks, 1);
    assert_eq!(mirror.requests().iter().filter(|(path, _)| path.contains("gone")).count(), 1);
    let audio: Vec<_> = all_files(&to.path().join("audio"));
    assert_eq!(audio, ["good/good.ogg"]);
    assert!(!all_files(to.path()).iter().any(|path| path.ends_with(".deb")));
}

#[test]
fn files_that_differ_from_the_list_are_named_and_the_others_kept() {
    let (same, other) = (music("same", 4000), music("other", 4000));
    let pack = zip(&[("in.ogg", other.clone())]);
    let content = [("same.ogg", same.clone()), ("changed.ogg", other.clone()), ("p.zip", pack)];
    let package = deb(".xz", &content);
    let mut lists = Lists::default();
    lists.package("p", &package).track("p", "same.ogg", &same);
    let listed = music("listed", 4000);
    for path in ["changed.ogg", "absent.ogg", "p.zip.d/in.ogg", "p.zip.d/gone.ogg"] {
        lists.track("p", path, &listed);
    }
    let (list, mirror) = (
        lists.list(),
        Mirror::start(HashMap::from([("pool/p_1.0_all.deb".into(), (package, Manner::Well))])),
    );
    let to = tempfile::tempdir().unwrap();
    let report = get(&list, to.path(), &mirror);
    let Outcome::Differs(missing) = &report.packages[0].outcome else { panic!("{report:?}") };
    let (absent, differs) = ("is not in the package", "differs from the list");
    let expected = [
        ("absent.ogg", absent),
        ("changed.ogg", differs),
        ("p.zip.d/gone.ogg", absent),
        ("p.zip.d/in.ogg", differs),
    ];
    assert_eq!(*missing, expected.map(|(path, why)| (path.to_owned(), why)));
    assert!(!report.failed(&list));
    assert_eq!(all_files(&to.path().join("audio")), ["p/same.ogg"]);
}

#[test]
fn a_damaged_package_fails_by_name() {
    let mut package = deb(".xz", &[("a.ogg", music("a", 4000))]);
    let end = package.len() - 2000;
    package[end..].fill(0);
    let mut lists = Lists::default();
    lists.package("p", &package).track("p", "a.ogg", &music("a", 4000));
    let files = HashMap::from([("pool/p_1.0_all.deb".into(), (package, Manner::Well))]);
    let (list, mirror) = (lists.list(), Mirror::start(files));
    let to = tempfile::tempdir().unwrap();
    let report = get(&list, to.path(), &mirror);
    assert!(outcome(&report, "p").contains("p_1.0.deb: "), "{report:?}");
    assert!(all_files(&to.path().join("audio")).is_empty());
}

#[test]
fn a_limit_leaves_what_does_not_fit_for_another_time_and_names_choose() {
    let mut lists = Lists::default();
    let mut files = HashMap::new();
    for (name, bytes) in [("large", 90_000), ("small", 9_000), ("tiny", 900)] {
        let song = music(name, bytes);
        let package = deb("", &[("a.ogg", song.clone())]);
        lists.package(name, &package).track(name, "a.ogg", &song);
        files.insert(format!("pool/{name}_1.0_all.deb"), (package, Manner::Well));
    }
    let (list, mirror) = (lists.list(), Mirror::start(files));
    let to = tempfile::tempdir().unwrap();
    let limited =
        Options { limit: Some(50_000), packages: vec!["small".into(), "large".into()], ..options(&mirror) };
    let report = fetch(&list, to.path(), &limited, &ProgressBar::hidden()).unwrap();
    assert_eq!(report.packages.len(), 2);
    assert_eq!(
        (outcome(&report, "large"), outcome(&report, "small")),
        ("BeyondLimit".into(), "Fetched".into())
    );
    assert!(report.downloaded <= 50_000 && !report.failed(&list));
    let unknown = Options { packages: vec!["smal".into()], ..options(&mirror) };
    let error = fetch(&list, to.path(), &unknown, &ProgressBar::hidden()).unwrap_err();
    assert!(matches!(&error, FetchError::NoSuchPackage(name, _) if name == "smal"), "{error}");
}

#[test]
fn lists_that_could_lead_out_of_the_folder_are_refused() {
    let sum = "0".repeat(64);
    let parse = |pool: &str, package: &str, path: &str, second: &str| {
        let packages =
            format!("package,version,architecture,pool,bytes,sha256\n{package},1,all,{pool},9,{sum}\n");
        let columns =
            "package,path,sha256,bytes,seconds,family,split,licence,licence_from,artist,artist_from,title";
        let tracks = format!("{columns}\n{package},{path},{sum},5,9.5,f,train,CC0,files,,,\n{second}");
        List::parse("test", &packages, &tracks).map_err(|error| error.to_string())
    };
    assert!(parse("pool/p.deb", "p", "a/b.ogg", "").is_ok());
    for path in ["../a.ogg", "/etc/passwd", "a/../../b.ogg", "a//b.ogg", "a\\..\\b.ogg", "./a.ogg", ""] {
        let error = parse("pool/p.deb", "p", path, "").unwrap_err();
        assert!(error.contains("no such path"), "{path}: {error}");
    }
    assert!(parse("../p.deb", "p", "a.ogg", "").is_err());
    for package in ["..", ".hidden", "a/b", ""] {
        assert!(parse("pool/p.deb", package, "a.ogg", "").is_err(), "{package}");
    }
    let row =
        |name: &str, path: &str, split: &str| format!("{name},{path},{sum},5,9.5,f,{split},CC0,files,,,\n");
    assert!(parse("p", "p", "a.ogg", &row("p", "b.ogg", "validation")).unwrap_err().contains("two splits"));
    assert!(parse("p", "p", "a.ogg", &row("p", "a.ogg", "train")).unwrap_err().contains("twice"));
    assert!(parse("p", "p", "a.ogg", &row("q", "a.ogg", "train")).unwrap_err().contains("not listed"));
    assert!(parse("p", "p", "a.ogg", &row("p", "b.ogg", "tuesday")).unwrap_err().contains("tuesday"));
}

#[test]
fn the_committed_list_is_sound() {
    let list = List::debian();
    let mut paths = std::collections::HashSet::new();
    let (mut sums, mut seconds) = (std::collections::HashSet::new(), [0.0; 2]);
    for track in &list.tracks {
        let path = audio_path(list, track).to_string_lossy().to_lowercase();
        assert!(paths.insert(path.clone()), "{path} is there twice on a disk without regard to case");
        assert!(sums.insert(&track.sha256), "{path} is another file once more");
        assert!(track.seconds >= 20.0 && !track.licence.is_empty(), "{path}");
        seconds[usize::from(track.split == Split::Validation)] += track.seconds;
    }
    assert!(list.packages.iter().all(|package| list.tracks_of(&package.package).next().is_some()));
    let share = seconds[1] / (seconds[0] + seconds[1]);
    assert!((0.11..0.135).contains(&share), "{share}");
}

#[test]
fn the_committed_voices_are_sound() {
    let list = List::voices();
    let mut paths = std::collections::HashSet::new();
    let music: std::collections::HashSet<&str> =
        List::debian().tracks.iter().map(|track| track.sha256.as_str()).collect();
    for track in &list.tracks {
        let path = audio_path(list, track).to_string_lossy().to_lowercase();
        assert!(paths.insert(path.clone()), "{path} is there twice on a disk without regard to case");
        assert!(track.seconds >= 0.8 && !track.licence.is_empty(), "{path}");
        assert!(!music.contains(track.sha256.as_str()), "{path} is music, too");
    }
    assert!(list.packages.iter().all(|package| list.tracks_of(&package.package).next().is_some()));
    assert!(list.tracks.iter().map(|track| track.seconds).sum::<f64>() > 2.5 * 3600.0);
}

#[test]
fn the_corpus_is_what_is_there_and_says_that_it_wants_labels() {
    let dir = tempfile::tempdir().unwrap();
    let spec: CorpusSpec = format!("debian:{}", dir.path().display()).parse().unwrap();
    assert_eq!(spec.to_string().parse::<CorpusSpec>().unwrap(), spec);
    let keep = CorpusOptions { keep_unlabelled: true, ..Default::default() };
    assert!(load(&spec, &keep).unwrap_err().to_string().contains("audio"));
    std::fs::create_dir(dir.path().join("audio")).unwrap();
    assert!(load(&spec, &keep).unwrap_err().to_string().contains("trainer fetch debian"));
    let list = List::debian();
    let of = |split| list.tracks.iter().find(|track| track.split == split).unwrap();
    let tracks = [of(Split::Train), of(Split::Validation)];
    for track in tracks {
        let path = dir.path().join(audio_path(list, track));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"sound").unwrap();
    }
    assert!(load(&spec, &CorpusOptions::default()).unwrap_err().to_string().contains("trainer label"));
    let loaded = load(&spec, &keep).unwrap();
    let clips: Vec<_> =
        loaded.corpus.clips.iter().map(|c| (c.group.clone(), c.split, c.labels.len())).collect();
    let mut expected = tracks.map(|track| (Some(track.family.clone()), Some(track.split), 0));
    expected.sort_by_key(|(group, ..)| loaded.corpus.clips.iter().position(|clip| clip.group == *group));
    assert_eq!(clips, expected);
    assert!("debian:".parse::<CorpusSpec>().is_err());
}
