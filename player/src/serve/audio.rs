//! Files of the library for the browser to play, whole or in parts.

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

/// A file, or the range of it that was asked for.
pub(super) fn respond(path: &Path, range: Option<&str>) -> Response {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let Ok((length, mut file)) = opened else { return StatusCode::NOT_FOUND.into_response() };
    let part = match range.map(|range| parse(range, length)) {
        // What cannot be understood counts as not asked (RFC 9110, 14.2).
        None | Some(Asked::Nonsense) => None,
        Some(Asked::Part(part)) => Some(part),
        Some(Asked::Outside) => {
            let whole = format!("bytes */{length}");
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, whole)]).into_response();
        }
    };
    let (status, sent) = match &part {
        Some(part) => (StatusCode::PARTIAL_CONTENT, part.clone()),
        None => (StatusCode::OK, 0..length),
    };
    if file.seek(SeekFrom::Start(sent.start)).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let (pieces, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(4);
    let mut rest = sent.end - sent.start;
    tokio::task::spawn_blocking(move || {
        while rest > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(rest).unwrap_or(PIECE))];
            let read = file.read_exact(&mut piece).map(|()| Bytes::from(piece));
            let failed = read.is_err();
            rest -= read.as_ref().map_or(0, |bytes| bytes.len() as u64);
            // A browser that has heard enough hangs up.
            if pieces.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(sent.end - sent.start));
    if part.is_some() {
        let range = format!("bytes {}-{}/{length}", sent.start, sent.end.saturating_sub(1));
        headers.insert(CONTENT_RANGE, range.parse().unwrap_or_else(|_| HeaderValue::from_static("")));
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Nonsense,
    Outside,
    Part(Range<u64>),
}

/// One range of bytes, as in `bytes=0-499`, `bytes=500-` or `bytes=-500`.
fn parse(range: &str, length: u64) -> Asked {
    let Some((from, to)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Nonsense;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    let (from, to) = match (number(from), number(to)) {
        (Ok(from), Ok(to)) if from <= to => (from, to.saturating_add(1).min(length)),
        (Ok(from), Err(_)) if to.trim().is_empty() => (from, length),
        (Err(_), Ok(last)) if from.trim().is_empty() => (length.saturating_sub(last), length),
        _ => return Asked::Nonsense,
    };
    if from >= length || from >= to { Asked::Outside } else { Asked::Part(from..to) }
}

fn kind(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    match &*extension {
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "m4a" | "m4b" | "mp4" => "audio/mp4",
        "wav" => "audio/wav",
        "aif" | "aiff" | "aifc" => "audio/aiff",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(parse("bytes=0-499", 1000), Asked::Part(0..500));
        assert_eq!(parse("bytes=500-", 1000), Asked::Part(500..1000));
        assert_eq!(parse("bytes=-300", 1000), Asked::Part(700..1000));
        assert_eq!(parse("bytes=-3000", 1000), Asked::Part(0..1000));
        assert_eq!(parse("bytes=0-99999999999999999999", 1000), Asked::Nonsense);
        assert_eq!(parse("bytes=990-18446744073709551615", 1000), Asked::Part(990..1000));
        assert_eq!(parse("bytes=1000-", 1000), Asked::Outside);
        assert_eq!(parse("bytes=-0", 1000), Asked::Outside);
        assert_eq!(parse("bytes=0-", 0), Asked::Outside);
        for nonsense in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-1", "lines=0-1", "bytes=a-b", "bytes=0-1,5-6"]
        {
            assert_eq!(parse(nonsense, 1000), Asked::Nonsense, "{nonsense}");
        }
    }
}
