//! Genre and mood in a file, by the names that Picard, MPD, Navidrome and beets read:
//!
//! | format | genre | mood |
//! |---|---|---|
//! | ID3v2.3 (mp3) | `TCON` | `TXXX:Mood` |
//! | ID3v2.4 (mp3, aiff, wav) | `TCON` | `TMOO` |
//! | Vorbis comments (flac, ogg, opus) | `GENRE` | `MOOD` |
//! | MP4 | `©gen` | `----:com.apple.iTunes:MOOD` |
//!
//! Several values stay apart: as values of one frame or atom, or as comments of one name; never joined by a semicolon.

use super::{WriteError, id3v23};
use lofty::TextEncoding;
use lofty::config::{ParseOptions, WriteOptions};
use lofty::file::{AudioFile as _, FileType};
use lofty::id3::v2::{Frame, FrameId, Id3v2Tag, Id3v2Version, TextInformationFrame};
use lofty::mp4::{Atom, AtomData, AtomIdent, Ilst, Mp4File};
use lofty::ogg::tag::VorbisComments;
use lofty::ogg::{OggPictureStorage as _, OpusFile, VorbisFile};
use lofty::prelude::TagExt as _;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

/// What a file says of its genre and mood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// Genres, apart.
    pub genre: Vec<String>,
    /// Moods, apart.
    pub mood: Vec<String>,
}

const TCON: FrameId<'static> = FrameId::Valid(Cow::Borrowed("TCON"));
const TMOO: FrameId<'static> = FrameId::Valid(Cow::Borrowed("TMOO"));
const MP4_GENRE: AtomIdent<'static> = AtomIdent::Fourcc(*b"\xa9gen");
const MP4_MOOD: AtomIdent<'static> =
    AtomIdent::Freeform { mean: Cow::Borrowed("com.apple.iTunes"), name: Cow::Borrowed("MOOD") };

/// The tags of a file in their own format.
enum Tags {
    Id3(Id3v2Tag),
    Vorbis(VorbisComments),
    Mp4(Ilst),
}

/// Reads both fields of a file.
///
/// # Errors
/// When its tags cannot be read, or its format has none that are written here.
pub fn read(path: &Path) -> Result<Fields, WriteError> {
    Ok(match open(path)? {
        Tags::Id3(tag) => {
            let mood = tag.get_texts(&TMOO).map(|texts| texts.map(str::to_owned).collect::<Vec<_>>());
            let genre = tag.genres().map(|genres| genres.map(str::to_owned).collect()).unwrap_or_default();
            Fields { genre: said(genre), mood: said(mood.unwrap_or_else(|| user_moods(&tag))) }
        }
        Tags::Vorbis(tag) => {
            let all = |key| said(tag.get_all(key).map(str::to_owned).collect());
            Fields { genre: all("GENRE"), mood: all("MOOD") }
        }
        Tags::Mp4(tag) => {
            let all = |ident| said(tag.get(ident).map(texts).unwrap_or_default());
            Fields { genre: all(&MP4_GENRE), mood: all(&MP4_MOOD) }
        }
    })
}

/// Values that say something.
fn said(mut values: Vec<String>) -> Vec<String> {
    values.retain(|value| !value.trim().is_empty());
    values
}

/// `TXXX:Mood`, whatever its case.
fn user_moods(tag: &Id3v2Tag) -> Vec<String> {
    let mood = tag.into_iter().find_map(|frame| match frame {
        Frame::UserText(text) if text.description.eq_ignore_ascii_case("mood") => Some(&text.content),
        _ => None,
    });
    mood.map(|content| content.split('\0').map(str::to_owned).collect()).unwrap_or_default()
}

fn texts(atom: &Atom<'_>) -> Vec<String> {
    let text = |data: &AtomData| match data {
        AtomData::UTF8(text) | AtomData::UTF16(text) => Some(text.clone()),
        _ => None,
    };
    atom.data().filter_map(text).collect()
}

