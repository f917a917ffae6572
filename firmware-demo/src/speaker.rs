//! What goes over the serial line: frames, as `runtime::frames` defines them.

use crate::counter::Tally;
use crate::memory::Used;
use crate::semihosting::Failure;
use crate::uart::Uart;
use heapless::String;
use runtime::engine::Answer;
use runtime::frames::{Message, PROTOCOL, Probabilities, encode, longest};
use runtime::listen::Listener;
use runtime::packed::PackedModel;

const MOST_TAGS: usize = 50;

/// The line, with the newest answer.
pub struct Speaker {
    uart: Uart,
    window: u32,
    newest: [u8; 2 * MOST_TAGS],
    tags: usize,
}

impl Speaker {
    pub fn new() -> Self {
        Self { uart: Uart::start(), window: 0, newest: [0; 2 * MOST_TAGS], tags: 0 }
    }

    #[inline(never)]
    fn say(&mut self, message: &Message<'_>) {
        let mut room = [0; longest(MOST_TAGS)];
        if let Ok(frame) = encode(message, &mut room) {
            self.uart.send(frame);
        }
    }

    /// Who speaks, and what the tags are.
    #[inline(never)]
    pub fn hello(&mut self, model: &PackedModel<'_>, sample_rate: u32) {
        let config = model.mel_config();
        let milliseconds =
            |frames: usize| (frames * config.hop_length * 1000 / config.sample_rate as usize) as u32;
        self.tags = model.tags().len();
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
        let probabilities = (0..self.tags).map(|tag| answer.probability(tag));
        Probabilities::write(probabilities, &mut self.newest);
    }

    /// The newest answer and the means of all.
    #[inline(never)]
    pub fn scores(&mut self, listener: &Listener<'_, '_>, heard_milliseconds: u64, tally: &mut Tally) {
        if listener.scores().windows() == 0 {
            return;
        }
        let scores = listener.scores();
        let (mut newest, mut means) = ([0; 2 * MOST_TAGS], [0; 2 * MOST_TAGS]);
        newest.copy_from_slice(&self.newest);
        let newest = Probabilities::of_bytes(&newest[..2 * self.tags]);
        let means = Probabilities::write((0..self.tags).map(|tag| scores.mean(tag)), &mut means);
        // QEMU's clock is that of the instructions, of which a real board does about one a cycle; at 168 MHz:
        let uptime_milliseconds = tally.total() / 168_000;
        let message = Message::Scores {
            window: self.window,
            uptime_milliseconds,
            heard_milliseconds,
            instructions: tally.since_reported(),
            probabilities: newest,
            means,
        };
        self.say(&message);
    }

    pub fn end(&mut self, listener: &Listener<'_, '_>, tally: &Tally) {
        let windows = listener.scores().windows();
        self.say(&Message::End { windows, instructions: tally.total() });
    }

    /// Figures for `report.sh`.
    #[inline(never)]
    pub fn report(&mut self, tally: &Tally, heard_milliseconds: u64, used: Used) {
        let mut log = |name: &str, layer: Option<usize>, number: u64| {
            let mut text = String::<64>::new();
            // All of it fits.
            let _ = text.push_str(name);
            if let Some(layer) = layer {
                push_number(&mut text, layer as u64);
            }
            let _ = text.push(' ');
            push_number(&mut text, number);
            self.say(&Message::Log { text: &text });
        };
        for (name, layer, instructions) in tally.stages() {
            log(name, layer, instructions);
        }
        let (worst, mean) = tally.worst_and_mean_frame();
        for (name, number) in [
            ("worst-frame", worst),
            ("mean-frame", mean),
            ("heard-milliseconds", heard_milliseconds),
            ("frames", tally.frames()),
            ("flash", used.flash as u64),
            ("statics", used.statics as u64),
            ("stack", used.stack as u64),
            ("memory", 4 * crate::MEMORY as u64),
            ("listener", size_of::<Listener<'_, '_>>() as u64),
            ("model", size_of::<PackedModel<'_>>() as u64),
        ] {
            log(name, None, number);
        }
    }
}

/// In decimal. `core::fmt` would take ten kilobytes of flash for it.
fn push_number(text: &mut String<64>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    for &digit in &digits[first..] {
        let _ = text.push(char::from(b'0' + digit));
    }
}

/// For failures: a message, and nothing that could fail once more.
pub fn say_plainly(failure: &Failure) {
    let mut text = String::<64>::new();
    let _ = text.push_str("error: ");
    let _ = text.push_str(failure.0.get(..50).unwrap_or(failure.0));
    Speaker::new().say(&Message::Log { text: &text });
}

/// For panics: where it was.
pub fn say_panicked(file: &str, line: u32) {
    let mut text = String::<64>::new();
    let _ = text.push_str("error: panic in line ");
    push_number(&mut text, line.into());
    let _ = text.push_str(" of ");
    let tail = file.len().saturating_sub(64 - text.len());
    let _ = text.push_str(file.get(tail..).unwrap_or_default());
    Speaker::new().say(&Message::Log { text: &text });
}
