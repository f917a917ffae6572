//! Hearing a file from its first to its last second, in memory that does not grow with it.

use runtime::decode::{AudioStream, DecodeError};
use runtime::pcm::Pcm;
use runtime::tagger::{Pace, SongTags, TagStream, Tagger, TaggerError};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What knows a recording again: the first 16 bytes of SHA-256 over the packets of its audio as they are in the file.
/// Moving a file or changing its tags leaves it as it is.
pub type Digest = [u8; 16];

/// A file that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What is in it.
    pub song: SongTags,
    /// Its audio.
    pub digest: Digest,
    /// Packets that could not be decoded.
    pub skipped_packets: usize,
}

/// Why a file was not heard.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// It could not be decoded; the message names the file.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What was decoded could not be tagged.
    #[error(transparent)]
    Tag(#[from] TaggerError),
}

impl HearError {
    /// What happened, without the file's name in front.
    pub fn reason(&self, path: &Path) -> String {
        let message = self.to_string();
        let rest = message.strip_prefix(&path.display().to_string());
        rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message).into()
    }
}

/// Decodes and tags a file.
///
/// # Errors
/// [`HearError`].
pub fn hear(tagger: &Tagger, path: &Path) -> Result<Heard, HearError> {
    hear_by(&mut TagStream::new(tagger, Pace::Steady), path)
}

/// Decodes and tags a file by a stream that may have heard others before, and is ready for another after it.
///
/// # Errors
/// [`HearError`].
pub fn hear_by(song: &mut TagStream<&Tagger>, path: &Path) -> Result<Heard, HearError> {
    let heard = listen(song, path);
    if heard.is_err() {
        song.restart();
    }
    heard
}

fn listen(song: &mut TagStream<&Tagger>, path: &Path) -> Result<Heard, HearError> {
    let mut audio = AudioStream::open_for(path, song.sample_rate())?;
    let digest = Summing::over(&mut audio);
    while let Some(block) = audio.next()? {
        song.push(Pcm::new(block.sample_rate, block.mono))?;
    }
    let skipped_packets = audio.skipped_packets();
    drop(audio);
    Ok(Heard { song: song.finish()?, digest: digest.finish(), skipped_packets })
}

/// The digest of a file that need not be decoded: a tenth of the work.
///
/// # Errors
/// When it cannot be opened.
pub fn digest(path: &Path) -> Result<Digest, DecodeError> {
    let mut audio = AudioStream::open(path)?;
    let digest = Summing::over(&mut audio);
    audio.pass_over_rest()?;
    drop(audio);
    Ok(digest.finish())
}

/// A digest in the making.
struct Summing(Arc<Mutex<Sha256>>);

impl Summing {
    fn over(audio: &mut AudioStream) -> Self {
        let sum = Arc::new(Mutex::new(Sha256::new()));
        let into = Arc::clone(&sum);
        audio.observe(move |bytes| {
            // Only a panic while adding could poison it.
            if let Ok(mut sum) = into.lock() {
                sum.update(bytes);
            }
        });
        Self(sum)
    }

    fn finish(self) -> Digest {
        let sum = self.0.lock().map(|sum| sum.clone().finalize());
        sum.map(|sum| std::array::from_fn(|i| sum[i])).unwrap_or_default()
    }
}
