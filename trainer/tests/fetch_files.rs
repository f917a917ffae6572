//! Fetching files from a server that misbehaves: every one is right or listed as failed, and none is fetched twice.

#[path = "fetch/server.rs"]
mod server;

use indicatif::ProgressBar;
use server::{Fault, Served, Server};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tempfile::TempDir;
use trainer::fetch::provider::{SevenDigital, WebFolder};
use trainer::fetch::transfer::{Provider, Sum, Summary, TransferOptions, Wanted, fetch_files};

fn content(number: usize) -> Vec<u8> {
    let length = 200 + number * 37 % 5000;
    (0..length).map(|i| (i * 31 + number * 7 + i / 256) as u8).collect()
}

fn sum(bytes: &[u8]) -> Sum {
    Sum::Sha256(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn get(wanted: &[Wanted], dir: &Path, provider: &dyn Provider) -> Summary {
    let options =
        TransferOptions { jobs: 8, backoff: Duration::from_millis(1), ..TransferOptions::default() };
    fetch_files(wanted, dir, provider, options, &AtomicBool::new(false), &ProgressBar::hidden()).unwrap()
}

#[test]
fn five_hundred_transfers_end_right_or_listed_and_a_second_run_asks_for_the_failed_ones_only() {
    use Fault::{
        Broken, Cut, CutWithoutRanges, Moved, None, NotFound, Page, Replaced, Spoilt, TooMany, WrongLength,
    };
    let faults = [
        (None, 0),
        (Cut, 3),
        (CutWithoutRanges, 2),
        (TooMany, 2),
        (Broken, 3),
        (WrongLength, 1),
        (Spoilt, 1),
        (Replaced, 1),
        (Moved, usize::MAX),
        (NotFound, usize::MAX),
        (Broken, usize::MAX),
        (Spoilt, usize::MAX),
        (WrongLength, usize::MAX),
        (Page("<html>log in</html>"), usize::MAX),
    ];
    let (mut files, mut wanted) = (HashMap::new(), Vec::new());
    for number in 0..500 {
        let (fault, times) = faults[number % faults.len()];
        let name = format!("d{}/file {number:03}.mp3", number % 3).replace(' ', "_");
        wanted.push(Wanted {
            id: name.clone(),
            to: Path::new("audio").join(&name),
            sum: Some(sum(&content(number))),
        });
        files.insert(name, Served { content: content(number), fault, times });
    }
    let server = Server::start(files);
    let folder = TempDir::new().unwrap();
    let provider = WebFolder::new(&server.root);
    let first = get(&wanted, folder.path(), &provider);
    // The last five of the faults never end.
    let hopeless = |number: usize| number % faults.len() >= 9;
    let expected: HashSet<&str> = wanted
        .iter()
        .enumerate()
        .filter(|(number, _)| hopeless(*number))
        .map(|(_, file)| file.id.as_str())
        .collect();
    let failed: HashSet<&str> = first.failed.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, expected);
    assert_eq!((first.fetched, first.present, first.left), (500 - failed.len(), 0, 0));
    for (number, file) in wanted.iter().enumerate() {
        let there = fs::read(folder.path().join(&file.to));
        if hopeless(number) {
            assert!(there.is_err(), "{} is there", file.id);
        } else {
            assert_eq!(there.unwrap(), content(number), "{}", file.id);
        }
    }
    let reason = |number: usize| &first.failed.iter().find(|(id, _)| *id == wanted[number].id).unwrap().1;
    assert!(reason(9).contains("404") && reason(10).contains("500") && reason(11).contains("SHA-256"));
    server.forget_requests();
    let second = get(&wanted, folder.path(), &provider);
    assert_eq!((second.fetched, second.present), (0, first.fetched));
    assert_eq!(second.failed.len(), failed.len());
    let asked: HashSet<String> = server.requests().into_iter().collect();
    assert_eq!(asked, failed.iter().map(|id| id.to_string()).collect());
    server.mend();
    server.forget_requests();
    let third = get(&wanted, folder.path(), &provider);
    assert_eq!((third.fetched, third.present, third.failed.len()), (failed.len(), first.fetched, 0));
    assert!(
        (0..500).all(|number| fs::read(folder.path().join(&wanted[number].to)).unwrap() == content(number))
    );
    server.forget_requests();
    assert_eq!(get(&wanted, folder.path(), &provider).present, 500);
    assert!(server.requests().is_empty());
    // Nothing half-done is left.
    assert!(!folder.path().join(".fetching").exists());
    // What was deleted, or changed in length, is fetched again.
    fs::remove_file(folder.path().join(&wanted[0].to)).unwrap();
    fs::write(folder.path().join(&wanted[1].to), "short").unwrap();
    assert_eq!(get(&wanted, folder.path(), &provider).fetched, 2);
}

#[test]
fn without_a_sum_only_the_same_file_is_gone_on_with() {
    let bytes = content(77);
    let wanted = [Wanted { id: "a.zip".into(), to: "a.zip".into(), sum: None }];
    for fault in [Fault::Cut, Fault::Replaced] {
        let files = HashMap::from([("a.zip".to_owned(), Served { content: bytes.clone(), fault, times: 1 })]);
        let (server, folder) = (Server::start(files), TempDir::new().unwrap());
        assert_eq!(get(&wanted, folder.path(), &WebFolder::new(&server.root)).fetched, 1);
        assert_eq!(fs::read(folder.path().join("a.zip")).unwrap(), bytes, "{fault:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_stopped_run_goes_on_and_a_torn_ledger_does_no_harm() {
    let files = (0..6).map(|number| {
        (format!("{number}.bin"), Served { content: content(number), fault: Fault::None, times: 0 })
    });
    let (server, folder) = (Server::start(files.collect()), TempDir::new().unwrap());
    let wanted: Vec<Wanted> =
        (0..6).map(|n| Wanted { id: format!("{n}.bin"), to: format!("{n}.bin").into(), sum: None }).collect();
    let provider = WebFolder::new(&server.root);
    let stopped = AtomicBool::new(true);
    let none = fetch_files(
        &wanted,
        folder.path(),
        &provider,
        TransferOptions::default(),
        &stopped,
        &ProgressBar::hidden(),
    );
    assert_eq!(none.unwrap(), Summary { left: 6, ..Summary::default() });
    assert_eq!(get(&wanted[..3], folder.path(), &provider).fetched, 3);
    let ledger = folder.path().join("fetched.jsonl");
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, &text[..text.len() - 20]).unwrap();
    let summary = get(&wanted, folder.path(), &provider);
    assert_eq!((summary.fetched, summary.present), (4, 2));
    assert_eq!(get(&wanted, folder.path(), &provider).present, 6);
}

fn trainer(args: &[&str], keys: bool) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(args).stdin(Stdio::null()).env_remove("SEVENDIGITAL_KEY").env_remove("SEVENDIGITAL_SECRET");
    if keys {
        command.env("SEVENDIGITAL_KEY", "key").env("SEVENDIGITAL_SECRET", "secret");
    }
    let out = command.output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn previews_are_signed_fetched_and_refusals_understood() {
    let song =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio/stereo-44100.mp3"))
            .unwrap();
    let served = |fault| Served { content: song.clone(), fault, times: usize::MAX };
    let error = "<response status=\"error\"><error code=\"2001\"><errorMessage>Track not found</errorMessage></error></response>";
    let region = "<response status=\"error\"><error code=\"2002\"><errorMessage>Not available in this territory</errorMessage></error></response>";
    let mut files = HashMap::from([
        ("clip/6010476".to_owned(), served(Fault::None)),
        ("clip/2351046".to_owned(), served(Fault::Moved)),
        ("clip/17".to_owned(), served(Fault::Status(404, error))),
        ("clip/18".to_owned(), served(Fault::Status(403, region))),
        ("clip/19".to_owned(), served(Fault::Page("<html>please come back</html>"))),
    ]);
    files.insert(
        "clip/20".into(),
        Served { content: b"no audio at all".to_vec(), fault: Fault::None, times: 0 },
    );
    let server = Server::start(files);
    let folder = TempDir::new().unwrap();
    let (ids, to) = (folder.path().join("ids.txt"), folder.path().join("audio"));
    fs::write(&ids, "6010476\n2351046\n17\n\n18\n19\n20\n17\n").unwrap();
    let (ids, to_text) = (ids.to_str().unwrap(), to.to_str().unwrap());
    let args = [
        "fetch",
        "previews",
        "--ids",
        ids,
        "--to",
        to_text,
        "--from",
        &server.root,
        "--backoff",
        "0.001",
        "--per-second",
        "10000",
    ];
    let (code, said) = trainer(&args, false);
    assert!(code == Some(1) && said.contains("SEVENDIGITAL_KEY"), "{said}");
    let (code, said) = trainer(&args, true);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("2 fetched") && said.contains("4 failed"), "{said}");
    for part in [
        "17: not found: 7digital says 404: Track not found",
        "18: not to be heard in GB",
        "20: what came is no audio",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(fs::read(to.join("6/0/6010476.clip.mp3")).unwrap(), song);
    assert_eq!(fs::read(to.join("2/3/2351046.clip.mp3")).unwrap(), song);
    let signed = server.requests().into_iter().find(|path| path.starts_with("clip/6010476?")).unwrap();
    for part in [
        "country=GB",
        "oauth_consumer_key=key",
        "oauth_nonce=",
        "oauth_signature_method=HMAC-SHA1",
        "oauth_signature=",
    ] {
        assert!(signed.contains(part), "{signed}");
    }
    server.forget_requests();
    let (_, said) = trainer(&[&args[..], &["--skip-gone"]].concat(), true);
    assert!(said.contains("2 were there, 2 failed, 2 not asked for"), "{said}");
    assert!(server.requests().iter().all(|path| path.starts_with("clip/19") || path.starts_with("clip/20")));
}

#[test]
fn a_quota_ends_the_run_and_leaves_the_rest() {
    let quota = "<response status=\"error\"><error code=\"1000\"><errorMessage>Daily quota exceeded</errorMessage></error></response>";
    let files = (0..40).map(|number| {
        let fault = Fault::Status(401, quota);
        (format!("clip/{}", 100 + number), Served { content: Vec::new(), fault, times: usize::MAX })
    });
    let (server, folder) = (Server::start(files.collect()), TempDir::new().unwrap());
    let provider = SevenDigital {
        root: server.root.clone(),
        key: "k".into(),
        secret: "s".into(),
        country: "US".into(),
        per_second: 1e5,
    };
    let wanted: Vec<Wanted> = (100..140).map(|id| SevenDigital::wanted(&id.to_string())).collect();
    let summary = get(&wanted, folder.path(), &provider);
    assert_eq!((summary.left, summary.failed.len()), (40, 0));
    assert!(summary.stopped.unwrap().contains("Daily quota exceeded"));
    assert!(server.requests().len() <= 8);
}

#[test]
fn requests_keep_to_the_pace() {
    struct Slow(WebFolder);
    impl Provider for Slow {
        fn url(&self, wanted: &Wanted) -> String {
            self.0.url(wanted)
        }
        fn per_second(&self) -> Option<f64> {
            Some(50.0)
        }
    }
    let files =
        (0..11).map(|n| (format!("{n}"), Served { content: content(n), fault: Fault::None, times: 0 }));
    let (server, folder) = (Server::start(files.collect()), TempDir::new().unwrap());
    let wanted: Vec<Wanted> =
        (0..11).map(|n| Wanted { id: n.to_string(), to: n.to_string().into(), sum: None }).collect();
    let started = std::time::Instant::now();
    assert_eq!(get(&wanted, folder.path(), &Slow(WebFolder::new(&server.root))).fetched, 11);
    // Ten intervals of 20 ms lie between eleven requests, however many threads ask.
    assert!(started.elapsed() >= Duration::from_millis(200));
}

/// A zip archive of these files.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options: zip::write::SimpleFileOptions = Default::default();
        archive.start_file(*name, options).unwrap();
        std::io::Write::write_all(&mut archive, content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn served(content: Vec<u8>, fault: Fault) -> Served {
    Served { content, fault, times: 1 }
}

#[test]
fn publications_are_fetched_unpacked_and_not_fetched_again() {
    let song = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/audio/mono-22050.mp3"))
        .unwrap();
    // MagnaTagATune's archive comes in three files, cut anywhere.
    let archive = zipped(&[("0/a-song-0-29.mp3", &song), ("f/another-29-58.mp3", &song)]);
    let third = archive.len() / 3;
    let cut = [&archive[..third], &archive[third..2 * third + 5], &archive[2 * third + 5..]];
    let mut files = HashMap::from([
        ("annotations_final.csv".to_owned(), served(b"clip_id\tmp3_path\n".to_vec(), Fault::Cut)),
        ("clip_info_final.csv".to_owned(), served(b"clip_id\tartist\n".to_vec(), Fault::None)),
    ]);
    for (number, part) in cut.into_iter().enumerate() {
        files.insert(format!("mp3.zip.{:03}", number + 1), served(part.to_vec(), Fault::Cut));
    }
    // MTG-Jamendo's archives have sums in its repository.
    let mut tar = tar::Builder::new(Vec::new());
    for path in ["07/1007.low.mp3", "07/2007.low.mp3"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(song.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, path, &song[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let Sum::Sha256(tar_sum) = sum(&tar) else { unreachable!() };
    let sums = format!("{} raw_30s_audio-low-06.tar\n{tar_sum} raw_30s_audio-low-07.tar\n", "0".repeat(64));
    files.insert(
        "data/download/raw_30s_audio-low_sha256_tars.txt".into(),
        served(sums.into_bytes(), Fault::None),
    );
    for split in 0..5 {
        for subset in ["", "_top50tags", "_genre", "_instrument", "_moodtheme"] {
            for part in ["train", "validation", "test"] {
                let path = format!("data/splits/split-{split}/autotagging{subset}-{part}.tsv");
                files.insert(
                    path,
                    served(b"TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n".to_vec(), Fault::None),
                );
            }
        }
    }
    files.insert("audio-low/raw_30s_audio-low-07.tar".into(), served(tar, Fault::Spoilt));
    let server = Server::start(files);
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let from = ["--labels-from", &server.root, "--audio-from", &server.root, "--backoff", "0.001"];
    let fetch = |args: &[&str]| trainer(&[&["fetch"], args, &from].concat(), false);
    for _ in 0..2 {
        let (code, said) = fetch(&["mtat", "--to", &place("mtat")]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(fs::read(folder.path().join("mtat/mp3/f/another-29-58.mp3")).unwrap(), song);
        assert!(!folder.path().join("mtat/mp3.zip.001").exists());
        let (code, said) = fetch(&["jamendo", "--to", &place("jamendo"), "--parts", "7"]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(fs::read(folder.path().join("jamendo/audio/07/2007.low.mp3")).unwrap(), song);
        // The second time nothing is asked for.
        let asked = server.requests().len();
        assert!(asked > 0 || said.contains("77 were there"), "{said}");
        server.forget_requests();
    }
    assert!(fetch(&["mtat", "--to", &place("mtat")]).1.contains("0 fetched"));
    assert!(server.requests().is_empty());
    // FMA's sums are those of its publisher: another archive is refused.
    let fake = HashMap::from([(
        "fma_metadata.zip".to_owned(),
        served(zipped(&[("fma_metadata/tracks.csv", b"x")]), Fault::None),
    )]);
    let server = Server::start(fake);
    let (code, said) = trainer(
        &["fetch", "fma", "--to", &place("fma"), "--labels-from", &server.root, "--backoff", "0.001"],
        false,
    );
    assert!(code == Some(1) && said.contains("fma_metadata.zip") && said.contains("f0df49ff"), "{said}");
    // Paths that lead out of the folder are not written.
    let evil = zipped(&[("../../evil.mp3", b"evil")]);
    let mut files = HashMap::from([
        ("annotations_final.csv".to_owned(), served(b"x".to_vec(), Fault::None)),
        ("clip_info_final.csv".to_owned(), served(b"x".to_vec(), Fault::None)),
        ("mp3.zip.001".to_owned(), served(evil[..10].to_vec(), Fault::None)),
        ("mp3.zip.002".to_owned(), served(evil[10..20].to_vec(), Fault::None)),
    ]);
    files.insert("mp3.zip.003".into(), served(evil[20..].to_vec(), Fault::None));
    let server = Server::start(files);
    let (code, said) = trainer(
        &[
            "fetch",
            "mtat",
            "--to",
            &place("evil/in"),
            "--labels-from",
            &server.root,
            "--audio-from",
            &server.root,
        ],
        false,
    );
    assert!(code == Some(1) && said.contains("leads out of the folder"), "{said}");
    assert!(!folder.path().join("evil.mp3").exists() && !folder.path().join("evil/evil.mp3").exists());
}
