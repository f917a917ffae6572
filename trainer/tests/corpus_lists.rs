//! Corpora from folders and manifests: what is read, what is refused, and how clips are split.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use listed::{clip, manifest, manifest_with, message, write};
use trainer::corpus::{Corpus, CorpusError, CorpusOptions, CorpusSpec, Split, load};

mod listed;

#[test]
fn specs_are_parsed_and_refused() {
    assert_eq!("synth".parse::<CorpusSpec>().unwrap(), CorpusSpec::Synth { clips: 1200 });
    assert_eq!("synth:40".parse::<CorpusSpec>().unwrap(), CorpusSpec::Synth { clips: 40 });
    assert_eq!("folder:my music".parse::<CorpusSpec>().unwrap(), CorpusSpec::Folder("my music".into()));
    assert_eq!("manifest:C:/x.csv".parse::<CorpusSpec>().unwrap(), CorpusSpec::Manifest("C:/x.csv".into()));
    for wrong in ["", "synth:", "synth:3", "synth:-1", "synth:ten", "folder:", "manifest:", "music", "zip:a"]
    {
        let error = wrong.parse::<CorpusSpec>().unwrap_err().to_string();
        assert!(error.contains("folder:DIR") && error.contains(&format!("{wrong:?}")), "{error}");
    }
    let spec: CorpusSpec = "synth:77".parse().unwrap();
    assert_eq!(spec.to_string(), "synth:77");
}

#[test]
fn folders_are_tags_all_the_way_down() {
    let dir = tempfile::tempdir().unwrap();
    for file in [
        "Rock/a.mp3",
        "Rock/Band/One/b.FLAC",
        "Rock/Band/One/c.ogg",
        "Soft piano/d.wav",
        "Soft piano/cover.jpg",
        "loose.mp3",
        "Rock/._a.mp3",
        "Empty/notes.txt",
    ] {
        write(dir.path(), file, "x");
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("Rock"), dir.path().join("Rock/Band/around")).unwrap();
    let loaded = load(&CorpusSpec::Folder(dir.path().into()), &CorpusOptions::default()).unwrap();
    assert_eq!(loaded.corpus.tags, ["Rock", "Soft piano"]);
    let ids: Vec<&str> = loaded.corpus.clips.iter().map(|clip| clip.id.as_str()).collect();
    assert_eq!(ids, ["Rock/Band/One/b.FLAC", "Rock/Band/One/c.ogg", "Rock/a.mp3", "Soft piano/d.wav"]);
    assert_eq!(clip(&loaded.corpus, "Soft piano/d.wav").labels, [0.0, 1.0]);
    assert_eq!(clip(&loaded.corpus, "Rock/Band/One/b.FLAC").group.as_deref(), Some("Rock/Band/One"));
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
    assert_eq!(loaded.problems[0].id, "loose.mp3");
    assert_eq!(loaded.dropped_tags, [("Empty".to_owned(), 0)]);

    let nowhere = load(&CorpusSpec::Folder(dir.path().join("nowhere")), &CorpusOptions::default());
    assert!(message(nowhere).contains("nowhere"));
    let nothing = tempfile::tempdir().unwrap();
    let nothing = load(&CorpusSpec::Folder(nothing.path().into()), &CorpusOptions::default());
    assert!(matches!(nothing, Err(CorpusError::Empty { .. })));
}

#[test]
fn csv_with_a_column_per_tag() {
    // BOM, CRLF, any case, spaces, quoted commas, an empty line, soft labels and labels that are missing.
    let text = "\u{feff}Path,SPLIT,Artist,Album,Title,Loud, soft \r\n\
                a1.mp3,Train,\"One, Two\",,x,1,0\r\n\
                ./a2.mp3,valid,Three,,y,0.25, 0.75\r\n\
                \r\n\
                a3.mp3,TEST,Four,,z,,1\r\n\
                a4.mp3,test,,Album Five,z,,\r\n";
    let loaded = manifest("list.csv", text).unwrap();
    let corpus = &loaded.corpus;
    assert_eq!(corpus.tags, ["Loud", "soft"]);
    assert!(corpus.soft_labels);
    assert_eq!(clip(corpus, "./a2.mp3").labels, [0.25, 0.75]);
    assert_eq!(clip(corpus, "a1.mp3").group.as_deref(), Some("artist one, two"));
    let half = &clip(corpus, "a3.mp3").labels;
    assert!(half[0].is_nan() && half[1] == 1.0);
    assert_eq!(
        corpus.clips.iter().map(|clip| clip.split.unwrap()).collect::<Vec<_>>(),
        [Split::Train, Split::Validation, Split::Test]
    );
    assert_eq!(loaded.unlabelled, 1, "a4 has no label");
    assert_eq!(corpus.split_rule, "given by the manifest");

    let keep = CorpusOptions { keep_unlabelled: true, ..CorpusOptions::default() };
    assert_eq!(manifest_with("list.csv", text, &keep).unwrap().corpus.clips.len(), 4);
}

