//! `report.html`: one evaluation as a page that needs nothing else, and its figures beside it.
//!
//! The verdict comes first, then the tags one by one, then what explains them. The page holds its figures, its data and its
//! script; only the clips that it plays are links. `docs/report.md` says what each part shows.
mod data;
mod examples;
mod figures;
mod html;
mod page;
mod siblings;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::eval::{Evaluation, Scores};
use crate::files::write_atomically;
use crate::plot::{EpochPoint, Kernels, PlotError};
pub use examples::{Example, TagExamples};
pub use siblings::Siblings;

/// Its name in its folder.
pub const FILE_NAME: &str = "report.html";

/// Names of the figures that may lie beside it, each as `.svg` and `.png`.
pub const FIGURES: [&str; 9] = [
    "auc",
    "roc",
    "precision",
    "calibration",
    "learning",
    "together-people",
    "together-model",
    "confusion",
    "kernels",
];

/// What a report is made of.
pub struct Material<'a> {
    /// The figures.
    pub evaluation: &'a Evaluation,
    /// What they were taken of; a row for each of `clips`.
    pub scores: &'a Scores,
    /// The clips scored.
    pub clips: Vec<ClipLink<'a>>,
    /// How training went, by epoch; empty where that is not known.
    pub epochs: Vec<EpochPoint>,
    /// The first layer, where there is one to show.
    pub kernels: Option<Kernels>,
    /// What is known of the model, as names and values.
    pub facts: Vec<(String, String)>,
    /// The paper's figures, where they compare: lines of text.
    pub paper: Option<String>,
}

/// What a clip is called, and where it lies.
#[derive(Clone, Copy, Debug)]
pub struct ClipLink<'a> {
    /// As its corpus calls it.
    pub id: &'a str,
    /// Artist or album.
    pub group: Option<&'a str>,
    /// Its file; nothing where it is synthetic.
    pub path: Option<&'a Path>,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A figure could not be drawn or written.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A file could not be written or read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The clips are not those of the scores.
    #[error("a report of {clips} clips needs as many rows of scores, and there are {rows}")]
    Clips {
        /// Clips given.
        clips: usize,
        /// Rows of the scores.
        rows: usize,
    },
}

/// Writes `report.html` and its figures, as SVG and PNG, into a folder, which is made; returns the page's path. Each file is
/// there whole or not at all.
///
/// # Errors
/// When something cannot be written.
pub fn write(folder: &Path, material: &Material<'_>) -> Result<PathBuf, ReportError> {
    let rows = material.scores.clips();
    if material.clips.len() != rows {
        return Err(ReportError::Clips { clips: material.clips.len(), rows });
    }
    let file = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ReportError::File { path, source }
    };
    std::fs::create_dir_all(folder).map_err(file(folder))?;
    let folder = &folder.canonicalize().map_err(file(folder))?;
    let thresholds = thresholds(material);
    let tags = siblings::Tags::new(material.scores, &thresholds);
    let siblings = tags.siblings(data::SIBLINGS);
    let figures = figures::write(folder, material, &tags)?;
    // Those of an older report are not this one's; in any other folder nothing is removed.
    let old = folder.join(FILE_NAME).exists();
    for name in FIGURES.iter().filter(|name| old && figures.iter().all(|figure| figure.name != **name)) {
        for ending in ["svg", "png"] {
            let path = folder.join(format!("{name}.{ending}"));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(file(&path)(error)),
                _ => {}
            }
        }
    }
    let data = data::of(folder, material, &thresholds);
    let page = page::page(material, &figures, &siblings, &data);
    let path = folder.join(FILE_NAME);
    write_atomically(&path, page.as_bytes()).map_err(file(&path))?;
    Ok(path)
}

/// By tag of the scores: the evaluation's, or a half for tags that it has left out.
fn thresholds(material: &Material<'_>) -> Vec<f64> {
    let of = |tag: &String| material.evaluation.tags.iter().find(|report| report.tag == *tag);
    material.scores.tags().iter().map(|tag| of(tag).map_or(0.5, |report| report.threshold)).collect()
}
