//! The figures of a report.
use std::path::Path;

use super::siblings::Tags;
use super::{Material, ReportError};
use crate::plot::{self, PlotError, PlotFiles};

/// A figure as the page shows it.
pub(super) struct Shown {
    /// Its name: that of its files.
    pub name: &'static str,
    /// What it shows, for those who do not see it.
    pub said: &'static str,
    /// The text of its SVG; that of a large one stays beside the page, which has the PNG.
    pub svg: Option<String>,
    /// The PNG, where there is no SVG.
    pub png: Option<Vec<u8>>,
}

/// An SVG beyond this size slows a page down.
const LARGEST_SVG: u64 = 600_000;

/// Writes the figures for which there is material.
pub(super) fn write(
    folder: &Path,
    material: &Material<'_>,
    tags: &Tags<'_>,
) -> Result<Vec<Shown>, ReportError> {
    let evaluation = material.evaluation;
    let title = format!("{} on {}", evaluation.model, evaluation.corpus);
    let scores = material.scores;
    let at = |name: &str| folder.join(name);
    let mut shown = Vec::new();
    let mut add = |name: &'static str,
                   said: &'static str,
                   drawn: Result<PlotFiles, PlotError>|
     -> Result<(), ReportError> {
        match drawn {
            Ok(files) => shown.push(load(name, said, &files)?),
            // Not every corpus has what every figure shows.
            Err(PlotError::Empty { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    };
    add("auc", "AUC of every tag with its interval", plot::auc_by_tag(&at("auc"), evaluation))?;
    add("roc", "ROC curves of all tags", plot::roc_curves(&at("roc"), &title, scores))?;
    let precision = plot::precision_curves(&at("precision"), &title, scores);
    add("precision", "Precision against recall of all tags", precision)?;
    if let Some(reliability) = &evaluation.calibration {
        let drawn = plot::calibration(&at("calibration"), &format!("Calibration: {title}"), reliability);
        add("calibration", "What was true of answers of each probability", drawn)?;
    }
    if !material.epochs.is_empty() {
        let drawn = plot::learning_curves(&at("learning"), &title, &material.epochs);
        add("learning", "Loss and merit by epoch of training", drawn)?;
    }
    let people = plot::matrix(
        &at("together-people"),
        "Tags that people give together",
        "of the clips with the row's tag, the share that has the column's",
        &tags.together_for_people(),
    );
    add("together-people", "Tags that people give together", people)?;
    let model = plot::matrix(
        &at("together-model"),
        "Tags that the model gives together",
        "of the clips that it gives the row's tag, the share that it gives the column's",
        &tags.together_for_the_model(),
    );
    add("together-model", "Tags that the model gives together", model)?;
    let confusion = plot::matrix(
        &at("confusion"),
        "Tags that the model takes for others",
        "of the clips with the row's tag and without the column's, the share that is given the column's",
        &tags.confusion(),
    );
    add("confusion", "Tags that the model takes for others", confusion)?;
    if let Some(kernels) = &material.kernels {
        let drawn = plot::kernels(&at("kernels"), &format!("First layer of {}", evaluation.model), kernels);
        add("kernels", "Kernels of the first layer", drawn)?;
    }
    Ok(shown)
}

fn load(name: &'static str, said: &'static str, files: &PlotFiles) -> Result<Shown, ReportError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ReportError::File { path, source }
    };
    let size = std::fs::metadata(&files.svg).map_err(failed(&files.svg))?.len();
    if size <= LARGEST_SVG {
        let svg = std::fs::read_to_string(&files.svg).map_err(failed(&files.svg))?;
        return Ok(Shown { name, said, svg: Some(svg), png: None });
    }
    let png = std::fs::read(&files.png).map_err(failed(&files.png))?;
    Ok(Shown { name, said, svg: None, png: Some(png) })
}
