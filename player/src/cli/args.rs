//! What several commands ask for.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use player::library::{Library, Model, place};
use player::model;
use runtime::tagger::{EngineChoice, Tagger, TaggerOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The model.
#[derive(Args, Clone)]
pub struct ModelArgs {
    /// Model: a folder with model.int8.onnx or model.onnx and card.json, or an ONNX file with its card inside or beside it
    ///
    /// A folder's packed model.bin is used where it is there. Without it, the environment variable MINIM_MODEL names the
    /// model, else it is models/k2c1-msd50 below the current folder or a folder above this program.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// What runs the network: the integer engine on model.bin, or tract on the ONNX file; the faster one that there is
    #[arg(long, value_enum, default_value = "auto")]
    engine: Engine,
}

/// What runs the network.
#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Auto,
    Int8,
    Tract,
}

impl From<Engine> for EngineChoice {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => Self::Auto,
            Engine::Int8 => Self::Int8,
            Engine::Tract => Self::Tract,
        }
    }
}

impl ModelArgs {
    /// Finds the model and loads it.
    pub fn load(&self) -> Result<Tagger> {
        let path = model::find(self.model.as_deref())?;
        let options = TaggerOptions { engine: self.engine.into(), ..Default::default() };
        Tagger::load_with(&path, &options).context("cannot load the model")
    }
}

/// The library.
#[derive(Args, Clone)]
pub struct DbArgs {
    /// The library's file; without it minim/library.db in $XDG_DATA_HOME or ~/.local/share
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

impl DbArgs {
    /// Where it is.
    pub fn path(&self) -> Result<PathBuf> {
        match &self.db {
            Some(path) => Ok(path.clone()),
            None => Ok(place::default_place()?),
        }
    }

    /// The library, which must be there.
    pub fn existing(&self) -> Result<Library> {
        Ok(Library::existing(&self.path()?)?)
    }
}

/// The library's model: the one that is named, else the one that heard most of the songs.
pub fn library_model(library: &Library, args: &ModelArgs) -> Result<Model> {
    if args.model.is_some() {
        return Ok(library.model(&args.load()?)?);
    }
    Ok(library.main_model()?)
}

/// Set at the first Ctrl-C; the second ends the program.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// Paths as the library has them: absolute, and without links. What is not there stays as it was named.
pub fn absolute(paths: &[PathBuf]) -> Vec<PathBuf> {
    let absolute = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    paths.iter().map(absolute).collect()
}

/// A path as people read it.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
