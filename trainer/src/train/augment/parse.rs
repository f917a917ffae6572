//! Augmentations as text: `gain=6`, `spec-augment=16:64:2`.

use super::Augment;
use std::fmt;
use std::str::FromStr;

const NAMES: &str = "gain=DB, eq=DB, noise=DB, spec-augment=BANDS:FRAMES:MASKS, mixup=ALPHA";

impl FromStr for Augment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, numbers) = match text.split_once('=') {
            Some((name, numbers)) => (name, numbers.split(':').collect()),
            None => (text, Vec::new()),
        };
        let wrong = || format!("no augmentation `{text}`: it is one of {NAMES}");
        let one = |default: f32| match numbers[..] {
            [] => Ok(default),
            [number] => number.parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        };
        let whole = |nth: usize, default: usize| {
            numbers.get(nth).map_or(Ok(default), |number| number.parse().map_err(|_| wrong()))
        };
        let augment = match name {
            "gain" => Self::Gain { decibel: one(6.0)? },
            "eq" => Self::Eq { decibel: one(4.0)? },
            "noise" => Self::Noise { decibel: one(10.0)? },
            "mixup" => Self::Mixup { alpha: one(0.2)? },
            "spec-augment" if numbers.len() <= 3 => {
                Self::SpecAugment { bands: whole(0, 16)?, frames: whole(1, 64)?, masks: whole(2, 2)? }
            }
            _ => return Err(wrong()),
        };
        augment.validate()?;
        Ok(augment)
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gain { decibel } => write!(f, "gain={decibel}"),
            Self::Eq { decibel } => write!(f, "eq={decibel}"),
            Self::Noise { decibel } => write!(f, "noise={decibel}"),
            Self::Mixup { alpha } => write!(f, "mixup={alpha}"),
            Self::SpecAugment { bands, frames, masks } => write!(f, "spec-augment={bands}:{frames}:{masks}"),
        }
    }
}

impl TryFrom<String> for Augment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Augment> for String {
    fn from(augment: Augment) -> String {
        augment.to_string()
    }
}

/// A list of augmentations as one argument: `gain=6,mixup=0.2`, or `none`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Augments(pub Vec<Augment>);

impl FromStr for Augments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Augments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let texts: Vec<String> = self.0.iter().map(Augment::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written() {
        let text = "gain=6,eq=2.5,noise=-3,spec-augment=8:40:1,mixup=0.4";
        let list: Augments = text.parse().unwrap();
        assert_eq!((list.0.len(), list.to_string()), (5, text.to_string()));
        assert_eq!("none".parse::<Augments>().unwrap().to_string(), "none");
        let short: Augments = "spec-augment,gain,mixup,spec-augment=9".parse().unwrap();
        assert_eq!(short.to_string(), "spec-augment=16:64:2,gain=6,mixup=0.2,spec-augment=9:64:2");
    }

    #[test]
    fn mistakes_say_what_there_is() {
        for (text, words) in [
            ("loud=3", "gain=DB"),
            ("", "gain=DB"),
            ("gain=", "gain=DB"),
            ("gain=1:2", "gain=DB"),
            ("gain=0", "above 0"),
            ("gain=NaN", "above 0"),
            ("eq=99", "at most 40"),
            ("mixup=-1", "ALPHA"),
            ("spec-augment=0:0:2", "one of them above 0"),
            ("spec-augment=1:2:3:4", "BANDS"),
            ("spec-augment=1:2:99", "MASKS"),
            ("gain=3,none", "no augmentation `none`"),
        ] {
            let error = text.parse::<Augments>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
