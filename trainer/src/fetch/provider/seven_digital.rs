//! Previews of 30 to 60 seconds from 7digital, which is where the Million Song Dataset's audio came from.
//!
//! `GET /clip/ID` on its previews' host, signed by OAuth 1.0 in the query, answers with the mp3 or leads to it. Refusals are
//! small XML documents with a code and a message, under a status that is not always one of an error.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::oauth::{encode, signature};
use crate::fetch::transfer::{Provider, Refusal, Wanted, plain_refusal};

/// Key, country and pace of an account.
#[derive(Clone)]
pub struct SevenDigital {
    /// Where its previews are.
    pub root: String,
    /// The account's key.
    pub key: String,
    /// Its secret.
    pub secret: String,
    /// Two letters: what may be heard differs from country to country.
    pub country: String,
    /// Requests a second that the account may make.
    pub per_second: f64,
}

impl std::fmt::Debug for SevenDigital {
    /// Without key and secret, which are nobody else's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SevenDigital")
            .field("root", &self.root)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

impl SevenDigital {
    /// Its previews' host.
    pub const ROOT: &str = "https://previews.7digital.com";

    /// A preview as the paper's author keeps them: `6/0/6010476.clip.mp3`.
    pub fn wanted(id: &str) -> Wanted {
        let folder = |digit: usize| id.get(digit..=digit).unwrap_or("0").to_owned();
        let to: PathBuf = [folder(0), folder(1), format!("{id}.clip.mp3")].iter().collect();
        Wanted { id: id.into(), to, sum: None }
    }

    fn signed(&self, id: &str, nonce: &str, timestamp: &str) -> String {
        let url = format!("{}/clip/{}", self.root.trim_end_matches('/'), encode(id));
        let mut parameters = vec![
            ("country", self.country.as_str()),
            ("oauth_consumer_key", &self.key),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", timestamp),
            ("oauth_version", "1.0"),
        ];
        let signature = signature("GET", &url, &parameters, &self.secret, "");
        parameters.push(("oauth_signature", &signature));
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("{url}?{}", query.join("&"))
    }
}

impl Provider for SevenDigital {
    fn url(&self, wanted: &Wanted) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.signed(&wanted.id, &format!("{:032x}", rand::random::<u128>()), &now.to_string())
    }

    fn refusal(&self, status: u16, body: &str) -> Refusal {
        let message = between(body, "<errorMessage>", "</errorMessage>").unwrap_or(body).trim();
        let short: String = message.chars().take(200).collect();
        let said = format!("7digital says {status}: {short}");
        let lower = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        // A quota comes as 401 or 429: the one of a day ends a run, the one of a second does not.
        if has(&["quota", "daily limit", "limit exceeded", "limit reached"]) {
            return Refusal::Stop(said);
        }
        if has(&["territor", "country", "region", "not available in"]) {
            return Refusal::Gone(format!("not to be heard in {}: {said}", self.country));
        }
        // 2001: there is no such track.
        if between(body, "code=\"", "\"") == Some("2001") || has(&["not found", "no such"]) {
            return Refusal::Gone(format!("not found: {said}"));
        }
        match plain_refusal(status) {
            // 9001 and others of 7digital's own troubles, and a document where the sound should be.
            Refusal::Gone(_) if status == 200 => Refusal::Again(said),
            Refusal::Again(_) => Refusal::Again(said),
            Refusal::Gone(_) => Refusal::Gone(said),
            Refusal::Stop(_) => Refusal::Stop(said),
        }
    }

    fn per_second(&self) -> Option<f64> {
        Some(self.per_second)
    }

    fn fault(&self, path: &Path) -> Option<String> {
        runtime::decode::stated_seconds(path).err().map(|error| format!("what came is no audio: {error}"))
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> SevenDigital {
        SevenDigital {
            root: SevenDigital::ROOT.into(),
            key: "key".into(),
            secret: "secret & more".into(),
            country: "GB".into(),
            per_second: 4.0,
        }
    }

    /// The signature was computed by Python's hmac (RFC 5849's base string by hand).
    #[test]
    fn an_address_is_signed() {
        let url = account().signed("1234", "0123", "1700000000");
        assert!(
            url.starts_with("https://previews.7digital.com/clip/1234?country=GB&oauth_consumer_key=key&"),
            "{url}"
        );
        assert!(url.ends_with("&oauth_signature=TLWAqB5qFDhDNjFOhuIGo7QZUmw%3D"), "{url}");
        assert!(!format!("{:?}", account()).contains("secret"));
    }

    #[test]
    fn refusals_are_told_apart() {
        let error = |code: u16, message: &str| {
            format!(
                "<?xml version=\"1.0\"?><response status=\"error\" version=\"1.2\"><error code=\"{code}\"><errorMessage>\
                 {message}</errorMessage></error></response>"
            )
        };
        let refusal = |status, code, message| account().refusal(status, &error(code, message));
        assert!(
            matches!(refusal(404, 2001, "Track not found"), Refusal::Gone(why) if why.contains("not found"))
        );
        assert!(matches!(refusal(200, 2001, "Track"), Refusal::Gone(_)));
        let region = refusal(403, 2002, "Track is not available in this territory");
        assert!(matches!(region, Refusal::Gone(why) if why.contains("in GB")));
        assert!(matches!(refusal(401, 1000, "Daily quota exceeded"), Refusal::Stop(_)));
        assert!(matches!(refusal(429, 1000, "Too many requests"), Refusal::Again(_)));
        assert!(matches!(refusal(401, 1000, "Invalid key"), Refusal::Stop(_)));
        assert!(matches!(refusal(200, 9001, "Internal server error"), Refusal::Again(_)));
        assert!(matches!(refusal(502, 0, ""), Refusal::Again(_)));
    }
}
