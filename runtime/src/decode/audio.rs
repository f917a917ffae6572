//! A file that is decoded while it is used.

use super::stream::{OnPacket, Packets};
use super::{DecodeError, guarded};
use std::path::{Path, PathBuf};

/// An open audio file: blocks of samples, one after the other, as they are decoded. It takes some 100 kB, however long
/// the file is.
///
/// ```no_run
/// use runtime::decode::AudioStream;
///
/// let mut audio = AudioStream::open("song.mp3".as_ref())?;
/// while let Some(block) = audio.next()? {
///     println!("{} Hz, {} channels, {} frames", block.sample_rate, block.channels, block.frames());
/// }
/// # Ok::<(), runtime::decode::DecodeError>(())
/// ```
pub struct AudioStream {
    path: PathBuf,
    packets: Packets,
    mono: Vec<f32>,
    /// After a panic, what the decoder holds is not to be trusted.
    broken: bool,
}

/// Samples of one packet.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// Sampling rate in hertz, the same for all blocks of a file.
    pub sample_rate: u32,
    /// How many channels there are; it may change on the way.
    pub channels: usize,
    /// The mean over the channels, `[frames]`; what is not finite counts as 0. Full scale is -1.0 to 1.0, which float
    /// files may exceed.
    pub mono: &'a [f32],
    packets: &'a Packets,
}

impl Block<'_> {
    /// Adds the samples of all channels to `samples`, `[frames, channels]`, as they are in the file: those of float files
    /// may not be finite.
    pub fn append_interleaved(&self, samples: &mut Vec<f32>) {
        self.packets.append_interleaved(samples);
    }

    /// Samples in each channel.
    pub fn frames(&self) -> usize {
        self.mono.len()
    }
}

impl std::fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sample_rate, channels, mono, .. } = self;
        let mut block = f.debug_struct("Block");
        block
            .field("sample_rate", sample_rate)
            .field("channels", channels)
            .field("mono", mono)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioStream").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AudioStream {
    /// Opens a file of any format that [`decode_file`](super::decode_file) reads.
    ///
    /// # Errors
    /// [`DecodeError`], which names the file and the reason.
    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        let packets = guarded(path, || Packets::open(path))?;
        Ok(Self { path: path.into(), packets, mono: Vec::new(), broken: false })
    }

    /// Opens a file for a listener at `rate` hertz, who hears nothing above half of it: as
    /// [`decode_file_for`](super::decode_file_for). Blocks of an mp3 have one channel then, the mean.
    ///
    /// # Errors
    /// [`DecodeError`], which names the file and the reason.
    pub fn open_for(path: &Path, rate: u32) -> Result<Self, DecodeError> {
        let packets = guarded(path, || Packets::open_for(path, rate))?;
        Ok(Self { path: path.into(), packets, mono: Vec::new(), broken: false })
    }

    /// Lets `on_packet` see the bytes of every packet as they are in the file, the damaged ones, too. A sum over them
    /// knows a recording again that was moved, or that was given other tags.
    pub fn observe(&mut self, on_packet: impl FnMut(&[u8]) + Send + 'static) {
        self.packets.on_packet = Some(Box::new(on_packet) as OnPacket);
    }

    /// The next block; nothing at the end.
    ///
    /// Damaged packets are passed over and [counted](Self::skipped_packets).
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::NothingDecoded`] at the end of a file that gave no samples at all.
    #[expect(
        clippy::should_implement_trait,
        reason = "the block is lent, which an iterator's item cannot be"
    )]
    pub fn next(&mut self) -> Result<Option<Block<'_>>, DecodeError> {
        let more = self.guarded(Packets::next)?;
        if !more {
            return Ok(None);
        }
        self.mono.clear();
        self.packets.append_mono(&mut self.mono);
        Ok(Some(Block {
            sample_rate: self.packets.rate,
            channels: self.packets.channels,
            mono: &self.mono,
            packets: &self.packets,
        }))
    }

    /// Goes on from second `seconds`, exact to a packet; false, and nothing has changed, where the format cannot.
    ///
    /// # Errors
    /// When the decoding library panicked.
    pub fn seek(&mut self, seconds: f64) -> Result<bool, DecodeError> {
        self.guarded(|packets| Ok(packets.seek(seconds.max(0.0))))
    }

    /// Reads what is left without decoding it, for [`observe`](Self::observe).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn pass_over_rest(&mut self) -> Result<(), DecodeError> {
        self.guarded(Packets::pass_over_rest)
    }

    /// Length in seconds as the headers say; nothing where they do not.
    pub fn stated_seconds(&self) -> Option<f64> {
        self.packets.stated_seconds()
    }

    /// Packets so far that could not be decoded.
    pub fn skipped_packets(&self) -> usize {
        self.packets.skipped
    }

    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Packets) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.broken {
            let reason = "it had panicked before".into();
            return Err(DecodeError::Panicked { path: self.path.clone(), reason });
        }
        let packets = &mut self.packets;
        let done = guarded(&self.path, || work(packets));
        self.broken = matches!(done, Err(DecodeError::Panicked { .. }));
        done
    }
}
