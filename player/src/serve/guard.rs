//! Who may see the page.
//!
//! On this computer anyone who is on it, and no page of another site in their browser: a request must name a host of this
//! computer, which a rebound name does not, and what changes anything must come as JSON from the page itself. From other
//! computers only who knows the token.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// What a request is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What others must know; nothing where only this computer can connect.
    pub token: Option<String>,
}

const NAME: &str = "minim_token";

impl Guard {
    /// Why a request is turned away.
    fn refuses(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let host = text(HOST);
        match &self.token {
            None if !is_local(host) => {
                return Some((StatusCode::FORBIDDEN, "this page is for this computer"));
            }
            Some(token) if !knows(token, uri, text(AUTHORIZATION), text(COOKIE)) => {
                return Some((
                    StatusCode::UNAUTHORIZED,
                    "the token is missing: open the address that player serve printed",
                ));
            }
            _ => {}
        }
        if method == Method::POST {
            let origin = text(ORIGIN);
            let foreign = !origin.is_empty() && origin.split_once("://").is_none_or(|(_, from)| from != host);
            if foreign || !text(CONTENT_TYPE).starts_with("application/json") {
                return Some((StatusCode::FORBIDDEN, "only the page itself may do that"));
            }
        } else if method != Method::GET && method != Method::HEAD {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "not here"));
        }
        None
    }
}

/// Whether a host is this computer, by a name that no one else can have.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn knows(token: &str, uri: &Uri, authorization: &str, cookies: &str) -> bool {
    let asked = uri.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("token="));
    let bearer = authorization.strip_prefix("Bearer ");
    let cookie = cookies.split(';').find_map(|part| part.trim().strip_prefix(NAME)?.strip_prefix('='));
    [asked, bearer, cookie].into_iter().flatten().any(|told| same(told, token))
}

/// Compares in a time that does not tell how much is right.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Turns away who may not, and remembers the token of who may.
pub async fn check(State(site): State<Arc<super::Site>>, request: Request, next: Next) -> Response {
    let (method, uri) = (request.method(), request.uri());
    if let Some((status, reason)) = site.guard.refuses(method, uri, request.headers()) {
        return (status, reason).into_response();
    }
    // The token leaves the address line, where others could read it.
    if let Some(token) = &site.guard.token
        && uri.path() == "/"
        && uri.query().is_some()
    {
        let cookie = format!("{NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
        return (StatusCode::SEE_OTHER, [("set-cookie", cookie), ("location", "/".into())]).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
             media-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(
        token: Option<&str>,
        method: Method,
        uri: &str,
        headers: &[(&'static str, &str)],
    ) -> Option<u16> {
        let guard = Guard { token: token.map(Into::into) };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        guard.refuses(&method, &uri.parse().unwrap(), &map).map(|(status, _)| status.as_u16())
    }

    #[test]
    fn without_a_token_only_this_computer_is_let_in() {
        for (host, status) in [
            ("localhost:7700", None),
            ("127.0.0.1:7700", None),
            ("[::1]:7700", None),
            ("LOCALHOST", None),
            ("evil.example:7700", Some(403)),
            ("127.0.0.1.evil.example", Some(403)),
            ("", Some(403)),
        ] {
            assert_eq!(refused(None, Method::GET, "/", &[("host", host)]), status, "{host}");
        }
    }

    #[test]
    fn with_a_token_whoever_knows_it() {
        let get =
            |uri: &str, headers: &[(&'static str, &str)]| refused(Some("s3cret"), Method::GET, uri, headers);
        assert_eq!(get("/", &[("host", "pi:7700")]), Some(401));
        assert_eq!(get("/?token=wrong1", &[("host", "pi:7700")]), Some(401));
        assert_eq!(get("/?a=b&token=s3cret", &[("host", "pi:7700")]), None);
        assert_eq!(get("/api/now", &[("cookie", "x=y; minim_token=s3cret")]), None);
        assert_eq!(get("/api/now", &[("cookie", "minim_token=s3cre")]), Some(401));
        assert_eq!(get("/api/now", &[("authorization", "Bearer s3cret")]), None);
        assert_eq!(get("/", &[("host", "localhost:7700")]), Some(401));
    }

    #[test]
    fn other_sites_can_change_nothing() {
        let post = |headers: &[(&'static str, &str)]| refused(None, Method::POST, "/api/play", headers);
        let (host, json) = (("host", "localhost:1"), ("content-type", "application/json"));
        assert_eq!(post(&[host, json]), None);
        assert_eq!(post(&[host, json, ("origin", "http://localhost:1")]), None);
        assert_eq!(post(&[host, json, ("origin", "http://evil.example")]), Some(403));
        assert_eq!(post(&[host, json, ("origin", "null")]), Some(403));
        assert_eq!(post(&[host, ("content-type", "text/plain")]), Some(403));
        assert_eq!(refused(None, Method::DELETE, "/", &[host]), Some(405));
    }
}
