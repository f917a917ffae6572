//! Tagging of audio files.

use crate::report::{Report, TagLine};
use runtime::decode::decode_file;
use runtime::tagger::Tagger;
use std::path::Path;

/// Decodes and tags one file; `top` is the number of tags in the report.
///
/// Whatever is wrong with the file ends in the report.
pub fn tag_file(tagger: &Tagger, path: &Path, top: usize) -> Report {
    let path_text = path.display().to_string();
    match try_tag(tagger, path, top) {
        Ok((seconds, windows, tags)) => Report::Song { path: path_text, seconds, windows, tags },
        Err(error) => Report::Failed { path: path_text, error },
    }
}

fn try_tag(tagger: &Tagger, path: &Path, top: usize) -> Result<(f64, usize, Vec<TagLine>), String> {
    if path.is_dir() {
        return Err("is a folder; name the files in it".into());
    }
    let audio = decode_file(path).map_err(|error| without_path(&error.to_string(), path))?;
    let song = tagger.tag(audio.pcm()).map_err(|error| error.to_string())?;
    let ranked = song.ranked().into_iter().take(top);
    let tags = ranked.map(|score| TagLine { tag: score.tag.into(), p: score.p }).collect();
    Ok((song.seconds, song.windows, tags))
}

/// The message without the path that it starts with: the report has the path already.
fn without_path(message: &str, path: &Path) -> String {
    let rest = message.strip_prefix(&path.display().to_string()).and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or(message).into()
}
