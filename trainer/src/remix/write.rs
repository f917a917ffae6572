//! The folder of a remix: audio, a journal of what is done, the manifest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use flacenc::component::BitRepr;
use flacenc::error::Verify;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RemixError;
use crate::files::write_atomically;

/// A line of the journal: a piece whose file is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Number of the piece.
    pub index: u64,
    /// train, validation or test.
    pub split: String,
    /// Group of its main part.
    pub artist: String,
    /// What it was cut from.
    pub source: String,
    /// What was done.
    pub recipe: String,
    /// Decibel of full scale by RMS.
    pub level: f32,
}

/// A folder that pieces are written into.
pub(super) struct Folder {
    root: PathBuf,
}

const SETTINGS: &str = "remix.json";
const JOURNAL: &str = "pieces.jsonl";

impl Folder {
    /// Makes the folder, or goes on in it where its settings are the same.
    pub fn open(root: &Path, settings: &Map<String, Value>) -> Result<Self, RemixError> {
        let folder = Self { root: root.into() };
        std::fs::create_dir_all(folder.root.join("audio"))
            .map_err(|source| folder.failed("audio", source))?;
        match std::fs::read(folder.root.join(SETTINGS)) {
            Ok(bytes) => {
                let old: Map<String, Value> =
                    serde_json::from_slice(&bytes).map_err(|error| folder.failed(SETTINGS, error.into()))?;
                let differs = |key: &&String| old.get(*key) != settings.get(*key);
                let keys: Vec<String> = settings.keys().filter(differs).cloned().collect();
                if !keys.is_empty() {
                    return Err(RemixError::OtherSettings { folder: root.into(), settings: keys.join(", ") });
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if folder.root.join(JOURNAL).exists() {
                    return Err(folder.failed(SETTINGS, error));
                }
                let text = serde_json::to_vec_pretty(settings)
                    .map_err(|error| folder.failed(SETTINGS, error.into()))?;
                write_atomically(&folder.root.join(SETTINGS), &text)
                    .map_err(|source| folder.failed(SETTINGS, source))?;
            }
            Err(error) => return Err(folder.failed(SETTINGS, error)),
        }
        Ok(folder)
    }

    fn failed(&self, name: &str, source: std::io::Error) -> RemixError {
        RemixError::Folder { path: self.root.join(name), source }
    }

    /// Path of a piece below the folder.
    fn audio(index: u64) -> String {
        format!("audio/{index:06}.flac")
    }

    /// The pieces that are there, by their number.
    pub fn done(&self) -> Result<BTreeMap<u64, Entry>, RemixError> {
        let text = match std::fs::read_to_string(self.root.join(JOURNAL)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.failed(JOURNAL, error)),
        };
        // A last line that was not finished is no entry; its piece is made again.
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let there = entries.filter(|entry| self.root.join(Self::audio(entry.index)).is_file());
        Ok(there.map(|entry| (entry.index, entry)).collect())
    }

    /// The journal, to add to.
    pub fn journal(&self) -> Result<File, RemixError> {
        let path = self.root.join(JOURNAL);
        let file = File::options().create(true).append(true).open(path);
        let mut file = file.map_err(|source| self.failed(JOURNAL, source))?;
        // Ends a line that an interrupted run did not.
        file.write_all(b"\n").map_err(|source| self.failed(JOURNAL, source))?;
        Ok(file)
    }

    /// Writes the file of a piece.
    pub fn write(&self, index: u64, rate: u32, samples: &[f32]) -> Result<(), RemixError> {
        let name = Self::audio(index);
        let bytes =
            flac(rate, samples).map_err(|reason| self.failed(&name, std::io::Error::other(reason)))?;
        write_atomically(&self.root.join(&name), &bytes).map_err(|source| self.failed(&name, source))
    }

    /// Adds a piece to the journal, once its file is there.
    pub fn enter(&self, journal: &mut File, entry: &Entry) -> Result<(), RemixError> {
        let mut line = serde_json::to_vec(entry).map_err(|error| self.failed(JOURNAL, error.into()))?;
        line.push(b'\n');
        journal.write_all(&line).map_err(|source| self.failed(JOURNAL, source))
    }

    /// Writes `manifest.csv` and gives its path.
    pub fn manifest<'a>(
        &self,
        seconds: f32,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<PathBuf, RemixError> {
        let failed = |error: csv::Error| self.failed("manifest.csv", error.into());
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["path", "split", "artist", "seconds", "source", "recipe"]).map_err(failed)?;
        let seconds = seconds.to_string();
        for Entry { index, split, artist, source, recipe, .. } in entries {
            csv.write_record([&Self::audio(*index), split, artist, &seconds, source, recipe])
                .map_err(failed)?;
        }
        let bytes = csv.into_inner().map_err(|error| self.failed("manifest.csv", error.into_error()))?;
        let path = self.root.join("manifest.csv");
        write_atomically(&path, &bytes).map_err(|source| self.failed("manifest.csv", source))?;
        Ok(path)
    }
}

/// Mono samples as FLAC of 16 bits.
fn flac(rate: u32, samples: &[f32]) -> Result<Vec<u8>, String> {
    let mut config = flacenc::config::Encoder::default();
    // Pieces are encoded on all threads at once; linear prediction saves 4 % more at half the speed.
    config.multithread = false;
    config.subframe_coding.use_lpc = false;
    let config = config.into_verified().map_err(|(_, error)| error.to_string())?;
    let coded: Vec<i32> =
        samples.iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i32).collect();
    let source = flacenc::source::MemSource::from_samples(&coded, 1, 16, rate as usize);
    let mut stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size)
        .map_err(|error| error.to_string())?;
    // RFC 9639, 8.2: the last block does not count. The encoder counts it, which makes a stream of fixed blocks look like
    // one of variable blocks, and symphonia then finds no frame in it.
    stream
        .stream_info_mut()
        .set_block_sizes(config.block_size, config.block_size)
        .map_err(|error| error.to_string())?;
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).map_err(|error| error.to_string())?;
    Ok(sink.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_its_length() {
        let folder = tempfile::tempdir().unwrap();
        for length in [4096, 5000, 12_288, 100_001] {
            let samples: Vec<f32> = (0..length).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
            let path = folder.path().join(format!("{length}.flac"));
            std::fs::write(&path, flac(16_000, &samples).unwrap()).unwrap();
            let read = runtime::decode::decode_file(&path).unwrap();
            assert_eq!((read.sample_rate, read.samples.len(), read.skipped_packets), (16_000, length, 0));
            let furthest = read.samples.iter().zip(&samples).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(furthest < 1e-4, "{furthest}");
        }
    }
}
