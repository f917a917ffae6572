//! Small corpora in the exact formats in which the large ones were published, their audio made by the synthesiser.

use rusqlite::Connection;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use trainer::corpus::synth::{SynthSpec, corpus, write_wav};
use trainer::corpus::{Clip, ClipSource};

/// Clips of the synthesiser; their labels become those of the published tags.
pub fn clips(count: usize) -> Vec<Clip> {
    corpus(&SynthSpec { clips: count, seconds: 4.0, seed: 7 }).clips
}

fn audio(clip: &Clip, path: &Path) {
    let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_wav(synth, path).unwrap();
}

/// Whether the clip has the tag in the place of that number.
pub fn has(clip: &Clip, tag: usize) -> bool {
    clip.labels[tag % clip.labels.len()] == 1.0
}

/// MagnaTagATune: two files, quoted and parted by tabs, and folders 0 to f.
pub fn mtat(dir: &Path, clips: &[Clip]) {
    let tags = ["no voice", "beat", "beats", "guitar", "techno", "female vocal"];
    let mut annotations = String::from("\"clip_id\"");
    tags.iter().for_each(|tag| write!(annotations, "\t\"{tag}\"").unwrap());
    annotations += "\t\"mp3_path\"\r\n";
    let mut info = String::from(
        "clip_id\ttrack_number\ttitle\tartist\talbum\turl\tsegmentStart\tsegmentEnd\toriginal_url\tmp3_path\n",
    );
    for (number, clip) in clips.iter().enumerate() {
        let (folder, artist) = (number % 16, number % 7);
        let stem = format!("artist_{artist}-album-{number:02}-song__{number}-0-29");
        let path = format!("{folder:x}/{stem}.mp3");
        write!(annotations, "\"{}\"", number + 2).unwrap();
        (0..tags.len()).for_each(|tag| write!(annotations, "\t\"{}\"", u8::from(has(clip, tag))).unwrap());
        write!(annotations, "\t\"{path}\"\r\n").unwrap();
        let title = "12\" mix, \u{e9}tude";
        writeln!(
            info,
            "{}\t{number}\t{title}\tArtist {artist}\tAlbum\thttp://he3.magnatune.com\t0\t29\thttp://he3\t{path}",
            number + 2
        )
        .unwrap();
        audio(clip, &dir.join(format!("mp3/{folder:x}/{stem}.wav")));
    }
    fs::write(dir.join("annotations_final.csv"), annotations).unwrap();
    fs::write(dir.join("clip_info_final.csv"), info).unwrap();
}

/// MTG-Jamendo: the splits of its repository, and audio beside it.
pub fn jamendo(dir: &Path, clips: &[Clip]) {
    let tags =
        ["genre---rock", "genre---techno", "instrument---guitar", "mood/theme---rock", "mood/theme---happy"];
    let splits = dir.join("data/splits/split-0");
    fs::create_dir_all(&splits).unwrap();
    let mut tables = ["train", "validation", "test"]
        .map(|split| (split, String::from("TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n")));
    for (number, clip) in clips.iter().enumerate() {
        let table = &mut tables[[0, 0, 1, 2][number % 4]].1;
        let track = 1000 + number;
        write!(
            table,
            "track_{track:07}\tartist_{:06}\talbum_000001\t{:02}/{track}.mp3\t4.0",
            number % 8,
            track % 100
        )
        .unwrap();
        tags.iter()
            .enumerate()
            .filter(|(tag, _)| has(clip, *tag))
            .for_each(|(_, tag)| write!(table, "\t{tag}").unwrap());
        table.push('\n');
        audio(clip, &dir.join(format!("audio/{:02}/{track}.low.wav", track % 100)));
    }
    for (split, table) in tables {
        fs::write(splits.join(format!("autotagging_top50tags-{split}.tsv")), table).unwrap();
    }
}

/// FMA: `tracks.csv` under two lines of names and one of the index, and `genres.csv`.
pub fn fma(dir: &Path, clips: &[Clip]) {
    let metadata = dir.join("fma_metadata");
    fs::create_dir_all(&metadata).unwrap();
    let genres = [(2, 0, "International"), (12, 0, "Rock"), (21, 0, "Hip-Hop"), (25, 12, "Punk")];
    let mut table = String::from("genre_id,#tracks,parent,title,top_level\n");
    for (id, parent, title) in genres {
        writeln!(table, "{id},100,{parent},{title},{}", if parent == 0 { id } else { parent }).unwrap();
    }
    fs::write(metadata.join("genres.csv"), table).unwrap();
    let mut tracks = String::from(
        ",album,album,artist,artist,set,set,track,track,track,track,track\n\
         ,id,title,id,name,split,subset,duration,genre_top,genres,genres_all,title\n\
         track_id,,,,,,,,,,,\n",
    );
    for (number, clip) in clips.iter().enumerate() {
        let split = ["training", "training", "validation", "test"][number % 4];
        let subset = ["small", "medium", "medium", "large"][number / 4 % 4];
        let punk = has(clip, 3);
        let (top, all) = match (has(clip, 0), punk) {
            (_, true) => ("Rock", "[12, 25]"),
            (true, _) => ("Hip-Hop", "[21]"),
            _ if subset == "large" => ("", "[2, 21]"),
            _ => ("International", "[2]"),
        };
        let track = 2 + 100 * number;
        writeln!(
            tracks,
            "{track},1,\"An album, \"\"quoted\"\"\nin two lines\",{},Somebody,{split},{subset},168,{top},[2],\"{all}\",Food",
            number % 9
        )
        .unwrap();
        audio(clip, &dir.join(format!("fma_medium/{:03}/{track:06}.wav", track / 1000)));
    }
    fs::write(metadata.join("tracks.csv"), tracks).unwrap();
}

