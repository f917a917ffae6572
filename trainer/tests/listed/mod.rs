//! Manifests for the tests of corpora.

use std::path::{Path, PathBuf};

use trainer::corpus::{Corpus, CorpusError, CorpusOptions, CorpusSpec, Loaded, load};

pub fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Loads a manifest of which a0.mp3 to a199.mp3 exist.
pub fn manifest(name: &str, text: &str) -> Result<Loaded, CorpusError> {
    manifest_with(name, text, &CorpusOptions::default())
}

pub fn manifest_with(name: &str, text: &str, options: &CorpusOptions) -> Result<Loaded, CorpusError> {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), name, text);
    for name in (0..200).map(|n| format!("a{n}.mp3")).filter(|name| text.contains(name.as_str())) {
        write(dir.path(), &name, "sound");
    }
    load(&CorpusSpec::Manifest(file), options)
}

pub fn message(result: Result<Loaded, CorpusError>) -> String {
    result.map(|loaded| loaded.corpus).unwrap_err().to_string()
}

pub fn clip<'a>(corpus: &'a Corpus, id: &str) -> &'a trainer::corpus::Clip {
    corpus.clips.iter().find(|clip| clip.id == id).unwrap_or_else(|| panic!("no clip {id}"))
}
