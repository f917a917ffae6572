//! Finding the audio files of a folder.

use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings of files that can be decoded.
pub const EXTENSIONS: [&str; 12] =
    ["mp3", "flac", "ogg", "oga", "opus", "m4a", "m4b", "mp4", "wav", "aif", "aiff", "aifc"];

/// Whether the name says that this is an audio file. Hidden files are none: programs keep what is not finished there.
pub fn is_audio(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let known = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)));
    known && !hidden
}

/// The audio files in a folder and in the folders below, or the file itself; in order of their names. What cannot be
/// read comes as an error with its path. Links are followed, but not in circles; hidden folders are passed over.
pub fn audio_files(root: &Path) -> impl Iterator<Item = Result<PathBuf, (PathBuf, String)>> {
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let is_file = root.is_file();
    WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible).filter_map(
        move |entry| match entry {
            Ok(entry) if entry.file_type().is_file() && (is_file || is_audio(entry.path())) => {
                Some(Ok(entry.into_path()))
            }
            Ok(_) => None,
            // A link that leads back to a folder above it: its files are found there.
            Err(error) if error.loop_ancestor().is_some() => None,
            // A link to nothing is nothing to hear, unless it is named as music.
            Err(error) if is_dangling(&error) => None,
            Err(error) => {
                let path = error.path().unwrap_or(Path::new("")).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                Some(Err((path, reason)))
            }
        },
    )
}

/// Whether the error is of a link below the folder that leads nowhere and is not named as audio.
fn is_dangling(error: &walkdir::Error) -> bool {
    let missing = error.io_error().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound);
    error.depth() > 0 && missing && error.path().is_some_and(|path| !is_audio(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_found_in_order_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in
            ["b/2.MP3", "b/1.flac", "a.opus", "cover.jpg", ".hidden.mp3", ".trash/x.mp3", "c.m4a/in.wav"]
        {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        #[cfg(unix)]
        for (to, link) in [(folder.path(), "b/circle"), (&at("nowhere"), "b/font.ttf")] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        let found: Vec<_> = audio_files(folder.path()).map(Result::unwrap).collect();
        assert_eq!(found, ["a.opus", "b/1.flac", "b/2.MP3", "c.m4a/in.wav"].map(at));
        assert_eq!(audio_files(&at("cover.jpg")).count(), 1);
        assert!(audio_files(&at("nowhere")).next().unwrap().is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("nowhere"), at("b/lost.mp3")).unwrap();
            let lost: Vec<_> = audio_files(folder.path()).filter_map(Result::err).collect();
            assert_eq!(lost[0].0, at("b/lost.mp3"));
            assert_eq!(lost.len(), 1);
        }
    }
}
