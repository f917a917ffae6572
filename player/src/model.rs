//! Where the model is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Environment variable that names the model: a folder or an ONNX file.
pub const MODEL_VARIABLE: &str = "MINIM_MODEL";

/// The model that is used where none is named, below the project's folder or beside the program.
pub const DEFAULT_MODEL: &str = "models/k2c1-msd50";

/// Finds the model: `given`, else the environment variable, else [`DEFAULT_MODEL`] below the current folder, a folder
/// above the program, or the folder where the program was compiled.
///
/// # Errors
/// When nothing is named and no default is there: where it was looked for, and how to get one.
pub fn find(given: Option<&Path>) -> Result<PathBuf, NoModel> {
    if let Some(path) = given {
        return Ok(path.into());
    }
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|program| program.ancestors().skip(1));
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    find_from(std::env::var_os(MODEL_VARIABLE), std::iter::once(Path::new("")).chain(above).chain(compiled))
}

fn find_from<'p>(
    variable: Option<OsString>,
    folders: impl Iterator<Item = &'p Path>,
) -> Result<PathBuf, NoModel> {
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let mut candidates = folders.map(|folder| folder.join(DEFAULT_MODEL));
    candidates.find(|candidate| candidate.is_dir()).ok_or(NoModel)
}

/// No model was named, and the default one is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoModel;

impl std::fmt::Display for NoModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "no model: {DEFAULT_MODEL} is neither here nor in a folder above this program. Train one with \
             `cargo run -p trainer`, then name its folder with --model DIR or {MODEL_VARIABLE}=DIR"
        )
    }
}

impl std::error::Error for NoModel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_comes_first() {
        assert_eq!(find(Some(Path::new("there"))), Ok("there".into()));
        assert_eq!(find_from(Some("named".into()), [].into_iter()), Ok("named".into()));
    }

    #[test]
    fn the_first_folder_that_has_the_model_is_taken() {
        let [empty, first, second] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        for folder in [&first, &second] {
            std::fs::create_dir_all(folder.path().join(DEFAULT_MODEL)).unwrap();
        }
        let folders = || [&empty, &first, &second].map(|folder| folder.path()).into_iter();
        assert_eq!(find_from(None, folders()), Ok(first.path().join(DEFAULT_MODEL)));
        assert_eq!(find_from(Some("".into()), folders()), Ok(first.path().join(DEFAULT_MODEL)));
        assert_eq!(find_from(None, folders().take(1)), Err(NoModel));
        assert!(NoModel.to_string().contains("cargo run -p trainer"));
    }
}
