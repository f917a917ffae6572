//! A WAV file in small pieces, as a microphone would give it.

use crate::semihosting::{Failure, File};
use runtime::resample::Channels;

/// An open file, at its samples.
pub struct Wav {
    file: File,
    pub sample_rate: u32,
    pub channels: Channels,
    /// Samples of both channels that are left, and that were read.
    left: u32,
    read: u64,
}

impl Wav {
    /// Opens a file of 16-bit PCM, mono or stereo.
    pub fn open(path: &str) -> Result<Self, Failure> {
        let mut file = File::open(path)?;
        let mut head = [0; 12];
        if file.read(&mut head) < head.len() || head[..4] != *b"RIFF" || head[8..] != *b"WAVE" {
            return Err(Failure::new("the file is no WAV file"));
        }
        let mut format = None;
        loop {
            let mut chunk = [0; 8];
            if file.read(&mut chunk) < chunk.len() {
                return Err(Failure::new("the WAV file has no samples"));
            }
            let [a, b, c, d, size @ ..] = chunk;
            let size = u32::from_le_bytes(size);
            match &[a, b, c, d] {
                b"fmt " if size >= 16 => {
                    let mut bytes = [0; 16];
                    if file.read(&mut bytes) < bytes.len() {
                        return Err(Failure::new("the WAV file is cut"));
                    }
                    skip(&mut file, size - 16 + size % 2);
                    format = Some(self::format(&bytes)?);
                }
                b"data" => {
                    let (sample_rate, channels) = format.ok_or(Failure::new("the WAV file has no format"))?;
                    return Ok(Self { file, sample_rate, channels, left: size / 2, read: 0 });
                }
                _ => skip(&mut file, size + size % 2),
            }
        }
    }

    /// Reads the next samples, interleaved; 0 at the end.
    pub fn read(&mut self, piece: &mut [i16]) -> Result<usize, Failure> {
        let wanted = piece.len().min(self.left as usize);
        let read = self.file.read_samples(&mut piece[..wanted]);
        if read < wanted {
            return Err(Failure::new("the WAV file is cut"));
        }
        self.left -= read as u32;
        self.read += read as u64;
        Ok(read)
    }

    /// How much music was read.
    pub fn heard_milliseconds(&self) -> u64 {
        let side_by_side = match self.channels {
            Channels::Mono => 1,
            Channels::Stereo => 2,
        };
        self.read * 1000 / (u64::from(self.sample_rate) * side_by_side)
    }
}

fn format(bytes: &[u8; 16]) -> Result<(u32, Channels), Failure> {
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    const PCM: u16 = 1;
    const EXTENSIBLE: u16 = 0xfffe;
    if !matches!(short(0), PCM | EXTENSIBLE) || short(14) != 16 {
        return Err(Failure::new("the WAV file is not in 16-bit PCM"));
    }
    let channels = match short(2) {
        1 => Channels::Mono,
        2 => Channels::Stereo,
        _ => return Err(Failure::new("the WAV file is neither mono nor stereo")),
    };
    Ok((u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]), channels))
}

fn skip(file: &mut File, mut bytes: u32) {
    let mut piece = [0; 64];
    while bytes > 0 {
        let size = bytes.min(piece.len() as u32);
        if file.read(&mut piece[..size as usize]) == 0 {
            return;
        }
        bytes -= size;
    }
}
