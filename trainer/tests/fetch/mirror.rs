//! A mirror on 127.0.0.1 that can behave badly.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a file is served.
#[derive(Clone, Copy, PartialEq)]
pub enum Manner {
    /// As it should be, with ranges.
    Well,
    /// The first answer stops after so many bytes; ranges are known.
    CutOnce(usize),
    /// The first answer stops after so many bytes; every answer is the whole file.
    CutOnceWithoutRanges(usize),
    /// The first answer is 503.
    BusyOnce,
    /// Always with one bit changed.
    Spoilt,
    /// Always less than a header promises, nothing at all.
    Nothing,
    /// Always so many bytes and no more; a part of it is answered by 416.
    NoMore(usize),
}

/// A request: the path and the value of its Range header.
pub type Request = (String, Option<String>);

pub struct Mirror {
    pub root: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Mirror {
    /// Serves until the test ends.
    pub fn start(files: HashMap<String, (Vec<u8>, Manner)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}/debian/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away in the middle is what these tests are about.
                let _ = answer(stream.unwrap(), &files, &log);
            }
        });
        Self { root, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    stream: TcpStream,
    files: &HashMap<String, (Vec<u8>, Manner)>,
    log: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().trim_start_matches("/debian/").to_owned();
    let mut range = None;
    for line in lines {
        let line = line?;
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("range")
        {
            range = Some(value.to_owned());
        }
        if line.is_empty() {
            break;
        }
    }
    let asked = {
        let mut log = log.lock().unwrap();
        log.push((path.clone(), range.clone()));
        log.iter().filter(|(other, _)| *other == path).count()
    };
    let mut out = stream;
    let Some((content, manner)) = files.get(&path) else {
        return write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let mut content = content.clone();
    if *manner == Manner::Spoilt {
        content[100] ^= 1;
    }
    if *manner == Manner::BusyOnce && asked == 1 {
        return write!(out, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if range.is_some() && matches!(manner, Manner::NoMore(_)) {
        return write!(out, "HTTP/1.1 416 No such part\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let whole = matches!(manner, Manner::CutOnceWithoutRanges(_));
    let from =
        range.filter(|_| !whole).and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let head = match from {
        Some(from) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            content.len() - 1,
            content.len()
        ),
        None => "200 OK".to_owned(),
    };
    let rest = &content[from.unwrap_or(0)..];
    write!(out, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len())?;
    let sent = match manner {
        Manner::CutOnce(n) | Manner::CutOnceWithoutRanges(n) if asked == 1 => *n,
        Manner::NoMore(n) => *n,
        Manner::Nothing => 0,
        _ => rest.len(),
    };
    out.write_all(&rest[..sent])
}
