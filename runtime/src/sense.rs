//! What a tag is: a genre, a mood, an era, or an instrument.
//!
//! last.fm's listeners tag with all sorts of words. The table says what each of the Million Song Dataset's 50 is and how
//! other programs spell it; `docs/tags.md` shows it to people. Tags of other models have no sense until they are here.

use serde::Serialize;

/// What a tag says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sense {
    /// The kind of music.
    Genre,
    /// How it feels, or what it is good for.
    Mood,
    /// When it is from.
    Era,
    /// Who or what is heard.
    Instrument,
}

/// A tag, what it is, and its name in files.
pub type Entry = (&'static str, Sense, &'static str);

/// The table, in the order of last.fm's counts.
pub const TABLE: [Entry; 50] = {
    use Sense::{Era, Genre, Instrument, Mood};
    [
        ("rock", Genre, "Rock"),
        ("pop", Genre, "Pop"),
        ("alternative", Genre, "Alternative"),
        ("indie", Genre, "Indie"),
        ("electronic", Genre, "Electronic"),
        ("female vocalists", Instrument, "Female Vocals"),
        ("dance", Genre, "Dance"),
        ("00s", Era, "2000s"),
        ("alternative rock", Genre, "Alternative Rock"),
        ("jazz", Genre, "Jazz"),
        ("beautiful", Mood, "Beautiful"),
        ("metal", Genre, "Metal"),
        ("chillout", Genre, "Chillout"),
        ("male vocalists", Instrument, "Male Vocals"),
        ("classic rock", Genre, "Classic Rock"),
        ("soul", Genre, "Soul"),
        ("indie rock", Genre, "Indie Rock"),
        ("Mellow", Mood, "Mellow"),
        ("electronica", Genre, "Electronica"),
        ("80s", Era, "1980s"),
        ("folk", Genre, "Folk"),
        ("90s", Era, "1990s"),
        ("chill", Mood, "Chill"),
        ("instrumental", Instrument, "Instrumental"),
        ("punk", Genre, "Punk"),
        ("oldies", Era, "Oldies"),
        ("blues", Genre, "Blues"),
        ("hard rock", Genre, "Hard Rock"),
        ("ambient", Genre, "Ambient"),
        ("acoustic", Instrument, "Acoustic"),
        ("experimental", Genre, "Experimental"),
        ("female vocalist", Instrument, "Female Vocals"),
        ("guitar", Instrument, "Guitar"),
        ("Hip-Hop", Genre, "Hip-Hop"),
        ("70s", Era, "1970s"),
        ("party", Mood, "Party"),
        ("country", Genre, "Country"),
        ("easy listening", Genre, "Easy Listening"),
        ("sexy", Mood, "Sexy"),
        ("catchy", Mood, "Catchy"),
        ("funk", Genre, "Funk"),
        ("electro", Genre, "Electro"),
        ("heavy metal", Genre, "Heavy Metal"),
        ("Progressive rock", Genre, "Progressive Rock"),
        ("60s", Era, "1960s"),
        ("rnb", Genre, "R&B"),
        ("indie pop", Genre, "Indie Pop"),
        ("sad", Mood, "Sad"),
        ("House", Genre, "House"),
        ("happy", Mood, "Happy"),
    ]
};

/// What the table says of a tag, whatever its case.
pub fn of(tag: &str) -> Option<(Sense, &'static str)> {
    TABLE.iter().find(|(name, ..)| name.eq_ignore_ascii_case(tag)).map(|&(_, sense, name)| (sense, name))
}
