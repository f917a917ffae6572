//! The archives in which corpora are published: where they are, their sums, and how they are unpacked.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use indicatif::ProgressBar;

use super::FetchError;
use super::extract::{extract_tar, extract_zip};
use super::provider::WebFolder;
use super::transfer::{Sum, Summary, TransferOptions, Wanted, fetch_files};

/// A published corpus to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// MagnaTagATune: 2.9 GB.
    Mtat,
    /// MTG-Jamendo: 156 GB as small mono files, 508 GB in full, in a hundred parts each.
    Jamendo {
        /// The large files.
        full: bool,
        /// Parts of the audio, 0 to 99; all where it is empty.
        parts: Vec<u8>,
    },
    /// FMA.
    Fma {
        /// `small` (7.2 GB), `medium` (22 GB), `large` (93 GB) or `full` (879 GB).
        subset: String,
    },
}

/// Where to fetch from, in the place of the publishers' servers; for mirrors and for tests.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Of lists and labels.
    pub labels: Option<String>,
    /// Of audio.
    pub audio: Option<String>,
}

/// How an archive is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Zip,
    Tar,
}

/// One archive, in one or more files to be put together, and the folder it is unpacked into.
struct Archive {
    name: String,
    files: Vec<Wanted>,
    packing: Packing,
    into: &'static str,
}

const MTAT: &str = "https://mirg.city.ac.uk/datasets/magnatagatune";
const JAMENDO_LABELS: &str = "https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/master";
const JAMENDO_AUDIO: &str = "https://cdn.freesound.org/mtg-jamendo/raw_30s";
const FMA: &str = "https://os.unil.cloud.switch.ch/fma";

/// SHA-1 of FMA's archives, as its README states them.
const FMA_SUMS: [(&str, &str); 5] = [
    ("metadata", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733"),
    ("small", "ade154f733639d52e35e32f5593efe5be76c6d70"),
    ("medium", "c67b69ea232021025fca9231fc1c7c1a063ab50b"),
    ("large", "497109f4dd721066b5ce5e5f250ec604dc78939e"),
    ("full", "0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab"),
];

/// Archives that were unpacked, a name on each line: they are not fetched again when they are deleted.
const UNPACKED: &str = "unpacked.txt";

fn plain(id: &str) -> Wanted {
    Wanted { id: id.into(), to: id.into(), sum: None }
}

/// What there is to fetch.
struct Plan {
    label_root: &'static str,
    audio_root: &'static str,
    labels: Vec<Wanted>,
    label_archives: Vec<Archive>,
}

impl Publication {
    fn plan(&self) -> Plan {
        match self {
            Self::Mtat => Plan {
                label_root: MTAT,
                audio_root: MTAT,
                labels: vec![plain("annotations_final.csv"), plain("clip_info_final.csv")],
                label_archives: Vec::new(),
            },
            Self::Jamendo { .. } => {
                let mut labels = vec![plain(&self.jamendo_sums())];
                for split in 0..5 {
                    for subset in ["", "_top50tags", "_genre", "_instrument", "_moodtheme"] {
                        for part in ["train", "validation", "test"] {
                            labels.push(plain(&format!(
                                "data/splits/split-{split}/autotagging{subset}-{part}.tsv"
                            )));
                        }
                    }
                }
                Plan {
                    label_root: JAMENDO_LABELS,
                    audio_root: JAMENDO_AUDIO,
                    labels,
                    label_archives: Vec::new(),
                }
            }
            Self::Fma { .. } => Plan {
                label_root: FMA,
                audio_root: FMA,
                labels: Vec::new(),
                label_archives: vec![fma_archive("metadata")],
            },
        }
    }

    fn jamendo_kind(&self) -> &'static str {
        if matches!(self, Self::Jamendo { full: true, .. }) { "audio" } else { "audio-low" }
    }

    /// Its repository's list of the archives' sums.
    fn jamendo_sums(&self) -> String {
        format!("data/download/raw_30s_{}_sha256_tars.txt", self.jamendo_kind())
    }

    /// The archives of the audio; `dir` has the lists.
    fn audio(&self, dir: &Path) -> Result<Vec<Archive>, FetchError> {
        match self {
            Self::Mtat => Ok(vec![Archive {
                name: "mp3.zip".into(),
                files: (1..=3).map(|part| plain(&format!("mp3.zip.{part:03}"))).collect(),
                packing: Packing::Zip,
                into: "mp3",
            }]),
            Self::Fma { subset } => Ok(vec![fma_archive(subset)]),
            Self::Jamendo { parts, .. } => {
                let (kind, path) = (self.jamendo_kind(), dir.join(self.jamendo_sums()));
                let text = std::fs::read_to_string(&path).map_err(FetchError::file(&path))?;
                let archives = text.lines().filter_map(|line| {
                    let (sum, name) = line.trim().split_once(' ')?;
                    let name = name.trim();
                    let number: u8 = name.strip_suffix(".tar")?.rsplit_once('-')?.1.parse().ok()?;
                    (parts.is_empty() || parts.contains(&number)).then(|| Archive {
                        name: name.into(),
                        files: vec![Wanted {
                            id: format!("{kind}/{name}"),
                            to: name.into(),
                            sum: Some(Sum::Sha256(sum.into())),
                        }],
                        packing: Packing::Tar,
                        into: "audio",
                    })
                });
                Ok(archives.collect())
            }
        }
    }
}

