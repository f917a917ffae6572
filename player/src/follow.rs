//! Hearing what another player plays: MPD, by its line protocol.
//!
//! MPD is asked what plays, and then waits for news (`idle player`), one after the other. It also keeps stickers: notes
//! about its songs.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why MPD cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MpdError {
    /// The address is none.
    #[error("{0}: not an address of MPD; for example mpd://localhost:6600 or mpd:///run/mpd/socket")]
    Address(String),
    /// It is not there, or went away.
    #[error("{address}: {source}")]
    Connection {
        /// Where it should be.
        address: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Whoever answers there is no MPD.
    #[error("{address}: no MPD: it says \"{said}\"")]
    NoMpd {
        /// Where.
        address: String,
        /// How it greets.
        said: String,
    },
    /// MPD refused.
    #[error("{address}: MPD says: {said}")]
    Refused {
        /// Where.
        address: String,
        /// Its answer.
        said: String,
    },
}

/// Where an MPD is: `mpd://[PASSWORD@]HOST[:PORT]`, or `mpd:///PATH/TO/SOCKET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    socket: Option<PathBuf>,
    password: Option<String>,
}

impl std::str::FromStr for Address {
    type Err = MpdError;

    fn from_str(text: &str) -> Result<Self, MpdError> {
        let wrong = || MpdError::Address(text.into());
        let rest = text.strip_prefix("mpd://").ok_or_else(wrong)?;
        if rest.starts_with('/') {
            let socket = Some(rest.trim_end_matches('/').into());
            return Ok(Self { host: String::new(), port: 0, socket, password: None });
        }
        let rest = rest.trim_end_matches('/');
        let (password, place) =
            rest.rsplit_once('@').map_or((None, rest), |(word, place)| (Some(word), place));
        let (host, port) = match place.rsplit_once(':') {
            // An address of IPv6 without a port ends in a bracket.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (place, 6600),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err(wrong());
        }
        Ok(Self { host: host.into(), port, socket: None, password: password.map(Into::into) })
    }
}

impl std::fmt::Display for Address {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.socket {
            Some(socket) => write!(f, "mpd://{}", socket.display()),
            None => write!(f, "mpd://{}:{}", self.host, self.port),
        }
    }
}

/// What MPD plays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playing {
    /// Whether music comes out.
    pub plays: bool,
    /// The song, as MPD's database names it; none where it is stopped.
    pub file: Option<String>,
    /// Seconds that were played.
    pub elapsed: f64,
}

/// A connection.
pub struct Mpd {
    address: String,
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
    local: bool,
}

