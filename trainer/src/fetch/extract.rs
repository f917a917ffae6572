//! Unpacking archives that others made: nothing lands outside the folder, and no file is there in part.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::FetchError;
use crate::files::write_atomically_with;

/// Unpacks a zip archive that may lie in several files, cut anywhere. Files that are there in full are left.
///
/// # Errors
/// When the archive is damaged or a file cannot be written.
pub fn extract_zip(parts: &[PathBuf], into: &Path) -> Result<(), FetchError> {
    let first = parts.first().map_or(into, PathBuf::as_path);
    let broken = |reason: String| FetchError::Package { path: first.into(), reason };
    let joined = Joined::open(parts)?;
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(1 << 16, joined))
        .map_err(|error| broken(error.to_string()))?;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(|error| broken(error.to_string()))?;
        let name = entry.name().map_err(|error| broken(error.to_string()))?.into_owned();
        if !entry.is_file() {
            continue;
        }
        let size = entry.size();
        write(&mut entry, size, Path::new(&name), into, first)?;
    }
    Ok(())
}

/// Unpacks a tar archive. Files that are there in full are left.
///
/// # Errors
/// As [`extract_zip`].
pub fn extract_tar(path: &Path, into: &Path) -> Result<(), FetchError> {
    let broken = |error: std::io::Error| FetchError::Package { path: path.into(), reason: error.to_string() };
    let file = File::open(path).map_err(FetchError::file(path))?;
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 16, file));
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if entry.header().entry_type().is_file() {
            let (name, size) = (entry.path().map_err(broken)?.into_owned(), entry.size());
            write(&mut entry, size, &name, into, path)?;
        }
    }
    Ok(())
}

/// Writes an entry beside its place and renames it.
fn write(from: &mut dyn Read, size: u64, name: &Path, into: &Path, archive: &Path) -> Result<(), FetchError> {
    let inside = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        let reason = format!("{}: a path that leads out of the folder", name.display());
        return Err(FetchError::Package { path: archive.into(), reason });
    }
    let to = into.join(name);
    if std::fs::metadata(&to).is_ok_and(|meta| meta.is_file() && meta.len() == size) {
        return Ok(());
    }
    let copied = write_atomically_with(&to, |out| match std::io::copy(from, out)? {
        written if written == size => Ok(()),
        written => Err(std::io::Error::other(format!("{written} of {size} bytes"))),
    });
    copied.map_err(|error| FetchError::Package {
        path: archive.into(),
        reason: format!("{}: {error}", name.display()),
    })
}

/// Files one after the other as one.
struct Joined {
    files: Vec<(File, u64)>,
    at: u64,
    length: u64,
}

impl Joined {
    fn open(paths: &[PathBuf]) -> Result<Self, FetchError> {
        let open = |path: &PathBuf| -> Result<(File, u64), FetchError> {
            let file = File::open(path).map_err(FetchError::file(path))?;
            let length = file.metadata().map_err(FetchError::file(path))?.len();
            Ok((file, length))
        };
        let files = paths.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let length = files.iter().map(|(_, length)| length).sum();
        Ok(Self { files, at: 0, length })
    }
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut start = 0;
        for (file, length) in &mut self.files {
            if self.at < start + *length {
                let within = self.at - start;
                file.seek(SeekFrom::Start(within))?;
                let most = buffer.len().min(usize::try_from(*length - within).unwrap_or(usize::MAX));
                let read = file.read(&mut buffer[..most])?;
                self.at += read as u64;
                return Ok(read);
            }
            start += *length;
        }
        Ok(0)
    }
}

impl Seek for Joined {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or_else(|| std::io::Error::other("a place before the beginning"))?;
        Ok(self.at)
    }
}
