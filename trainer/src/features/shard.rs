//! Parts of a corpus, each for a machine of its own.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Parts at most: more than there are machines.
const MOST: u32 = 9999;

/// The K-th of N parts of a corpus, counted from 1.
///
/// Which part a clip is in follows from its id and N alone, so that clips that come or go leave the others where they
/// are. The parts are of about the same size, not of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

/// There is no such part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {reason}; a shard is K/N with K from 1 to N and N up to {MOST}, as 3/16")]
pub struct ShardError {
    text: String,
    reason: &'static str,
}

impl Shard {
    /// Whether the clip of this id is in this part.
    pub fn holds(self, id: &str) -> bool {
        let digest = Sha256::digest(id);
        let first = digest.iter().take(8).fold(0u64, |number, &byte| number << 8 | u64::from(byte));
        first % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Name of the folder that its codes are in.
    pub(super) fn folder(self) -> String {
        format!("{PREFIX}{:03}-of-{:03}", self.number, self.of)
    }
}

const PREFIX: &str = "shard-";

/// Whether a folder's name is one that [`Shard::folder`] gives.
pub(super) fn is_folder(name: &str) -> bool {
    let numbers = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("-of-"));
    let shard = numbers.and_then(|(number, of)| format!("{number}/{of}").parse::<Shard>().ok());
    shard.is_some_and(|shard| shard.folder() == name)
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let wrong = |reason| ShardError { text: text.into(), reason };
        let (number, of) = text.split_once('/').ok_or_else(|| wrong("it is not two numbers"))?;
        let parse = |number: &str| number.parse::<u32>().map_err(|_| wrong("it is not two numbers"));
        match (parse(number)?, parse(of)?) {
            (_, 0) => Err(wrong("there are no 0 parts")),
            (0, _) => Err(wrong("parts are counted from 1")),
            (_, of) if of > MOST => Err(wrong("there are too many parts")),
            (number, of) if number > of => Err(wrong("there is no such part")),
            (number, of) => Ok(Self { number, of }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn every_clip_is_in_one_part_and_parts_are_of_about_one_size() {
        let mut sizes = [0; 16];
        for clip in 0..16_000 {
            let id = format!("a/folder/{clip}.mp3");
            let holders: Vec<usize> =
                (0..16).filter(|k| shard(&format!("{}/16", k + 1)).holds(&id)).collect();
            assert_eq!(holders.len(), 1);
            sizes[holders[0]] += 1;
        }
        // 1000 each, within four standard deviations.
        assert!(sizes.iter().all(|size| (880..1120).contains(size)), "{sizes:?}");
        assert!(shard("1/1").holds("anything"));
    }

    #[test]
    fn parts_never_move() {
        // By Python: int.from_bytes(hashlib.sha256(id).digest()[:8], "big") % 16 + 1.
        for (id, number) in KNOWN {
            assert!(shard(&format!("{number}/16")).holds(id), "{id}");
        }
    }

    const KNOWN: [(&str, u32); 3] = [("a.mp3", 7), ("synth/1/00000", 5), ("folder/b.mp3", 8)];

    #[test]
    fn folders_are_known_by_their_names() {
        assert_eq!(shard("3/16").folder(), "shard-003-of-016");
        assert_eq!(shard("1234/5000").folder(), "shard-1234-of-5000");
        for name in ["shard-003-of-016", "shard-1234-of-5000", "shard-001-of-001"] {
            assert!(is_folder(name), "{name}");
        }
        for name in [
            "shard-3-of-16",
            "shard-017-of-016",
            "shard-000-of-016",
            "shard-003",
            "codes.bin",
            "shard-a-of-b",
        ] {
            assert!(!is_folder(name), "{name}");
        }
    }
}