impl std::fmt::Debug for Mpd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mpd").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Mpd {
    /// Connects.
    ///
    /// # Errors
    /// [`MpdError`], which names the address.
    pub fn connect(address: &Address) -> Result<Self, MpdError> {
        let name = address.to_string();
        let failed = |source| MpdError::Connection { address: name.clone(), source };
        let (reader, writer): (Box<dyn Read + Send>, Box<dyn Write + Send>) = match &address.socket {
            #[cfg(unix)]
            Some(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path).map_err(failed)?;
                (Box::new(stream.try_clone().map_err(failed)?), Box::new(stream))
            }
            #[cfg(not(unix))]
            Some(_) => return Err(MpdError::Address(name)),
            None => {
                let stream = TcpStream::connect((&*address.host, address.port)).map_err(failed)?;
                (Box::new(stream.try_clone().map_err(failed)?), Box::new(stream))
            }
        };
        let reader = BufReader::new(reader);
        let mut mpd = Self { address: name.clone(), reader, writer, local: address.socket.is_some() };
        let greeting = mpd.line()?;
        if !greeting.starts_with("OK MPD ") {
            let said = greeting.chars().take(80).collect();
            return Err(MpdError::NoMpd { address: name, said });
        }
        if let Some(password) = &address.password {
            mpd.ask(&format!("password {}", quoted(password)))?;
        }
        Ok(mpd)
    }

    /// Sends a command and gives the pairs of its answer.
    ///
    /// # Errors
    /// When MPD refuses or is gone.
    pub fn ask(&mut self, command: &str) -> Result<Vec<(String, String)>, MpdError> {
        let sent =
            self.writer.write_all(format!("{command}\n").as_bytes()).and_then(|()| self.writer.flush());
        sent.map_err(|source| MpdError::Connection { address: self.address.clone(), source })?;
        let mut pairs = Vec::new();
        loop {
            let line = self.line()?;
            if line == "OK" {
                return Ok(pairs);
            }
            if let Some(said) = line.strip_prefix("ACK ") {
                return Err(MpdError::Refused { address: self.address.clone(), said: said.into() });
            }
            if let Some((key, value)) = line.split_once(": ") {
                pairs.push((key.into(), value.into()));
            }
        }
    }

    /// Waits until the player changes.
    ///
    /// # Errors
    /// When MPD is gone.
    pub fn wait(&mut self) -> Result<(), MpdError> {
        self.ask("idle player").map(drop)
    }

    /// What plays.
    ///
    /// # Errors
    /// When MPD refuses or is gone.
    pub fn playing(&mut self) -> Result<Playing, MpdError> {
        let status = self.ask("status")?;
        let value = |pairs: &[(String, String)], key: &str| {
            pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let state = value(&status, "state").unwrap_or_default();
        let elapsed = value(&status, "elapsed").and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let file = if state == "stop" { None } else { value(&self.ask("currentsong")?, "file") };
        Ok(Playing { plays: state == "play", file, elapsed })
    }

    /// Where MPD keeps its music: it only says so over its socket.
    ///
    /// # Errors
    /// When MPD refuses or is gone.
    pub fn music_directory(&mut self) -> Result<Option<PathBuf>, MpdError> {
        if !self.local {
            return Ok(None);
        }
        let config = self.ask("config")?;
        Ok(config.into_iter().find(|(key, _)| key == "music_directory").map(|(_, path)| path.into()))
    }

    /// Gives a song of MPD's database a sticker.
    ///
    /// # Errors
    /// When MPD refuses (it has no such song, or no `sticker_file` in its configuration) or is gone.
    pub fn set_sticker(&mut self, file: &str, name: &str, value: &str) -> Result<(), MpdError> {
        self.ask(&format!("sticker set song {} {} {}", quoted(file), quoted(name), quoted(value))).map(drop)
    }

    fn line(&mut self) -> Result<String, MpdError> {
        let mut bytes = Vec::new();
        // MPD's own limit is far below this.
        let read = self.reader.by_ref().take(1 << 16).read_until(b'\n', &mut bytes);
        let gone = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "MPD hung up");
        let read = read.and_then(|read| if read == 0 { Err(gone()) } else { Ok(()) });
        read.map_err(|source| MpdError::Connection { address: self.address.clone(), source })?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// An argument as MPD's protocol wants it. A line break cannot be said.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .filter(|c| *c != '\n')
        .flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c]))
        .collect();
    format!("\"{escaped}\"")
}

/// Where a song of MPD's lies: below the first of these folders that has it. A song that is a stream is nowhere.
pub fn locate(file: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    if file.contains("://") {
        return None;
    }
    // A local file that was added by its path.
    let direct = Path::new(file);
    if direct.is_absolute() && direct.is_file() {
        return Some(direct.into());
    }
    folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file())
}

/// How long to wait before MPD is sought again that went away: twice as long each time.
pub fn patience(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let address = |text: &str| text.parse::<Address>();
        let plain = address("mpd://localhost").unwrap();
        assert_eq!((&*plain.host, plain.port, plain.password), ("localhost", 6600, None));
        let full = address("mpd://se@cret@10.0.0.1:6601/").unwrap();
        assert_eq!((&*full.host, full.port, full.password.as_deref()), ("10.0.0.1", 6601, Some("se@cret")));
        assert_eq!(full.to_string(), "mpd://10.0.0.1:6601");
        assert_eq!(address("mpd://[::1]:7000").unwrap().host, "::1");
        assert_eq!(address("mpd://[::1]").unwrap().port, 6600);
        assert_eq!(
            address("mpd:///run/mpd/socket").unwrap().socket.as_deref(),
            Some(Path::new("/run/mpd/socket"))
        );
        for wrong in ["", "localhost", "http://x", "mpd://", "mpd://x:port", "mpd://:6600"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_are_quoted() {
        assert_eq!(quoted("a \"b\" \\ c\nd"), "\"a \\\"b\\\" \\\\ cd\"");
    }
}
