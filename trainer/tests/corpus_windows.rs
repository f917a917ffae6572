//! Labels of windows, labels of teachers, and several corpora at once.

use listed::{clip, manifest, manifest_with, message, write};
use trainer::corpus::{CorpusOptions, CorpusSpec, Split, load};

mod listed;

#[test]
fn rows_with_a_start_are_windows_of_one_clip() {
    let csv = "path,start,seconds,split,artist,loud,soft\n\
               a1.mp3,2.992,2.992,train,Ann,0.5,\n\
               a2.mp3,0,2.992,test,Ben,0.001,0.2\n\
               ./a1.mp3,0,2.992,train,Ann,0.1,0.0004\n\
               a1.mp3,5.984,1.5,train,Ann,0.3,0.0002\n";
    let json: String = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let soft = if cells[6].is_empty() { "null" } else { cells[6] };
            format!(
                "{{\"path\":{:?},\"start\":{},\"seconds\":{},\"split\":{:?},\"artist\":{:?},\"loud\":{},\"soft\":{soft}}}\n",
                cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
            )
        })
        .collect();
    for (name, text) in [("l.csv", csv), ("l.jsonl", json.as_str())] {
        let loaded = manifest(name, text).unwrap();
        let corpus = &loaded.corpus;
        // Nothing reaches 0.5 in "soft", and both tags stay.
        assert_eq!((corpus.tags.len(), loaded.dropped_tags.len()), (2, 0));
        assert!(corpus.taught());
        assert_eq!(corpus.clips.len(), 2);
        let one = clip(corpus, "a1.mp3");
        let starts: Vec<f32> = one.windows.iter().map(|window| window.start_seconds).collect();
        assert_eq!(starts, [0.0, 2.992, 5.984]);
        assert_eq!((one.windows[2].seconds, one.windows[2].labels[0]), (1.5, 0.3));
        assert!(one.windows[1].labels[1].is_nan());
        assert!((one.labels[0] - 0.3).abs() < 1e-6 && (one.labels[1] - 0.0003).abs() < 1e-8);
        assert_eq!((one.group.as_deref(), one.split), (Some("artist ann"), Some(Split::Train)));
        assert_eq!(clip(corpus, "a2.mp3").windows.len(), 1);
    }
    // The larger mean stays; windows lose the other tag as the clip does.
    let most = CorpusOptions { max_tags: Some(1), ..CorpusOptions::default() };
    let one = manifest_with("l.csv", csv, &most).unwrap().corpus;
    assert_eq!(one.tags, ["loud"]);
    assert_eq!(clip(&one, "a1.mp3").windows[0].labels, [0.1]);
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    for (rows, parts) in [
        ("a1.mp3,0,3,,1\na1.mp3,0,3,,0\n", &["line 3", "line 2", "from 0 s on"][..]),
        ("a1.mp3,0,3,,1\na1.mp3,,,,0\n", &["line 3", "line 2", "as a whole and by windows"]),
        ("a1.mp3,,,,1\na1.mp3,3,3,,0\n", &["line 3", "as a whole and by windows"]),
        ("a1.mp3,0,3,train,1\na1.mp3,3,3,test,0\n", &["line 3", "the split", "line 2"]),
        ("a1.mp3,0,,,1\n", &["line 2", "`seconds`"]),
        ("a1.mp3,0,0,,1\n", &["line 2", "`seconds`"]),
        ("a1.mp3,-1,3,,1\n", &["line 2", "\"start\"", "\"-1\""]),
        ("a1.mp3,0,soon,,1\n", &["line 2", "\"seconds\"", "\"soon\""]),
    ] {
        let error = message(manifest("l.csv", &format!("path,start,seconds,split,x\n{rows}")));
        for part in parts {
            assert!(error.contains(part), "{rows:?} gives {error:?}, which lacks {part:?}");
        }
    }
    // Without a start, seconds are a note.
    assert!(manifest("l.csv", "path,start,seconds,x\na1.mp3,,3:20,1\n").is_ok());
}

#[test]
fn labels_that_are_mostly_soft_keep_their_tags() {
    let text = "path,a,b\na1.mp3,0.4,0.01\na2.mp3,0.9,0.02\na3.mp3,0,\n";
    let loaded = manifest("l.csv", text).unwrap();
    assert!(loaded.corpus.taught());
    assert_eq!(loaded.corpus.tags, ["a", "b"]);
    // A tag that is never labelled is nothing to learn from, whoever gave the others.
    let none = manifest("l.csv", "path,a,b\na1.mp3,0.4,\na2.mp3,0.9,\n").unwrap();
    assert_eq!(none.corpus.tags, ["a"]);
}

#[test]
fn several_corpora_meet_by_the_names_of_their_tags() {
    let dir = tempfile::tempdir().unwrap();
    for name in (0..40).map(|n| format!("a{n}.mp3")) {
        write(dir.path(), &name, "sound");
    }
    let rows = |from: usize, split: &str| -> String {
        (from..from + 20).map(|n| format!("a{n}.mp3,{split},artist {n},{},{}\n", n % 2, n % 3 / 2)).collect()
    };
    let one = write(dir.path(), "one.csv", format!("path,split,artist,Loud,soft\n{}", rows(0, "")));
    let two = write(dir.path(), "two.csv", format!("path,split,artist,new,loud\n{}", rows(20, "")));
    let [one, two] = [one, two].map(CorpusSpec::Manifest);
    let options = CorpusOptions::default();
    let alone = load(&two, &options).unwrap().corpus;
    let spec = CorpusSpec::all_of(vec![one.clone(), two.clone()]).unwrap();
    assert_eq!(spec.to_string(), format!("{one} + {two}"));
    let both = load(&spec, &options).unwrap().corpus;
    assert_eq!(both.tags, ["Loud", "soft", "new"]);
    assert_eq!(both.clips.len(), 40);
    let first = &clip(&both, "a5.mp3").labels;
    assert!(first[..2] == [1.0, 1.0] && first[2].is_nan());
    let second = &clip(&both, "a23.mp3").labels;
    assert!(second[0] == 1.0 * f32::from(23u8 % 3 / 2) && second[1].is_nan() && second[2] == 1.0);
    for clip in &alone.clips {
        let there = both.clips.iter().find(|other| other.id == clip.id).unwrap();
        assert_eq!(there.split, clip.split, "{} is on another side among others", clip.id);
    }
    assert!(both.split_rule.starts_with("drawn"), "{}", both.split_rule);

    // An artist whom two lists put on two sides is told of.
    let three = write(dir.path(), "three.csv", "path,split,artist,loud\na1.mp3,test,Zoe,1\n");
    let four = write(
        dir.path(),
        "four.csv",
        "path,split,artist,loud\na2.mp3,train,zoe,1\na3.mp3,validation,x,0\na4.mp3,test,y,0\n",
    );
    let spec = CorpusSpec::Several([three, four].map(CorpusSpec::Manifest).to_vec());
    let rule = load(&spec, &options).unwrap().corpus.split_rule;
    assert!(rule.contains("1 groups are in other splits in one corpus than in another"), "{rule}");
    assert_eq!(CorpusSpec::all_of(vec![one.clone()]), Some(one));
}