#[test]
fn csv_and_json_with_named_tags() {
    let csv = "path,tags,year\na1.mp3,loud; Fast |loud,1999\na2.mp3,,2000\na3.mp3,FAST,x\n";
    let corpus = manifest("list.csv", csv).unwrap().corpus;
    assert_eq!(corpus.tags, ["loud", "Fast"]);
    assert_eq!(clip(&corpus, "a1.mp3").labels, [1.0, 1.0]);
    assert_eq!(clip(&corpus, "a2.mp3").labels, [0.0, 0.0]);
    assert_eq!(clip(&corpus, "a3.mp3").labels, [0.0, 1.0]);
    assert!(!corpus.soft_labels);

    let json = "{\"path\":\"a1.mp3\",\"tags\":[\"loud\",\"Fast\"],\"year\":1999}\r\n\n\
                {\"path\":\"a2.mp3\",\"tags\":[]}\n{\"file\":\"a3.mp3\",\"TAGS\":\"FAST\"}\n{\"path\":\"a4.mp3\",\"tags\":null}";
    // By its ending, and by its content.
    for name in ["list.jsonl", "list.txt"] {
        let loaded = manifest(name, json).unwrap();
        assert_eq!(loaded.corpus.tags, corpus.tags);
        assert_eq!(loaded.unlabelled, 1);
        for (a, b) in loaded.corpus.clips.iter().zip(&corpus.clips) {
            assert_eq!((&a.id, &a.labels), (&b.id, &b.labels));
        }
    }
}

#[test]
fn json_with_values_per_tag() {
    let json = "{\"path\":\"a1.mp3\",\"loud\":0.5,\"split\":\"train\",\"title\":7}\n{\"path\":\"a2.mp3\",\"soft\":true,\"loud\":null}\n";
    let corpus = manifest("list.jsonl", json).unwrap().corpus;
    assert_eq!(corpus.tags, ["loud", "soft"]);
    let (one, two) = (&clip(&corpus, "a1.mp3").labels, &clip(&corpus, "a2.mp3").labels);
    assert!(one[0] == 0.5 && one[1].is_nan() && two[0].is_nan() && two[1] == 1.0);
    assert!(corpus.soft_labels);
}

#[test]
fn bad_manifests_say_where_and_what() {
    for (name, text, parts) in [
        ("l.csv", "path,loud\na1.mp3,1\na2.mp3,2\n", &["line 3", "\"loud\"", "\"2\"", "0 to 1"][..]),
        ("l.csv", "path,loud\na1.mp3,nan\n", &["line 2", "\"nan\""]),
        ("l.csv", "path,loud\na1.mp3,yes\n", &["line 2", "\"yes\""]),
        ("l.csv", "path,split,loud\na1.mp3,holdout,1\n", &["line 2", "\"split\"", "\"holdout\""]),
        ("l.csv", "path,loud\na1.mp3\n", &["line 2", "1 cells"]),
        ("l.csv", "path,loud\n\na1.mp3,1\n./a1.mp3,0\n", &["line 4", "line 3", "a1.mp3"]),
        ("l.csv", "path,loud\n ,1\n", &["line 2", "empty"]),
        ("l.csv", "name,loud\na1.mp3,1\n", &["line 1", "\"path\""]),
        ("l.csv", "path,Loud,loud\na1.mp3,1,1\n", &["line 1", "two columns"]),
        ("l.csv", "path,,loud\na1.mp3,1,1\n", &["line 1", "no name"]),
        ("l.csv", "", &["line 1"]),
        (
            "l.jsonl",
            "{\"path\":\"a1.mp3\",\"loud\":1}\n{\"path\":\"a2.mp3\",\"loud\":1.5}\n",
            &["line 2", "\"loud\"", "1.5"],
        ),
        ("l.jsonl", "{\"path\":\"a1.mp3\",\"tags\":[\"x\",3]}\n", &["line 1", "\"tags\"", "3"]),
        ("l.jsonl", "{\"path\":7}\n", &["line 1", "\"path\"", "7"]),
        ("l.jsonl", "{\"loud\":1}\n", &["line 1", "empty"]),
        ("l.jsonl", "{\"path\":\"a1.mp3\"\n", &["line 1", "JSON"]),
        ("l.jsonl", "[1]\n", &["line 1", "object"]),
    ] {
        let error = message(manifest(name, text));
        assert!(error.contains(name), "{error}");
        for part in parts {
            assert!(error.contains(part), "{text:?} gives {error:?}, which lacks {part:?}");
        }
    }
    // Not UTF-8.
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "l.csv", b"path,loud\na1.mp3,1\n\xff\xfe.mp3,1\n");
    let error = message(load(&CorpusSpec::Manifest(path), &CorpusOptions::default()));
    assert!(error.contains("l.csv") && error.contains("line 3"), "{error}");
}

