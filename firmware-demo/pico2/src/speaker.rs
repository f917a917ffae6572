//! What goes over the serial line: frames, as `runtime::frames` defines them.

use embassy_rp::uart::{Blocking, UartTx};
use runtime::engine::Answer;
use runtime::frames::{Message, PROTOCOL, Probabilities, encode, longest};
use runtime::listen::Listener;
use runtime::packed::PackedModel;

const MOST_TAGS: usize = 50;

/// The line, with the newest answer.
pub struct Speaker {
    line: UartTx<'static, Blocking>,
    window: u32,
    newest: [u8; 2 * MOST_TAGS],
    tags: usize,
}

impl Speaker {
    pub fn new(line: UartTx<'static, Blocking>) -> Self {
        Self { line, window: 0, newest: [0; 2 * MOST_TAGS], tags: 0 }
    }

    fn say(&mut self, message: &Message<'_>) {
        let mut room = [0; longest(MOST_TAGS)];
        if let Ok(frame) = encode(message, &mut room) {
            let _ = self.line.blocking_write(frame);
        }
    }

    /// Who speaks, and what the tags are.
    pub fn hello(&mut self, model: &PackedModel<'_>, sample_rate: u32) {
        let config = model.mel_config();
        let milliseconds =
            |frames: usize| (frames * config.hop_length * 1000 / config.sample_rate as usize) as u32;
        self.tags = model.tags().len().min(MOST_TAGS);
        self.say(&Message::Hello {
            protocol: PROTOCOL,
            model: model.name(),
            tags: self.tags as u16,
            sample_rate,
            window_milliseconds: milliseconds(model.receptive_field()),
            hop_milliseconds: milliseconds(model.stride()),
        });
        for (index, tag) in model.tags().enumerate() {
            let (index, name, threshold) = (index as u16, tag.name, tag.threshold);
            self.say(&Message::Tag { index, name, threshold });
        }
    }

    /// Keeps an answer until it is said.
    pub fn hold(&mut self, answer: &Answer<'_, '_>) {
        self.window = answer.window();
        Probabilities::write((0..self.tags).map(|tag| answer.probability(tag)), &mut self.newest);
    }

    /// The newest answer and the means of all.
    pub fn scores(&mut self, listener: &Listener<'_, '_>, uptime_milliseconds: u64, heard_milliseconds: u64) {
        let scores = listener.scores();
        let (newest, mut means) = (self.newest, [0; 2 * MOST_TAGS]);
        let message = Message::Scores {
            window: self.window,
            uptime_milliseconds,
            heard_milliseconds,
            instructions: 0,
            probabilities: Probabilities::of_bytes(&newest[..2 * self.tags]),
            means: Probabilities::write((0..self.tags).map(|tag| scores.mean(tag)), &mut means),
        };
        self.say(&message);
    }
}
