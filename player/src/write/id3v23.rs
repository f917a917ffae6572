//! ID3v2.3 frame by frame.
//!
//! lofty writes ID3v2.3 anew from what it understood: it leaves out frames that only version 2.4 defines, though many
//! programs put them into 2.3 (the sort names, `TSOP`), it drops moods, and it joins genres into `(Rock)Indie`. So the two
//! frames are exchanged here, and every other byte of the tag stays what it is.

use super::fields::Fields;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

const HEADER: usize = 10;

/// Room behind a tag that had to grow, so that the next change need not move the music again.
const PADDING: usize = 1024;

/// Tags beyond this size are none that a person made.
const LARGEST: usize = 64 << 20;

/// Exchanges both fields in the file at `path`; false where its tag is not such that this can be done.
pub(super) fn edit_file(path: &Path, fields: &Fields) -> Result<bool> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut head = [0; HEADER];
    if file.read_exact(&mut head).is_err() {
        return Ok(false);
    }
    let Some(length) = tag_length(&head) else { return Ok(false) };
    let mut tag = vec![0; length];
    if file.read_exact(&mut tag).is_err() {
        return Ok(false);
    }
    let Some(mut frames) = exchange(&tag, fields) else { return Ok(false) };
    if frames.len() <= length {
        frames.resize(length, 0);
        file.seek(SeekFrom::Start(HEADER as u64))?;
        file.write_all(&frames)?;
    } else {
        let mut music = Vec::new();
        file.read_to_end(&mut music)?;
        frames.resize(frames.len() + PADDING, 0);
        let size = frames.len();
        for (i, byte) in head[6..].iter_mut().enumerate() {
            *byte = (size >> (7 * (3 - i)) & 0x7f) as u8;
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head)?;
        file.write_all(&frames)?;
        file.write_all(&music)?;
    }
    file.flush()?;
    Ok(true)
}

/// Bytes behind the header, where it is that of a plain tag of this version.
fn tag_length(head: &[u8; HEADER]) -> Option<usize> {
    let plain = head.starts_with(b"ID3\x03") && head[5] == 0 && head[6..].iter().all(|&byte| byte < 0x80);
    let length = head[6..].iter().fold(0, |length, &byte| length << 7 | usize::from(byte));
    (plain && length <= LARGEST).then_some(length)
}

/// The frames with the two fields exchanged and without padding; nothing where they cannot be told apart.
fn exchange(tag: &[u8], fields: &Fields) -> Option<Vec<u8>> {
    let mut frames = Vec::with_capacity(tag.len() + 256);
    let mut rest = tag;
    // Padding is zeros up to the end.
    while rest.len() >= HEADER && rest[0] != 0 {
        let id = &rest[..4];
        if !id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            return None;
        }
        let length = u32::from_be_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
        let frame = rest.get(..HEADER.checked_add(length)?)?;
        rest = &rest[frame.len()..];
        if id != b"TCON" && !(id == b"TXXX" && is_mood(&frame[HEADER..])) {
            frames.extend_from_slice(frame);
        }
    }
    if !rest.iter().all(|&byte| byte == 0) {
        return None;
    }
    if !fields.genre.is_empty() {
        frames.extend(frame(b"TCON", &fields.genre.join("\0"), None));
    }
    if !fields.mood.is_empty() {
        frames.extend(frame(b"TXXX", &fields.mood.join("\0"), Some("Mood")));
    }
    Some(frames)
}

/// Whether the description of a `TXXX` frame is "mood".
fn is_mood(content: &[u8]) -> bool {
    let Some((&encoding, text)) = content.split_first() else { return false };
    let description: String = match encoding {
        1 | 2 => {
            let (units, little) = match text {
                [0xff, 0xfe, text @ ..] => (text, true),
                [0xfe, 0xff, text @ ..] => (text, false),
                text => (text, false),
            };
            let unit = |&[a, b]: &[u8; 2]| {
                if little { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) }
            };
            let units = units.as_chunks::<2>().0.iter().map(unit).take_while(|&unit| unit != 0);
            char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect()
        }
        _ => text.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect(),
    };
    description.eq_ignore_ascii_case("mood")
}

/// A frame with a text, and a description before it: in Latin-1 where that can hold it, else in UTF-16.
fn frame(id: &[u8; 4], text: &str, description: Option<&str>) -> Vec<u8> {
    let latin = text.chars().all(|c| u32::from(c) < 256);
    let mut content = vec![u8::from(!latin)];
    let mut put = |text: &str, end: bool| {
        if latin {
            content.extend(text.chars().map(|c| c as u8));
            content.extend(end.then_some(0));
        } else {
            content.extend([0xff, 0xfe]);
            content.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            content.extend(end.then_some([0, 0]).into_iter().flatten());
        }
    };
    if let Some(description) = description {
        put(description, true);
    }
    put(text, false);
    let mut frame = id.to_vec();
    frame.extend((content.len() as u32).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(content);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(genre: &[&str], mood: &[&str]) -> Fields {
        let own = |words: &[&str]| words.iter().map(|&word| word.into()).collect();
        Fields { genre: own(genre), mood: own(mood) }
    }

    #[test]
    fn only_the_two_frames_change() {
        let mut tag = frame(b"TSOP", "Bowie, David", None);
        tag.extend(frame(b"TCON", "Rock", None));
        tag.extend(frame(b"TXXX", "calm", Some("MOOD")));
        tag.extend(frame(b"TXXX", "ж", Some("mood")));
        tag.extend(frame(b"TXXX", "7", Some("Rating")));
        tag.extend([0; 30]);
        let changed = exchange(&tag, &fields(&["Rock", "Поп"], &["Sad", "Mellow"])).unwrap();
        let mut want = frame(b"TSOP", "Bowie, David", None);
        want.extend(frame(b"TXXX", "7", Some("Rating")));
        want.extend(frame(b"TCON", "Rock\0Поп", None));
        want.extend(frame(b"TXXX", "Sad\0Mellow", Some("Mood")));
        assert_eq!(changed, want);
        assert_eq!(
            exchange(&changed, &fields(&[], &[])).unwrap().len(),
            want.len() - 2 * 10 - 1 - 2 - 16 - 1 - 5 - 10
        );
    }

    #[test]
    fn what_is_no_plain_tag_is_left_alone() {
        let some = fields(&["Rock"], &[]);
        assert!(exchange(b"TCON\0\0\xff\xff\0\0\0Rock", &some).is_none());
        assert!(exchange(b"tcon\0\0\0\x05\0\0\0Rock", &some).is_none());
        assert!(exchange(b"\0\0\0\0\0\0\0\0\0\0\0\0x", &some).is_none());
        assert_eq!(exchange(b"", &some).unwrap(), frame(b"TCON", "Rock", None));
        assert!(
            tag_length(b"ID3\x03\0\x80\0\0\0\0").is_none() && tag_length(b"ID3\x04\0\0\0\0\0\0").is_none()
        );
        assert_eq!(tag_length(b"ID3\x03\0\0\0\0\x02\x01"), Some(257));
    }
}
