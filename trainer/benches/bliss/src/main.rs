//! Where songs lie for bliss-audio, as a CSV for `trainer eval-recommend --points bliss=FILE.csv`.
//!
//! A row for each file that is named on standard input, one path a line: the path, and the song's features, each times the root of
//! its weight in bliss's own distance, so that the Euclidean distance of two rows is that distance.

use bliss_audio::FeaturesVersion;
use bliss_audio::decoder::{Decoder as _, DefaultDecoder};
use std::io::{BufRead, Write};

fn main() -> std::io::Result<()> {
    let weights = FeaturesVersion::LATEST.feature_weights();
    let count = FeaturesVersion::LATEST.feature_count();
    let mut out = std::io::stdout().lock();
    let names: Vec<String> = (1..=count).map(|number| format!("f{number}")).collect();
    writeln!(out, "path,{}", names.join(","))?;
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        match DefaultDecoder::song_from_path(&path) {
            Ok(song) => {
                let features = song.analysis.as_vec().into_iter().enumerate();
                let values = features.map(|(i, value)| (value * weights[[i, i]].sqrt()).to_string());
                let quoted = path.replace('"', "\"\"");
                writeln!(out, "\"{quoted}\",{}", values.collect::<Vec<_>>().join(","))?;
            }
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
    Ok(())
}
