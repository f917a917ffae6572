//! The files in a `.deb`: an `ar` archive with a compressed `tar` in it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Calls `visit` with the path (without a leading `./`) and the content of every regular file in the package.
///
/// # Errors
/// What reading the package or `visit` fails with.
pub(super) fn each_file<E: From<io::Error>>(
    deb: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = ar::Archive::new(BufReader::with_capacity(1 << 18, File::open(deb)?));
    while let Some(member) = archive.next_entry() {
        let member = member?;
        let name = String::from_utf8_lossy(member.header().identifier()).trim_end_matches('/').to_owned();
        let Some(compression) = name.strip_prefix("data.tar") else { continue };
        let content: Box<dyn Read + '_> = match compression {
            "" => Box::new(member),
            ".gz" => Box::new(flate2::read::MultiGzDecoder::new(member)),
            ".xz" => Box::new(lzma_rust2::XzReader::new(member, true)),
            ".zst" => Box::new(ruzstd::decoding::StreamingDecoder::new(member).map_err(io::Error::other)?),
            other => return Err(io::Error::other(format!("data.tar{other}: unknown compression")).into()),
        };
        let mut tar = tar::Archive::new(content);
        for entry in tar.entries()? {
            let mut entry = entry?;
            if entry.header().entry_type().is_file() {
                let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                visit(path.trim_start_matches("./"), &mut entry)?;
            }
        }
        return Ok(());
    }
    Err(io::Error::other("no data.tar in it").into())
}
