//! The front end on a device without standard library and allocator.
#![no_std]

use runtime::mel::{FrameCodes, LogMel, MelConfig, MelError};
use runtime::pcm::Pcm;

/// What a device holds: the extractor and the codes of the newest frame.
pub struct Ear {
    front_end: LogMel<512, 96>,
    newest: [u8; 96],
}

impl Ear {
    /// An ear that has heard nothing.
    pub fn new() -> Result<Self, MelError> {
        Ok(Self { front_end: LogMel::new(&MelConfig::MINIM)?, newest: [0; 96] })
    }

    /// Listens to a piece of 12 kHz audio.
    pub fn hear(&mut self, samples: &[f32]) -> Result<&[u8; 96], MelError> {
        let codes = FrameCodes::of(MelConfig::MINIM.compression);
        let newest = &mut self.newest;
        self.front_end.push(Pcm::new(12_000, samples), |frame| {
            for (code, &value) in newest.iter_mut().zip(frame) {
                *code = codes.encode(value);
            }
        })?;
        Ok(newest)
    }

    /// Ends the clip.
    pub fn end(&mut self) -> usize {
        let mut frames = 0;
        self.front_end.flush(|_| frames += 1);
        frames
    }
}
