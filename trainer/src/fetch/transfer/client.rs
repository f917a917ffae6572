//! One file by HTTP.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::pace::Pace;
use super::{Provider, Refusal, Sums, Wanted};
use crate::fetch::http::{ATTEMPTS, agent};

/// No server is waited for longer than this, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// As much of a refusal is read.
const REFUSAL_BYTES: u64 = 1 << 16;

/// Why a file did not come.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may come another time.
    Failed(String),
    /// It is not to be had.
    Gone(String),
    /// Nothing is.
    Stop(String),
    /// The user stopped.
    Stopped,
    Disk(PathBuf, std::io::Error),
}

/// Why one attempt ended.
enum End {
    /// The whole file is there.
    Whole,
    Again(String, Option<Duration>),
    Final(Failure),
}

pub(super) struct Client<'c> {
    agent: ureq::Agent,
    pub provider: &'c dyn Provider,
    pub pace: Pace,
    /// Wait before the second attempt; doubled for each further one.
    pub backoff: Duration,
    pub stop: &'c AtomicBool,
}

impl<'c> Client<'c> {
    pub fn new(provider: &'c dyn Provider, backoff: Duration, stop: &'c AtomicBool) -> Self {
        Self { agent: agent(), provider, pace: Pace::new(provider.per_second()), backoff, stop }
    }

    /// Gets a file into `part`, going on with what is there, and checks it. Says its sums.
    ///
    /// `progress` is told of the bytes that are there, and of how many there will be.
    pub fn get(
        &self,
        wanted: &Wanted,
        part: &Path,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<Sums, Failure> {
        let disk = |error| Failure::Disk(part.into(), error);
        // What was begun from another file, or spoilt on its way, has another sum: then once more from nothing.
        let mut fault = String::new();
        for _ in 0..2 {
            self.complete(wanted, part, progress)?;
            let sums = Sums::of(part).map_err(disk)?;
            fault = match &wanted.sum {
                Some(sum) if !sum.agrees(&sums) => format!("its SHA-256 is {} and not {sum:?}", sums.sha256),
                _ => match self.provider.fault(part) {
                    Some(fault) => fault,
                    None => return Ok(sums),
                },
            };
            std::fs::remove_file(part).map_err(disk)?;
        }
        Err(Failure::Failed(fault))
    }

    fn complete(
        &self,
        wanted: &Wanted,
        part: &Path,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<(), Failure> {
        // A server may send the same part again and again: only what was never there before is progress.
        let (mut vain, mut most) = (0, length(part));
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Stopped);
            }
            let before = length(part);
            let (reason, wait) = match self.attempt(wanted, before, part, progress) {
                End::Whole => return Ok(()),
                End::Final(failure) => return Err(failure),
                End::Again(reason, wait) => (reason, wait),
            };
            let now = length(part);
            vain = if now > most { 0 } else { vain + 1 };
            most = most.max(now);
            if vain == ATTEMPTS {
                return Err(Failure::Failed(format!("{reason} ({ATTEMPTS} attempts)")));
            }
            let wait = wait.unwrap_or(self.backoff * (1 << vain)).min(LONGEST_WAIT);
            let mut slept = Duration::ZERO;
            while slept < wait && !self.stop.load(Ordering::Relaxed) {
                let nap = (wait - slept).min(Duration::from_millis(100));
                std::thread::sleep(nap);
                slept += nap;
            }
        }
    }

    /// One request; appends to the file what comes.
    fn attempt(&self, wanted: &Wanted, before: u64, part: &Path, progress: &dyn Fn(u64, Option<u64>)) -> End {
        self.pace.wait();
        let tag_path = tag_of(part);
        let mut request = self.agent.get(self.provider.url(wanted));
        // Only the same file is gone on with: without a mark of it, one with a known sum.
        let tag = std::fs::read_to_string(&tag_path).ok();
        let resumed = before > 0 && (tag.is_some() || wanted.sum.is_some());
        if resumed {
            request = request.header("Range", format!("bytes={before}-"));
            if let Some(tag) = &tag {
                request = request.header("If-Range", tag);
            }
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => {
                return End::Final(Failure::Failed(error.to_string()));
            }
            Err(error) => return End::Again(error.to_string(), None),
        };
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status().as_u16();
        let kind = header("content-type").unwrap_or_default().to_ascii_lowercase();
        let text = ["xml", "html", "json"].iter().any(|kind_of_text| kind.contains(kind_of_text));
        let range = header("content-range").map(str::to_owned);
        let wait = header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        let tag = header("etag")
            .filter(|tag| !tag.starts_with("W/"))
            .or(header("last-modified"))
            .map(str::to_owned);
        let length_said: Option<u64> = header("content-length").and_then(|value| value.parse().ok());
        if status == 416 {
            // There is no such part: what lies here is of another file.
            forget(part);
            return End::Again("the server knows no such part of it".into(), None);
        }
        if !matches!(status, 200 | 206) || (text && !wants_text(wanted)) {
            let mut body = Vec::new();
            let _ = response.into_body().into_reader().take(REFUSAL_BYTES).read_to_end(&mut body);
            return match self.provider.refusal(status, &String::from_utf8_lossy(&body)) {
                Refusal::Again(reason) => {
                    if let Some(wait) = wait {
                        self.pace.pause(wait.min(LONGEST_WAIT));
                    }
                    End::Again(reason, wait)
                }
                Refusal::Gone(reason) => End::Final(Failure::Gone(reason)),
                Refusal::Stop(reason) => End::Final(Failure::Stop(reason)),
            };
        }
        let starts: Option<u64> =
            range.as_deref().and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok());
        let mut at = match (status, starts) {
            (200, _) => 0,
            (_, Some(start)) if start == before && resumed => before,
            // Another part than the one asked for.
            _ => {
                forget(part);
                return End::Again("the server sent another part than was asked for".into(), None);
            }
        };
        let whole = match (status, &range) {
            (206, Some(range)) => range.rsplit_once('/').and_then(|(_, whole)| whole.parse().ok()),
            _ => length_said,
        };
        let disk = |error| End::Final(Failure::Disk(part.into(), error));
        let mut file = match OpenOptions::new().create(true).append(true).open(part) {
            Ok(file) => file,
            Err(error) => return disk(error),
        };
        if at == 0 {
            let marked = match &tag {
                Some(tag) => std::fs::write(&tag_path, tag),
                None => std::fs::remove_file(&tag_path).or(Ok(())),
            };
            if let Err(error) = file.set_len(0).and(marked) {
                return disk(error);
            }
        }
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return End::Final(Failure::Stopped);
            }
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return End::Again(error.to_string(), None),
            };
            at += read as u64;
            if let Err(error) = file.write_all(&buffer[..read]) {
                return disk(error);
            }
            progress(at, whole);
        }
        match whole {
            Some(whole) if at < whole => End::Again(format!("it ended after {at} of {whole} bytes"), None),
            Some(whole) if at > whole => {
                forget(part);
                End::Again(format!("{at} bytes came of {whole}"), None)
            }
            _ => End::Whole,
        }
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Whether a text is what is wanted, and no error in the place of a file.
fn wants_text(wanted: &Wanted) -> bool {
    let text = ["csv", "tsv", "txt", "json", "xml", "md"];
    wanted.to.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| text.contains(&ending))
}

/// Where the mark is kept by which a server knows the same file again.
pub(super) fn tag_of(part: &Path) -> PathBuf {
    part.with_extension("tag")
}

fn forget(part: &Path) {
    // What is not there need not be deleted; what cannot be will show as another sum.
    let _ = std::fs::remove_file(part);
    let _ = std::fs::remove_file(tag_of(part));
}
