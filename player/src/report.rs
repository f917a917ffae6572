//! What is said about a file, for people and for programs.

use serde::Serialize;
use std::fmt::Write;

/// A tagged song or the reason why there is none. As JSON one line: `{"path","seconds","windows","tags":[{"tag","p"}]}`
/// or `{"path","error"}`, keys in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// The file was tagged.
    Song {
        /// The file as it was named.
        path: String,
        /// Length in seconds.
        #[serde(serialize_with = "millis")]
        seconds: f64,
        /// Number of windows that the network heard.
        windows: usize,
        /// The most likely tags, best first.
        tags: Vec<TagLine>,
    },
    /// The file could not be tagged.
    Failed {
        /// The file as it was named.
        path: String,
        /// Why.
        error: String,
    },
}

/// A tag with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagLine {
    /// Name of the tag.
    pub tag: String,
    /// Mean probability over the song's windows, 0 to 1.
    pub p: f32,
}

/// Nobody needs more than milliseconds.
fn millis<S: serde::Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((seconds * 1e3).round() / 1e3)
}

/// Characters in the bar of a tag with probability 1.
const BAR: usize = 20;

impl Report {
    /// Whether the file could not be tagged.
    pub fn failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// One line of JSON, without the newline.
    ///
    /// # Errors
    /// Those of serde_json.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Several lines for people, ending in a newline.
    pub fn text(&self) -> String {
        match self {
            Self::Failed { path, error } => format!("{path}: {error}\n"),
            Self::Song { path, seconds, windows, tags } => {
                let windows_heard =
                    if *windows == 1 { "1 window".into() } else { format!("{windows} windows") };
                let mut text = format!("{path}  {}, {windows_heard}\n", duration(*seconds));
                let width = tags.iter().map(|line| line.tag.chars().count()).max().unwrap_or(0);
                for TagLine { tag, p } in tags {
                    let _ = writeln!(text, "  {tag:width$}  {p:.3}  {}", bar(*p));
                }
                text
            }
        }
    }
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn bar(p: f32) -> String {
    let eighths = (p.clamp(0.0, 1.0) * (BAR * 8) as f32).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(
        [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'].get(eighths % 8).filter(|_| !eighths.is_multiple_of(8)),
    );
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn song() -> Report {
        let line = |tag: &str, p| TagLine { tag: tag.into(), p };
        let tags = vec![line("guitar", 0.75), line("été", 0.0625)];
        Report::Song { path: "a b.mp3".into(), seconds: 61.23456, windows: 2, tags }
    }

    #[test]
    fn json_has_its_keys_in_order() {
        assert_eq!(
            song().json().unwrap(),
            r#"{"path":"a b.mp3","seconds":61.235,"windows":2,"tags":[{"tag":"guitar","p":0.75},{"tag":"été","p":0.0625}]}"#
        );
        let failed = Report::Failed { path: "x".into(), error: "no \"audio\"".into() };
        assert_eq!(failed.json().unwrap(), r#"{"path":"x","error":"no \"audio\""}"#);
        assert!(failed.failed() && !song().failed());
    }

    #[test]
    fn people_get_columns() {
        assert_eq!(
            song().text(),
            "a b.mp3  1:01, 2 windows\n  guitar  0.750  ███████████████\n  été     0.062  █▎\n"
        );
    }

    #[test]
    fn durations_and_bars() {
        assert_eq!([0.4, 59.6, 3600.0, 7325.0].map(duration), ["0:00", "1:00", "1:00:00", "2:02:05"]);
        assert_eq!([0.0, 0.006, 1.0, 2.0].map(|p| bar(p).chars().count()), [0, 1, 20, 20]);
        assert_eq!(bar(f32::NAN), "");
    }
}
