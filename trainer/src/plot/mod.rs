//! Plots of a training and of its evaluation, each as SVG and PNG.
//!
//! A plot is a list of marks (`figure`) made without knowing the format; `render` draws the list on any
//! plotters backend and writes both files whole or not at all.
mod attention;
mod auc;
mod axes;
mod calibration;
mod compare;
mod curves;
mod figure;
mod font;
mod kernels;
mod learning;
mod map;
mod matrix;
mod parallel;
mod precision;
mod raster;
mod render;
mod roc;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::compare::Comparison;
use crate::eval::{Evaluation, Reliability, Scores};
pub use attention::AttentionStep;
pub use kernels::Kernels;
pub use learning::EpochPoint;
pub use map::{MapColours, MapDot};
pub use matrix::Matrix;
pub use parallel::{ParallelAxis, ParallelLine, Places};

/// Why a plot was not written.
#[derive(Debug, Error)]
pub enum PlotError {
    #[error("nothing to plot in {}: {reason}", .path.display())]
    Empty { path: PathBuf, reason: &'static str },
    #[error("cannot draw {}: {reason}", .path.display())]
    Draw { path: PathBuf, reason: String },
    #[error("cannot write {}: {source}", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// The files of one plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotFiles {
    pub svg: PathBuf,
    pub png: PathBuf,
}

/// Training loss, validation loss and validation AUC by epoch, to `stem.svg` and `stem.png`. Values that are not
/// finite leave a gap.
///
/// # Errors
/// No finite value in `epochs`, or the files cannot be written.
pub fn learning_curves(stem: &Path, title: &str, epochs: &[EpochPoint]) -> Result<PlotFiles, PlotError> {
    written(stem, learning::figure(title, epochs))
}

/// ROC curves, one per tag that has one, and their mean, to `stem.svg` and `stem.png`. With at most 20 tags each has
/// its own line and a place in the legend.
///
/// # Errors
/// No tag has both a positive and a negative clip, or the files cannot be written.
pub fn roc_curves(stem: &Path, title: &str, scores: &Scores) -> Result<PlotFiles, PlotError> {
    written(stem, roc::figure(title, scores))
}

/// Precision against recall, one curve per tag that has one, and their mean, to `stem.svg` and `stem.png`.
///
/// # Errors
/// No tag has both a positive and a negative clip, or the files cannot be written.
pub fn precision_curves(stem: &Path, title: &str, scores: &Scores) -> Result<PlotFiles, PlotError> {
    written(stem, precision::figure(title, scores))
}

/// What was true of the answers of each probability, to `stem.svg` and `stem.png`.
///
/// # Errors
/// There is no answer, or the files cannot be written.
pub fn calibration(stem: &Path, title: &str, reliability: &Reliability) -> Result<PlotFiles, PlotError> {
    written(stem, calibration::figure(title, reliability))
}

/// Tags against tags, to `stem.svg` and `stem.png`; `said` stands below the title. Of more than 60 the first 60 are shown.
///
/// # Errors
/// There are fewer than two tags, or the files cannot be written.
pub fn matrix(stem: &Path, title: &str, said: &str, matrix: &Matrix) -> Result<PlotFiles, PlotError> {
    written(stem, matrix::figure(title, said, matrix))
}

/// The kernels of a first layer, to `stem.svg` and `stem.png`: the strongest 72, by the height of what they listen to.
///
/// # Errors
/// There is no kernel, or the files cannot be written.
pub fn kernels(stem: &Path, title: &str, kernels: &Kernels) -> Result<PlotFiles, PlotError> {
    written(stem, kernels::figure(title, kernels))
}

/// AUC by tag with its 95 % interval, best first, with the mean over tags, to `stem.svg` and `stem.png`. Beyond 200
/// tags the best and the worst hundred are shown.
///
/// # Errors
/// The evaluation has no tag, or the files cannot be written.
pub fn auc_by_tag(stem: &Path, evaluation: &Evaluation) -> Result<PlotFiles, PlotError> {
    written(stem, auc::figure(evaluation))
}

/// The paper's figure 2 of a comparison, AUC against parameters and against training time, to `stem.svg` and `stem.png`:
/// with the paper's own points where the corpus is the paper's, else above them.
///
/// # Errors
/// No run has a result, or the files cannot be written.
pub fn comparison(stem: &Path, comparison: &Comparison) -> Result<PlotFiles, PlotError> {
    written(stem, compare::figure(comparison))
}

/// Settings of trials and what came of them as parallel coordinates, to `stem.svg` and `stem.png`.
///
/// # Errors
/// No trial has a result, or the files cannot be written.
pub fn parallel_coordinates(
    stem: &Path,
    title: &str,
    axes: &[ParallelAxis],
    lines: &[ParallelLine],
) -> Result<PlotFiles, PlotError> {
    written(stem, parallel::figure(title, axes, lines))
}

/// Weights of attention along a song, to `stem.svg` and `stem.png`; `said` stands below the title.
///
/// # Errors
/// There is no step to draw, or the files cannot be written.
pub fn attention(
    stem: &Path,
    title: &str,
    said: &str,
    steps: &[AttentionStep],
) -> Result<PlotFiles, PlotError> {
    written(stem, attention::figure(title, said, steps))
}

/// Songs on a plane, to `stem.svg` and `stem.png`; `said` stands below the title.
///
/// # Errors
/// There is no song, or the files cannot be written.
pub fn map(
    stem: &Path,
    title: &str,
    said: &str,
    dots: &[MapDot],
    colours: &MapColours,
) -> Result<PlotFiles, PlotError> {
    written(stem, map::figure(title, said, dots, colours))
}

fn written(stem: &Path, figure: Result<figure::Figure, &'static str>) -> Result<PlotFiles, PlotError> {
    let figure = figure.map_err(|reason| PlotError::Empty { path: stem.to_path_buf(), reason })?;
    render::write(&figure, stem)
}
