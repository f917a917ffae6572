//! Understanding a device that tags music and says so over a serial line (`runtime::frames`).

use runtime::frames::{Decoder, FrameError, Message};
use serde::Serialize;
use std::fmt::Write;

/// Bytes of the longest frame that is understood: of more than 4000 tags.
const LONGEST: usize = 1 << 14;

/// What a device said.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It began.
    Hello(Device),
    /// An answer.
    Scores(Scores),
    /// Something to read.
    Log(String),
    /// The music is over.
    End {
        /// Answers in all.
        windows: u32,
    },
    /// A frame that is damaged, or text that is no frame: what can be read of it.
    Damaged {
        /// Why it is no message.
        error: FrameError,
        /// Its bytes as text, where they are text.
        text: Option<String>,
    },
}

/// Who speaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// Name of its network.
    pub model: String,
    /// Tags that its network has.
    pub tags: u16,
    /// Samples a second that come in.
    pub sample_rate: u32,
    /// Seconds that one answer hears.
    pub window_seconds: f64,
    /// Seconds from one answer to the next.
    pub hop_seconds: f64,
}

/// An answer; as JSON one line with its keys in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Which window, from 0 on.
    pub window: u32,
    /// Since the device started.
    pub uptime_seconds: f64,
    /// Music heard so far.
    pub heard_seconds: f64,
    /// Instructions since the last answer, 0 where the device does not count them.
    pub instructions: u64,
    /// Best first by mean, ties in the order of the network.
    pub tags: Vec<TagScore>,
}

/// A tag of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagScore {
    /// Its name, or "tag 7" where the device did not say.
    pub tag: String,
    /// Probability in this window.
    pub p: f32,
    /// Mean over all windows so far.
    pub mean: f32,
}

/// Makes events of the bytes of a line.
#[derive(Debug, Default)]
pub struct Listener {
    decoder: Box<Decoder<LONGEST>>,
    names: Vec<Option<String>>,
}

impl Listener {
    /// A listener that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a byte; what it completes, if anything.
    pub fn push(&mut self, byte: u8) -> Option<Event> {
        let message = match self.decoder.push(byte)? {
            Ok(message) => message,
            Err(error) => return Some(Event::Damaged { error, text: readable(self.decoder.raw()) }),
        };
        let seconds = |milliseconds: u64| milliseconds as f64 / 1e3;
        Some(match message {
            Message::Hello {
                model,
                tags,
                sample_rate,
                window_milliseconds,
                hop_milliseconds,
                protocol: _,
            } => {
                self.names = vec![None; tags.into()];
                Event::Hello(Device {
                    model: model.into(),
                    tags,
                    sample_rate,
                    window_seconds: seconds(window_milliseconds.into()),
                    hop_seconds: seconds(hop_milliseconds.into()),
                })
            }
            Message::Tag { index, name, .. } => {
                let index = usize::from(index);
                if self.names.len() <= index {
                    self.names.resize(index + 1, None);
                }
                self.names[index] = Some(name.into());
                return None;
            }
            Message::Scores {
                window,
                uptime_milliseconds,
                heard_milliseconds,
                instructions,
                probabilities,
                means,
            } => {
                let name =
                    |i: usize| self.names.get(i).cloned().flatten().unwrap_or_else(|| format!("tag {i}"));
                let scores = probabilities.iter().zip(means.iter()).enumerate();
                let mut tags: Vec<_> =
                    scores.map(|(i, (p, mean))| TagScore { tag: name(i), p, mean }).collect();
                tags.sort_by(|a, b| b.mean.total_cmp(&a.mean));
                Event::Scores(Scores {
                    window,
                    uptime_seconds: seconds(uptime_milliseconds),
                    heard_seconds: seconds(heard_milliseconds),
                    instructions,
                    tags,
                })
            }
            Message::Log { text } => Event::Log(text.into()),
            Message::End { windows, .. } => Event::End { windows },
        })
    }
}

/// Bytes that someone can read: a boot loader's words.
fn readable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace());
    plain.then(|| text.to_owned())
}

impl Scores {
    /// One line for people: how much was heard, and the `top` tags with their means.
    pub fn text(&self, top: usize) -> String {
        let mut text = format!("{:7.1} s ", self.heard_seconds);
        for TagScore { tag, mean, .. } in self.tags.iter().take(top) {
            let _ = write!(text, "  {tag} {mean:.2}");
        }
        text
    }
}
