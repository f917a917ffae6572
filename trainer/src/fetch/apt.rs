//! Packages by the system's apt, which knows its mirrors and proxies.

use super::{FetchError, Package};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often the size of a running download is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Whether there is an apt-get that runs.
pub(super) fn is_there() -> bool {
    let mut command = Command::new("apt-get");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Gets the listed version of a package, or the one that apt has, into the empty folder `to`, and returns its path.
///
/// `progress` gets the bytes that are there while it runs.
pub(super) fn download(package: &Package, to: &Path, progress: &dyn Fn(u64)) -> Result<PathBuf, FetchError> {
    let exact = format!("{}={}", package.package, package.version);
    let failed = |reason: String| FetchError::Apt { package: package.package.clone(), reason };
    let mut said = String::new();
    for what in [&exact, &package.package] {
        match apt_get(what, to, progress).map_err(FetchError::file(to))? {
            Ok(()) => {
                let found = std::fs::read_dir(to).map_err(FetchError::file(to))?.filter_map(Result::ok);
                let mut debs = found
                    .map(|entry| entry.path())
                    .filter(|path| path.extension().is_some_and(|e| e == "deb"));
                return debs
                    .next()
                    .ok_or_else(|| failed("it says that it went well and left no package".into()));
            }
            Err(errors) => said = errors,
        }
    }
    Err(failed(said))
}

/// Runs apt-get; the inner error is what it said.
fn apt_get(what: &str, to: &Path, progress: &dyn Fn(u64)) -> std::io::Result<Result<(), String>> {
    // Into files, as nobody reads a pipe while it runs.
    let log = tempfile::NamedTempFile::new_in(to)?;
    let mut child = Command::new("apt-get")
        .args(["--quiet", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download", what])
        .current_dir(to)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log.path())?)
        .spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let files = std::fs::read_dir(to)?.filter_map(Result::ok);
        progress(files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum());
        std::thread::sleep(LOOK);
    };
    if status.success() {
        return Ok(Ok(()));
    }
    let text = std::fs::read_to_string(log.path()).unwrap_or_default();
    let errors: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("E: ")).collect();
    Ok(Err(if errors.is_empty() { format!("{status}") } else { errors.join("; ") }))
}