#[test]
fn missing_files_are_reported_once_and_left_out() {
    let loaded = manifest("l.csv", "path,loud,soft\na1.mp3,1,0\ngone.mp3,1,1\nlost.mp3,0,1\n").unwrap();
    assert_eq!(loaded.corpus.clips.len(), 1);
    let ids: Vec<&str> = loaded.problems.iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(ids, ["gone.mp3", "lost.mp3"]);
    assert!(loaded.problems[0].reason.contains("No such file"), "{}", loaded.problems[0].reason);
    assert_eq!(loaded.dropped_tags, [("soft".to_owned(), 0)], "no file that is there has it");

    let error = message(manifest("l.csv", "path,loud\ngone.mp3,1\nlost.mp3,1\n"));
    assert!(error.contains("2 problems") && error.contains("gone.mp3"), "{error}");
    let error = message(manifest("l.csv", "path,loud\na1.mp3,0\n"));
    assert!(error.contains("no tag"), "{error}");
}

#[test]
fn tags_are_chosen_by_their_positives() {
    let text = "path,a,b,c\na1.mp3,1,1,0.4\na2.mp3,0,1,0.4\na3.mp3,0,1,0.9\na4.mp3,1,0,0.9\na5.mp3,0,0,0.9\n";
    let with = |min_positives, max_tags, positive_threshold| {
        let options =
            CorpusOptions { min_positives, max_tags, positive_threshold, ..CorpusOptions::default() };
        manifest_with("l.csv", text, &options).unwrap()
    };
    assert_eq!(with(1, None, 0.5).corpus.tags, ["a", "b", "c"]);
    let some = with(3, None, 0.5);
    assert_eq!(some.corpus.tags, ["b", "c"]);
    assert_eq!(some.dropped_tags, [("a".to_owned(), 2)]);
    assert_eq!(with(1, Some(2), 0.3).corpus.tags, ["b", "c"]);
    assert_eq!(with(4, None, 0.3).corpus.tags, ["c"]);
    assert_eq!(clip(&some.corpus, "a3.mp3").labels, [1.0, 0.9]);
}

/// A manifest of `artists` with 4 songs each and three tags; the third belongs to every fifth artist.
fn by_artist(artists: usize, split: impl Fn(usize) -> &'static str) -> String {
    let mut text = String::from("path,split,artist,x,y,rare\n");
    for n in 0..artists * 4 {
        let artist = n / 4;
        let rare = u8::from(artist % 5 == 0);
        text += &format!("a{n}.mp3,{},Artist {artist},{},{},{rare}\n", split(n), n % 2, u8::from(n % 3 == 0));
    }
    text
}

fn sides(corpus: &Corpus) -> BTreeMap<String, BTreeSet<Split>> {
    let mut sides: BTreeMap<String, BTreeSet<Split>> = BTreeMap::new();
    for clip in &corpus.clips {
        sides.entry(clip.group.clone().unwrap()).or_default().insert(clip.split.unwrap());
    }
    sides
}

fn count(corpus: &Corpus, split: Split) -> usize {
    corpus.clips.iter().filter(|clip| clip.split == Some(split)).count()
}

#[test]
fn drawn_splits_keep_artists_together_and_tags_everywhere() {
    let text = by_artist(50, |_| "");
    let corpus = manifest("l.csv", &text).unwrap().corpus;
    assert!(corpus.split_rule.contains("by artist"), "{}", corpus.split_rule);
    assert!(sides(&corpus).values().all(|sides| sides.len() == 1));
    let counts = [Split::Train, Split::Validation, Split::Test].map(|split| count(&corpus, split));
    for (count, wanted) in counts.into_iter().zip([140, 20, 40]) {
        assert!(count.abs_diff(wanted) <= 8, "{counts:?}");
    }
    for tag in 0..3 {
        for split in [Split::Train, Split::Validation, Split::Test] {
            let there = corpus.clips.iter().any(|clip| clip.split == Some(split) && clip.labels[tag] == 1.0);
            assert!(there, "tag {tag} lacks {split:?}");
        }
    }
    // The order of the lines does not matter; the seed does.
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.reverse();
    let turned = format!("path,split,artist,x,y,rare\n{}\n", lines.join("\n"));
    let turned = manifest("l.csv", &turned).unwrap().corpus;
    assert_eq!(sides(&turned), sides(&corpus));
    let other = CorpusOptions { seed: 2, ..CorpusOptions::default() };
    assert_ne!(sides(&manifest_with("l.csv", &text, &other).unwrap().corpus), sides(&corpus));
}