/// Gives a file, which is a copy of ours, other fields; whatever else its tags say stays.
///
/// # Errors
/// As [`read`], and when it cannot be written.
pub fn write(path: &Path, fields: &Fields) -> Result<(), WriteError> {
    let failed =
        |error: &dyn std::fmt::Display| WriteError::Tags { path: path.into(), reason: error.to_string() };
    let mut tags = open(path)?;
    if let Tags::Id3(tag) = &tags
        && tag.original_version() == Id3v2Version::V3
        && id3v23::edit_file(path, fields).map_err(|source| WriteError::Io { path: path.into(), source })?
    {
        return Ok(());
    }
    let options = WriteOptions::default();
    match &mut tags {
        Tags::Id3(tag) => {
            let mut set = |id: FrameId<'static>, values: &[String]| {
                let _ = tag.remove(&id).count();
                if !values.is_empty() {
                    let text = TextInformationFrame::new(id, TextEncoding::UTF8, values.join("\0"));
                    tag.insert(Frame::Text(text));
                }
            };
            set(TCON, &fields.genre);
            set(TMOO, &fields.mood);
            tag.retain(|frame| {
                !matches!(frame, Frame::UserText(text) if text.description.eq_ignore_ascii_case("mood"))
            });
            tag.save_to_path(path, options).map_err(|error| failed(&error))
        }
        Tags::Vorbis(tag) => {
            for (key, values) in [("GENRE", &fields.genre), ("MOOD", &fields.mood)] {
                let _ = tag.remove(key).count();
                values.iter().for_each(|value| tag.push(key.into(), value.clone()));
            }
            tag.save_to_path(path, options).map_err(|error| failed(&error))
        }
        Tags::Mp4(tag) => {
            for (ident, values) in [(MP4_GENRE, &fields.genre), (MP4_MOOD, &fields.mood)] {
                let _ = tag.remove(&ident).count();
                let data = values.iter().map(|value| AtomData::UTF8(value.clone())).collect();
                if let Some(atom) = Atom::from_collection(ident, data) {
                    tag.insert(atom);
                }
            }
            tag.save_to_path(path, options).map_err(|error| failed(&error))
        }
    }
}

/// The tags of a file; empty ones where it has none yet.
fn open(path: &Path) -> Result<Tags, WriteError> {
    // A panic over a damaged file must not end a run over many.
    std::panic::catch_unwind(|| try_open(path))
        .unwrap_or_else(|_| Err("its tags are damaged".into()))
        .map_err(|reason| WriteError::Tags { path: path.into(), reason })
}

fn try_open(path: &Path) -> Result<Tags, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let probe = lofty::probe::Probe::open(path).map_err(|error| text(&error))?;
    let file_type = probe.guess_file_type().map_err(|error| text(&error))?.file_type();
    let mut file = File::open(path).map_err(|error| text(&error))?;
    let options = ParseOptions::new().read_properties(false);
    macro_rules! tag_of {
        ($file:ty, $tag:ident) => {
            <$file>::read_from(&mut file, options).map_err(|error| text(&error))?.$tag().cloned()
        };
    }
    Ok(match file_type {
        Some(FileType::Mpeg) => Tags::Id3(tag_of!(lofty::mpeg::MpegFile, id3v2).unwrap_or_default()),
        Some(FileType::Aiff) => Tags::Id3(tag_of!(lofty::iff::aiff::AiffFile, id3v2).unwrap_or_default()),
        Some(FileType::Wav) => Tags::Id3(tag_of!(lofty::iff::wav::WavFile, id3v2).unwrap_or_default()),
        Some(FileType::Flac) => {
            let file = lofty::flac::FlacFile::read_from(&mut file, options).map_err(|error| text(&error))?;
            let mut tag = file.vorbis_comments().cloned().unwrap_or_default();
            // They lie beside the comments in the file, and would be lost.
            for (picture, info) in file.pictures() {
                if !tag.pictures().iter().any(|(other, _)| other == picture) {
                    tag.insert_picture(picture.clone(), Some(*info)).map_err(|error| text(&error))?;
                }
            }
            Tags::Vorbis(tag)
        }
        Some(FileType::Vorbis) => Tags::Vorbis(
            VorbisFile::read_from(&mut file, options)
                .map_err(|error| text(&error))?
                .vorbis_comments()
                .clone(),
        ),
        Some(FileType::Opus) => Tags::Vorbis(
            OpusFile::read_from(&mut file, options).map_err(|error| text(&error))?.vorbis_comments().clone(),
        ),
        Some(FileType::Mp4) => Tags::Mp4(tag_of!(Mp4File, ilst).unwrap_or_default()),
        _ => return Err("a format whose tags are not written here".into()),
    })
}