fn fma_archive(name: &str) -> Archive {
    let file = format!("fma_{name}.zip");
    let sum = FMA_SUMS.iter().find(|(known, _)| *known == name).map(|(_, sum)| Sum::Sha1((*sum).into()));
    Archive {
        name: file.clone(),
        files: vec![Wanted { sum, ..plain(&file) }],
        packing: Packing::Zip,
        into: "",
    }
}

/// Choices about fetching a publication.
#[derive(Clone, Debug, Default)]
pub struct PublicationOptions {
    /// Labels and lists alone.
    pub labels_only: bool,
    /// Archives stay when they are unpacked.
    pub keep_archives: bool,
    /// Other servers than the publishers'.
    pub roots: Roots,
    /// How files are fetched.
    pub transfer: TransferOptions,
}

/// Fetches a corpus into `dir` and unpacks it. What is there is not fetched or unpacked again.
///
/// # Errors
/// When the folder cannot be written or an archive cannot be unpacked. Files that did not come are in the summary; their
/// archives are not unpacked.
pub fn fetch_publication(
    publication: &Publication,
    dir: &Path,
    options: &PublicationOptions,
    stop: &AtomicBool,
    bar: &ProgressBar,
) -> Result<Summary, FetchError> {
    std::fs::create_dir_all(dir).map_err(FetchError::file(dir))?;
    let plan = publication.plan();
    let labels = WebFolder::new(options.roots.labels.as_deref().unwrap_or(plan.label_root));
    let mut total = fetch_files(&plan.labels, dir, &labels, options.transfer, stop, bar)?;
    let lists_came =
        |summary: &Summary| summary.failed.is_empty() && summary.left == 0 && summary.stopped.is_none();
    fetch_archives(&plan.label_archives, dir, &labels, options, stop, bar, &mut total)?;
    if options.labels_only || !lists_came(&total) {
        return Ok(total);
    }
    let audio = WebFolder::new(options.roots.audio.as_deref().unwrap_or(plan.audio_root));
    fetch_archives(&publication.audio(dir)?, dir, &audio, options, stop, bar, &mut total)?;
    Ok(total)
}

/// One after the other, so that no more than one archive lies beside what came out of it.
fn fetch_archives(
    archives: &[Archive],
    dir: &Path,
    from: &WebFolder,
    options: &PublicationOptions,
    stop: &AtomicBool,
    bar: &ProgressBar,
    total: &mut Summary,
) -> Result<(), FetchError> {
    let list = dir.join(UNPACKED);
    let unpacked = std::fs::read_to_string(&list).unwrap_or_default();
    let unpacked: HashSet<&str> = unpacked.lines().collect();
    for archive in archives {
        if unpacked.contains(archive.name.as_str()) {
            total.present += archive.files.len();
            continue;
        }
        let came = fetch_files(&archive.files, dir, from, options.transfer, stop, bar)?;
        let whole = came.fetched + came.present == archive.files.len();
        let ended = came.stopped.is_some();
        total.fetched += came.fetched;
        total.present += came.present;
        total.left += came.left;
        total.bytes += came.bytes;
        total.failed.extend(came.failed);
        total.stopped = total.stopped.take().or(came.stopped);
        if whole {
            bar.set_message(format!("unpacking {}", archive.name));
            let paths: Vec<PathBuf> = archive.files.iter().map(|file| dir.join(&file.to)).collect();
            let into = dir.join(archive.into);
            match archive.packing {
                Packing::Zip => extract_zip(&paths, &into)?,
                Packing::Tar => extract_tar(&paths[0], &into)?,
            }
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&list)
                .map_err(FetchError::file(&list))?;
            writeln!(file, "{}", archive.name).map_err(FetchError::file(&list))?;
            if !options.keep_archives {
                paths
                    .iter()
                    .try_for_each(|path| std::fs::remove_file(path).map_err(FetchError::file(path)))?;
            }
        } else if ended {
            break;
        }
    }
    Ok(())
}
