//! Packages from a mirror by HTTP: resumed, tried again, never waited for without end.

use super::folder::sum_of;
use super::{FetchError, Package};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

/// Attempts in a row that brought nothing before a download is given up.
pub(super) const ATTEMPTS: u32 = 5;
/// A connection that is not made, or brings nothing, in this time is given up and made anew.
const SILENCE: Duration = Duration::from_secs(30);

/// Downloads from one mirror.
pub(super) struct Mirror {
    agent: ureq::Agent,
    /// Without a slash at its end.
    root: String,
    /// Wait before the second attempt; doubled for each further one.
    backoff: Duration,
}

/// Why one attempt ended early.
enum Stop {
    /// It may go better next time.
    Again(String),
    /// It will not.
    Final(String),
    Disk(std::io::Error),
}

/// What asks: it waits for nobody without end, and takes a refusal for an answer.
pub(super) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .http_status_as_error(false)
        .user_agent(concat!("minim-trainer/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

impl Mirror {
    pub fn new(root: &str, backoff: Duration) -> Self {
        Self { agent: agent(), root: root.trim_end_matches('/').into(), backoff }
    }

    /// Gets a package into the file `to`, going on with what is there, and checks its sum.
    ///
    /// `progress` gets the bytes that are there.
    pub fn download(&self, package: &Package, to: &Path, progress: &dyn Fn(u64)) -> Result<(), FetchError> {
        // Names have a + at times, versions a %; in a path only the percent sign means something else.
        let url = format!("{}/{}", self.root, package.pool.replace('%', "%25"));
        let mut found = String::new();
        // What was begun from another file, or spoilt on its way, has another sum: then once more from nothing.
        for _ in 0..2 {
            self.complete(&url, package.bytes, to, progress)?;
            found = sum_of(to).map_err(FetchError::file(to))?;
            if found == package.sha256 {
                return Ok(());
            }
            std::fs::remove_file(to).map_err(FetchError::file(to))?;
        }
        Err(FetchError::Sum { url, found, expected: package.sha256.clone() })
    }

    fn complete(&self, url: &str, bytes: u64, to: &Path, progress: &dyn Fn(u64)) -> Result<(), FetchError> {
        let failed = |reason| FetchError::Http { url: url.into(), reason };
        let length = || std::fs::metadata(to).map_or(0, |meta| meta.len());
        // A server may send the same part again and again: only what was never there before is progress.
        let (mut vain, mut most) = (0, length());
        loop {
            let before = length();
            if before == bytes {
                return Ok(());
            }
            let reason = match self.attempt(url, before, bytes, to, progress) {
                Ok(()) => "it ended early".to_owned(),
                Err(Stop::Again(reason)) => reason,
                Err(Stop::Final(reason)) => return Err(failed(reason)),
                Err(Stop::Disk(source)) => return Err(FetchError::File { path: to.into(), source }),
            };
            let now = length();
            if now == bytes {
                return Ok(());
            }
            vain = if now > most { 0 } else { vain + 1 };
            most = most.max(now);
            if vain == ATTEMPTS {
                return Err(failed(format!("{reason} ({ATTEMPTS} attempts, {now} of {bytes} bytes)")));
            }
            std::thread::sleep(self.backoff * (1 << vain));
        }
    }

    /// One request; appends to the file what comes.
    fn attempt(
        &self,
        url: &str,
        before: u64,
        bytes: u64,
        to: &Path,
        progress: &dyn Fn(u64),
    ) -> Result<(), Stop> {
        let again = |error: ureq::Error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Stop::Final(error.to_string()),
            _ => Stop::Again(error.to_string()),
        };
        // Longer than the whole is another file's beginning.
        let before = if before > bytes { 0 } else { before };
        let mut request = self.agent.get(url);
        if before > 0 {
            request = request.header("Range", format!("bytes={before}-"));
        }
        let response = request.call().map_err(again)?;
        let status = response.status();
        let mut at = match status.as_u16() {
            // Without a range, or from a server that knows none: the whole file.
            200 => 0,
            206 => {
                let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                if range.is_some_and(|range| range.starts_with(&format!("bytes {before}-"))) {
                    before
                } else {
                    0
                }
            }
            416 => 0,
            408 | 425 | 429 | 500.. => return Err(Stop::Again(format!("the server says {status}"))),
            404 | 410 => {
                return Err(Stop::Final(format!(
                    "the server says {status}; where a mirror has moved on to another version, \
                     https://snapshot.debian.org/archive/debian/20250901T000000Z as --mirror still has this one"
                )));
            }
            _ => return Err(Stop::Final(format!("the server says {status}"))),
        };
        let mut file = OpenOptions::new().create(true).append(true).open(to).map_err(Stop::Disk)?;
        if at == 0 {
            file.set_len(0).map_err(Stop::Disk)?;
        }
        // Another part than the one asked for: from the start next time.
        if status.as_u16() == 416 || (status.as_u16() == 206 && at != before) {
            return Err(Stop::Again(format!("the server says {status} and not from byte {before} on")));
        }
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Again(error.to_string())),
            };
            at += read as u64;
            if at > bytes {
                file.set_len(0).map_err(Stop::Disk)?;
                return Err(Stop::Final(format!("it is longer than the {bytes} bytes of the list")));
            }
            file.write_all(&buffer[..read]).map_err(Stop::Disk)?;
            progress(at);
        }
    }
}
