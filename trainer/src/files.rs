//! Files that are whole or not there, and their addresses from a page.

use std::fs::File;
use std::io::Write;
use std::path::{Component, Path};

use crate::text::percent_encoded;

/// Writes `bytes` into a temporary file in the same folder, flushes it to the disk and renames it to `path`.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// The same for what is better not held in memory: `write` puts it into the temporary file, through a buffer.
///
/// # Errors
/// Those of `write`, and when the folder cannot be made or written; `path` is then as it was.
pub fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // Temporary files are private to their owner; what is published is as readable as the user's umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    let mut buffered = std::io::BufWriter::with_capacity(1 << 16, file.as_file_mut());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Opens a journal, a file of lines that are added as things happen, and gives what is in it: nothing where it is new. Where the
/// last run ended within a line, that line is ended.
///
/// # Errors
/// When it cannot be read or written.
pub fn open_journal(path: &Path) -> std::io::Result<(Vec<u8>, File)> {
    let known = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let mut file = File::options().create(true).append(true).open(path)?;
    if known.last().is_some_and(|&byte| byte != b'\n') {
        file.write_all(b"\n")?;
    }
    Ok((known, file))
}

/// Makes a folder, and finds out whether it can be written to before long work is done for it.
///
/// # Errors
/// When it cannot be made or written to.
pub fn make_writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

/// An address of a file from a page in `from`; both are whole paths.
pub fn relative_url(from: &Path, to: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); from.len() - shared];
    parts.extend(to[shared..].iter().map(|part| percent_encoded(part.as_os_str().as_encoded_bytes())));
    parts.join("/")
}

#[cfg(test)]
mod tests {
    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        super::write_atomically(&path, b"one").unwrap();
        super::write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn addresses_lead_from_the_page_to_the_clip() {
        let url = |from: &str, to: &str| super::relative_url(from.as_ref(), to.as_ref());
        assert_eq!(url("/a/map", "/a/music/b c/100%.mp3"), "../music/b%20c/100%25.mp3");
        assert_eq!(url("/a", "/a/x#1.mp3"), "x%231.mp3");
    }
}
