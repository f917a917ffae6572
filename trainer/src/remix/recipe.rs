//! A plan in words, for the manifest.

use std::fmt::{self, Display, Write};

use super::effects::{Band, Pace, Room, Wear};
use super::plan::{Blend, Part, Plan};
use super::tracks::Track;

/// What the piece was cut from, the main part first.
pub fn source(plan: &Plan, music: &[Track], voices: &[Track]) -> String {
    let mut ids: Vec<&str> = Vec::new();
    let main = plan.music.iter().chain(plan.second.iter().map(|(part, _)| part));
    let spoken = plan.voice.iter().flat_map(|voice| &voice.parts);
    let all = main.map(|part| &music[part.track].id).chain(spoken.map(|part| &voices[part.track].id));
    for id in all {
        if !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    ids.join(" + ")
}

/// What was done, such as `a.ogg from 63.2 s, speed 1.12, peak +3.0 dB at 400 Hz; level -18.0 dB`.
pub fn recipe(plan: &Plan, music: &[Track], voices: &[Track]) -> String {
    let mut steps: Vec<String> = Vec::new();
    steps.extend(plan.music.as_ref().map(|part| words(part, music)));
    if let Some((part, blend)) = &plan.second {
        let how = match blend {
            Blend::Under(decibel, fade) => {
                format!("added from {:.1} s at {decibel:+.1} dB, fade {fade:.1} s", part.at)
            }
            Blend::CrossFade(fade) => format!("cross-fade at {:.1} s within {fade:.1} s", part.at),
        };
        steps.push(format!("{how}: {}", words(part, music)));
    }
    if let Some(voice) = &plan.voice {
        let how = if plan.music.is_some() { format!("{:+.1} dB", voice.decibel) } else { "alone".into() };
        let room = voice.room.map(|room| format!(", {room}")).unwrap_or_default();
        let parts: Vec<String> =
            voice.parts.iter().map(|part| format!("{} at {:.1} s", words(part, voices), part.at)).collect();
        steps.push(format!("voice {how}{room}: {}", parts.join(" then ")));
    }
    steps.extend(plan.wear.iter().map(ToString::to_string));
    steps.push(format!("level {:.1} dB", plan.level));
    steps.join("; ")
}

fn words(part: &Part, tracks: &[Track]) -> String {
    let mut text = format!("{} from {:.1} s", tracks[part.track].id, part.from);
    if part.pace != Pace::AsIs {
        let _ = write!(text, ", {}", part.pace);
    }
    part.bands.iter().for_each(|band| {
        let _ = write!(text, ", {band}");
    });
    text
}

impl Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsIs => f.write_str("as it was"),
            Self::Speed(factor) => write!(f, "speed {factor:.3}"),
            Self::Pitch(factor) => write!(f, "pitch {:+.2} semitones", 12.0 * factor.log2()),
            Self::Tempo(factor) => write!(f, "tempo {factor:.3}"),
        }
    }
}

impl Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peak(hertz, decibel, quality) => {
                write!(f, "peak {decibel:+.1} dB at {hertz:.0} Hz Q {quality:.1}")
            }
            Self::LowShelf(hertz, decibel) => write!(f, "below {hertz:.0} Hz {decibel:+.1} dB"),
            Self::HighShelf(hertz, decibel) => write!(f, "above {hertz:.0} Hz {decibel:+.1} dB"),
            Self::LowPass(hertz, _) => write!(f, "low pass {hertz:.0} Hz"),
            Self::HighPass(hertz, _) => write!(f, "high pass {hertz:.0} Hz"),
        }
    }
}

impl Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room {:.1} s {:.0} dB", self.seconds, self.decibel)
    }
}

impl Display for Wear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => room.fmt(f),
            Self::Drive(decibel) => write!(f, "drive {decibel:.0} dB"),
            Self::Limit(hertz) => write!(f, "nothing above {hertz:.0} Hz"),
            Self::Telephone => f.write_str("telephone"),
            Self::MuLaw(bits) => write!(f, "mu-law {bits} bits"),
            Self::Bits(bits) => write!(f, "{bits} bits"),
            Self::Hiss(decibel, _) => write!(f, "hiss {decibel:.0} dB"),
            Self::Hum(hertz, decibel) => write!(f, "hum {hertz:.0} Hz {decibel:.0} dB"),
        }
    }
}
