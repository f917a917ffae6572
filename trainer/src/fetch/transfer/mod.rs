//! Files by HTTP: several at a time, resumed, tried again, checked, and written down so that none is fetched twice.
//!
//! What is wanted is a list of [`Wanted`]; a [`Provider`] says where each is, and what its server's refusals mean. A ledger
//! in the folder has a line for each file that came and for each that failed: the next [`fetch_files`] asks for the failed
//! ones and for nothing else.

mod client;
mod ledger;
mod pace;
mod run;

pub use run::{Summary, TransferOptions, fetch_files};

use std::path::PathBuf;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::text::to_hex;

/// A file that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name at the provider.
    pub id: String,
    /// Where it goes, below the folder.
    pub to: PathBuf,
    /// Its sum, where the publisher states one.
    pub sum: Option<Sum>,
}

/// A sum that a publisher states, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sum {
    /// SHA-1.
    Sha1(String),
    /// SHA-256.
    Sha256(String),
}

impl Sum {
    /// Whether these are the sum of a file's bytes, given both.
    fn agrees(&self, sums: &Sums) -> bool {
        match self {
            Self::Sha1(sum) => sum.eq_ignore_ascii_case(&sums.sha1),
            Self::Sha256(sum) => sum.eq_ignore_ascii_case(&sums.sha256),
        }
    }
}

/// Both sums of a file.
#[derive(Clone, Debug)]
struct Sums {
    sha1: String,
    sha256: String,
}

impl Sums {
    fn of(path: &std::path::Path) -> std::io::Result<Self> {
        let (mut one, mut two) = (Sha1::new(), Sha256::new());
        let mut file = std::fs::File::open(path)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match std::io::Read::read(&mut file, &mut buffer)? {
                0 => break,
                read => {
                    one.update(&buffer[..read]);
                    two.update(&buffer[..read]);
                }
            }
        }
        Ok(Self { sha1: to_hex(&one.finalize()), sha256: to_hex(&two.finalize()) })
    }
}

/// What a server's refusal means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It may go better later.
    Again(String),
    /// This file is not to be had.
    Gone(String),
    /// Nothing is to be had any more: a quota is used up, or the key is not accepted.
    Stop(String),
}

/// Where files come from. Another service is another one of these.
pub trait Provider: Sync {
    /// The address of a file. It is asked for before every attempt, so that it may be signed with the time.
    fn url(&self, wanted: &Wanted) -> String;

    /// What an answer means that is no file: its status, and how its body begins.
    fn refusal(&self, status: u16, body: &str) -> Refusal {
        let _ = body;
        plain_refusal(status)
    }

    /// Requests a second at most.
    fn per_second(&self) -> Option<f64> {
        None
    }

    /// Why what came is not what was wanted, beyond its length and sum.
    fn fault(&self, path: &std::path::Path) -> Option<String> {
        let _ = path;
        None
    }
}

/// What a status means where the provider says nothing else of it (RFC 9110, section 15).
pub fn plain_refusal(status: u16) -> Refusal {
    let said = format!("the server says {status}");
    match status {
        408 | 425 | 429 | 500.. => Refusal::Again(said),
        401 | 402 => Refusal::Stop(said),
        _ => Refusal::Gone(said),
    }
}