/// GTZAN: audio alone. `names` are clips of its list.
pub fn gtzan(dir: &Path, clips: &[Clip], names: &[&str]) {
    for (clip, name) in clips.iter().zip(names) {
        audio(clip, &dir.join(format!("genres/{name}.wav")));
    }
}

/// Names of MSD's tracks.
pub fn msd_track(number: usize) -> String {
    let letter = char::from(b'A' + (number % 26) as u8);
    format!("TR{letter}{letter}B{number:02}128F42{number:05X}")
}

/// The Million Song Dataset: last.fm's database, MSD's metadata, the published validation and test tracks.
pub fn msd(dir: &Path, clips: &[Clip]) {
    let tags = ["rock", "favorites", "jazz", "Hip-Hop", "metal", "soul"];
    let tagged = Connection::open(dir.join("lastfm_tags.db")).unwrap();
    tagged
        .execute_batch(
            "CREATE TABLE tags (tag TEXT); CREATE TABLE tids (tid TEXT);
             CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT);",
        )
        .unwrap();
    for tag in tags {
        tagged.execute("INSERT INTO tags VALUES (?1)", [tag]).unwrap();
    }
    let metadata = Connection::open(dir.join("track_metadata.db")).unwrap();
    metadata
        .execute_batch(
            "CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text,
             artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int,
             track_7digitalid int, shs_perf int, shs_work int);",
        )
        .unwrap();
    let mut lists = [
        ("valid", String::new(), String::new(), Vec::new()),
        ("test", String::new(), String::new(), Vec::new()),
    ];
    for (number, clip) in clips.iter().enumerate() {
        let (track, seven) = (msd_track(number), 2_000_000 + number);
        tagged.execute("INSERT INTO tids VALUES (?1)", [&track]).unwrap();
        for tag in 0..tags.len() {
            // Weak tags are there, and do not count.
            let strength = if has(clip, tag) { 100.0 } else { 50.0 };
            tagged
                .execute(
                    "INSERT INTO tid_tag VALUES (?1, ?2, ?3)",
                    (number as i64 + 1, tag as i64 + 1, strength),
                )
                .unwrap();
        }
        metadata
            .execute(
                "INSERT INTO songs (track_id, title, artist_id, artist_name, year, track_7digitalid)
                 VALUES (?1, 'A song', ?2, 'Somebody', 1999, ?3)",
                (&track, format!("AR{:05}", number % 6), seven as i64),
            )
            .unwrap();
        if let Some((_, tracks, numbers, labels)) = lists.get_mut((number % 4).wrapping_sub(2)) {
            writeln!(tracks, "{track}").unwrap();
            writeln!(numbers, "{seven}").unwrap();
            labels.push(clip.clone());
        }
        // Under one name or the other, in folders of either sort.
        let path = if number % 2 == 0 {
            let letters: Vec<String> = track[2..5].chars().map(String::from).collect();
            format!("audio/{}/{track}.wav", letters.join("/"))
        } else {
            let digits = seven.to_string();
            format!("7digital/{}/{}/{seven}.clip.wav", &digits[..1], &digits[1..2])
        };
        audio(clip, &dir.join(path));
    }
    let names = trainer::corpus::published::PAPER_TAGS;
    for (name, tracks, numbers, clips) in lists {
        fs::write(dir.join(format!("{name}_x_msd_id.txt")), tracks).unwrap();
        fs::write(dir.join(format!("{name}_x_7d_id.txt")), numbers).unwrap();
        let header =
            format!("{{'descr': '|b1', 'fortran_order': False, 'shape': ({}, 50), }}\n", clips.len());
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        for clip in &clips {
            bytes.extend(names.map(|name| {
                let place = tags.iter().position(|tag| *tag == name);
                u8::from(place.is_some_and(|place| has(clip, place)))
            }));
        }
        fs::write(dir.join(format!("{name}_y.npy")), bytes).unwrap();
    }
}
