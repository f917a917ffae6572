//! A server on 127.0.0.1 that misbehaves as servers do.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is wrong with a file, for its first so many requests, or always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection is cut after half of what was asked for.
    Cut,
    /// Cut, by a server that knows no ranges.
    CutWithoutRanges,
    /// 429, wait no second.
    TooMany,
    /// 500.
    Broken,
    /// More bytes than the header says, or fewer with the connection closed in order.
    WrongLength,
    /// A bit is another.
    Spoilt,
    /// 404.
    NotFound,
    /// Another file by the same name since the first request; each has a mark of its own.
    Replaced,
    /// A page in the place of the file, under 200.
    Page(&'static str),
    /// This status and text.
    Status(u16, &'static str),
    /// 302 to the path under /cdn.
    Moved,
}

#[derive(Clone)]
pub struct Served {
    pub content: Vec<u8>,
    pub fault: Fault,
    /// Requests that the fault lasts.
    pub times: usize,
}

pub struct Server {
    pub root: String,
    files: Arc<Mutex<HashMap<String, Served>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves until the test ends.
    pub fn start(files: HashMap<String, Served>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { root, files: Arc::new(Mutex::new(files)), requests: Arc::default() };
        let (files, requests) = (Arc::clone(&server.files), Arc::clone(&server.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, requests) = (Arc::clone(&files), Arc::clone(&requests));
                // A client that goes away in the middle is what these tests are about.
                std::thread::spawn(move || answer(stream.unwrap(), &files, &requests));
            }
        });
        server
    }

    /// Paths that were asked for, with their queries, in order.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn forget_requests(&self) {
        self.requests.lock().unwrap().clear();
    }

    /// From now on nothing is wrong with any file.
    pub fn mend(&self) {
        self.files.lock().unwrap().values_mut().for_each(|served| served.fault = Fault::None);
    }
}

fn answer(
    stream: TcpStream,
    files: &Mutex<HashMap<String, Served>>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let asked = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let path = asked.split('?').next().unwrap_or_default().to_owned();
    let (mut range, mut if_range) = (None, None);
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => range = Some(value.to_owned()),
            Some((name, value)) if name.eq_ignore_ascii_case("if-range") => if_range = Some(value.to_owned()),
            _ => {}
        }
        if line.is_empty() {
            break;
        }
    }
    let mut out = stream;
    let count = {
        let mut requests = requests.lock().unwrap();
        requests.push(asked);
        requests.iter().filter(|other| other.split('?').next() == Some(&path)).count()
    };
    let redirected = path.strip_prefix("cdn/").unwrap_or(&path);
    let Some(Served { mut content, fault, times }) = files.lock().unwrap().get(redirected).cloned() else {
        return write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let fault = if count <= times { fault } else { Fault::None };
    let mut tag = "\"one\"";
    let mut say = |status: u16, kind: &str, more: &str, text: &str| {
        write!(
            out,
            "HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
    };
    match fault {
        Fault::TooMany => return say(429, "text/plain", "Retry-After: 0\r\n", "too many requests"),
        Fault::Broken => return say(500, "text/html", "", "<html>oops</html>"),
        Fault::NotFound => return say(404, "text/html", "", "<html>not here</html>"),
        Fault::Page(text) => return say(200, "text/html; charset=utf-8", "", text),
        Fault::Status(status, text) => return say(status, "application/xml", "", text),
        Fault::Moved if path == redirected => {
            return say(302, "text/plain", &format!("Location: /cdn/{path}\r\n"), "");
        }
        Fault::Spoilt => content[0] ^= 1,
        Fault::Replaced => {
            tag = "\"zero\"";
            content.reverse();
        }
        _ => {}
    }
    let whole = fault == Fault::CutWithoutRanges || if_range.is_some_and(|mark| mark != tag);
    let from: Option<usize> = range
        .filter(|_| !whole)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    if from.is_some_and(|from| from >= content.len()) {
        return say(416, "text/plain", "", "");
    }
    let rest = &content[from.unwrap_or(0)..];
    let head = match from {
        Some(from) => {
            format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
                content.len() - 1,
                content.len()
            )
        }
        None => "200 OK".to_owned(),
    };
    let length = if fault == Fault::WrongLength { rest.len() + 7 } else { rest.len() };
    write!(
        out,
        "HTTP/1.1 {head}\r\nContent-Type: application/octet-stream\r\nETag: {tag}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )?;
    let sent = match fault {
        Fault::Cut | Fault::CutWithoutRanges | Fault::Replaced => rest.len() / 2,
        _ => rest.len(),
    };
    out.write_all(&rest[..sent])
}