#[test]
fn few_groups_still_give_every_split_something() {
    for artists in 3..8 {
        for seed in 0..20 {
            let options = CorpusOptions { seed, ..CorpusOptions::default() };
            let corpus = manifest_with("l.csv", &by_artist(artists, |_| ""), &options).unwrap().corpus;
            for split in [Split::Train, Split::Validation, Split::Test] {
                assert!(count(&corpus, split) > 0, "{artists} artists, seed {seed}: no {split:?}");
            }
            assert!(sides(&corpus).values().all(|sides| sides.len() == 1));
        }
    }
}

#[test]
fn given_splits_are_kept_and_validation_is_carved_out_of_train() {
    let text = by_artist(40, |n| if n / 4 % 4 == 3 { "test" } else { "train" });
    let corpus = manifest("l.csv", &text).unwrap().corpus;
    assert!(corpus.split_rule.contains("given by the manifest; validation: 12 % of train by artist"));
    assert_eq!(count(&corpus, Split::Test), 40);
    let validation = count(&corpus, Split::Validation);
    assert!((12..=20).contains(&validation), "{validation} of 120");
    assert!(sides(&corpus).values().all(|sides| sides.len() == 1));
    for clip in corpus.clips.iter().filter(|clip| clip.split == Some(Split::Test)) {
        let number: usize = clip.id[1..].trim_end_matches(".mp3").parse().unwrap();
        assert_eq!(number / 4 % 4, 3, "{} was not given to test", clip.id);
    }

    // Only train is given: both others are carved out. Only test is given: it stays an evaluation set.
    let corpus = manifest("l.csv", &by_artist(40, |_| "train")).unwrap().corpus;
    assert!(corpus.split_rule.contains("test: 20 %") && corpus.split_rule.contains("validation: 12 %"));
    assert!(count(&corpus, Split::Test) > 20 && count(&corpus, Split::Validation) > 8);
    let corpus = manifest("l.csv", &by_artist(10, |_| "test")).unwrap().corpus;
    assert_eq!(count(&corpus, Split::Test), 40);

    // Some lines have no split: they join their artist where he has one.
    let text = by_artist(40, |n| match (n / 4, n % 4) {
        (30.., _) => "",
        (_, 0) => "",
        (artist, _) if artist % 3 == 0 => "test",
        _ => "train",
    });
    let corpus = manifest("l.csv", &text).unwrap().corpus;
    assert!(sides(&corpus).values().all(|sides| sides.len() == 1));
    assert!(corpus.split_rule.contains("clips without one drawn"), "{}", corpus.split_rule);

    // A manifest that puts one artist on two sides is kept as given, and the sentence says it.
    let corpus = manifest("l.csv", &by_artist(10, |n| if n == 0 { "test" } else { "train" })).unwrap().corpus;
    assert!(corpus.split_rule.contains("1 groups are given in more than one split"), "{}", corpus.split_rule);
}

#[test]
fn albums_serve_where_artists_are_unknown() {
    let text = "path,artist,album,x\na1.mp3,,One,1\na2.mp3,,ONE ,0\na3.mp3,Ann,One,1\na4.mp3,,,1\na5.mp3,ann,Two,0\n";
    let corpus = manifest("l.csv", text).unwrap().corpus;
    let groups: Vec<_> = corpus.clips.iter().map(|clip| clip.group.as_deref()).collect();
    assert_eq!(groups, [Some("album one"), Some("album one"), Some("artist ann"), None, Some("artist ann")]);
    assert!(corpus.split_rule.contains("by artist, else album, else file"), "{}", corpus.split_rule);
}

#[test]
fn the_real_manifests_load_where_they_are() {
    let Some(dir) = std::env::var_os("MINIM_MUSIC") else {
        eprintln!("skipped: set MINIM_MUSIC=FOLDER of manifest.csv and genres.csv");
        return;
    };
    let load = |name: &str| {
        load(&CorpusSpec::Manifest(Path::new(&dir).join(name)), &CorpusOptions::default()).unwrap()
    };
    let genres = load("genres.csv");
    assert_eq!((genres.corpus.clips.len(), genres.corpus.tags.len(), genres.problems.len()), (218, 4, 0));
    let manifest = load("manifest.csv");
    assert_eq!((manifest.corpus.clips.len(), manifest.corpus.tags.len()), (130, 12));
    assert_eq!(manifest.unlabelled, 88);
    eprintln!("{}", manifest.corpus.split_rule);
}
