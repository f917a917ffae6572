//! Files that are whole or not there, and programs that are alone.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `bytes` into a temporary file in the same folder, flushes it to the disk and renames it to `path`.
///
/// # Errors
/// When the folder cannot be made or written; `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".minim-");
    // Temporary files are private to their owner; what is published is as readable as the user's umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Held by the only program of its kind; given back when it ends, whatever ends it.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "it is locked as long as it is open")] File);

impl Alone {
    /// Locks `path` with `.what` appended; nothing where another program has it.
    ///
    /// # Errors
    /// When the file cannot be made, or not be locked at all.
    pub fn new(path: &Path, what: &str) -> std::io::Result<Option<Self>> {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(what);
        let path = PathBuf::from(name);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn only_one_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library.db");
        let first = Alone::new(&path, "scan").unwrap();
        assert!(first.is_some() && Alone::new(&path, "scan").unwrap().is_none());
        assert!(Alone::new(&path, "write").unwrap().is_some());
        drop(first);
        assert!(Alone::new(&path, "scan").unwrap().is_some());
    }
}
