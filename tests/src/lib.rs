//! Tests of what crosses crates: that the trainer's network, the exported files and the runtime say the same.
//!
//! The package's program `run_tract` lets a script in another language feed the runtime with the very numbers that it
//! feeds another engine with, and `export_all` writes the models to do it with (see `tests/parity`).

pub mod untrained;

use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
