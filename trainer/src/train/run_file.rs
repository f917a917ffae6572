//! `run.toml`: everything that a run was asked to do, from which it can be done again.

use super::config::TrainConfig;
use crate::corpus::CorpusSpec;
use crate::net::{Budget, Model, PAPER_POOLS};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The corpus, the network and the recipe of a run. What a file leaves out has the value of [`RunFile::default`], the
/// main job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunFile {
    /// As on the command line; relative paths start where the program is started.
    pub corpus: CorpusSpec,
    /// Network.
    pub model: Model,
    /// Size of the network.
    pub budget: Budget,
    /// Max-pooling over time after k2c1's first convolutions.
    pub pools: Vec<usize>,
    /// Tags with fewer positive clips are left out.
    pub min_positives: usize,
    /// Only the most frequent tags, this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tags: Option<usize>,
    /// No test split is drawn where the corpus gives none: all of it trains and validates.
    pub no_test: bool,
    /// Licence of the weights, for the card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How it is trained.
    pub recipe: TrainConfig,
}

impl Default for RunFile {
    fn default() -> Self {
        Self {
            corpus: CorpusSpec::default(),
            model: Model::K2c1,
            budget: Budget::M0_1,
            pools: PAPER_POOLS.to_vec(),
            min_positives: 1,
            max_tags: None,
            no_test: false,
            licence: None,
            recipe: TrainConfig::default(),
        }
    }
}

/// Why a run's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key or a value that there is not.
    #[error("{}: {}", path.display(), source.to_string().trim_end())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: toml::de::Error,
    },
    /// It cannot be written as TOML.
    #[error("as TOML: {0}")]
    Write(#[from] toml::ser::Error),
}

impl RunFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or has a key or a value that there is not.
    pub fn read(path: &Path) -> Result<Self, RunFileError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RunFileError::Io { path: path.into(), source })?;
        toml::from_str(&text).map_err(|source| RunFileError::Toml { path: path.into(), source })
    }

    /// The file's text; every key is in it.
    ///
    /// # Errors
    /// When a number does not fit TOML, which [`TrainConfig::validate`] refuses too.
    pub fn to_toml(&self) -> Result<String, RunFileError> {
        let about = "# All that this run was asked to do. Again, with the same result on a CPU:\n\
                     # trainer train --config run.toml --out DIR\n\n";
        Ok(about.to_string() + &toml::to_string(self)?)
    }
}
