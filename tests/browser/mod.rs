//! A browser for tests of pages: Chromium by chromedriver, over the WebDriver protocol (W3C, 2018). Several packages include this
//! file; where there is no chromedriver a test says so and is skipped.
#![allow(dead_code, reason = "each test uses some of it")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ureq::Agent;

/// What a test says that is skipped.
pub const MISSING: &str = "for there is no chromedriver (Debian: chromium-driver)";

pub struct Browser {
    agent: Agent,
    session: String,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Nothing where chromedriver cannot be started.
    pub fn open() -> Option<Self> {
        let driver = std::env::var_os("MINIM_CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = Driver(command.spawn().ok()?);
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let base = format!("http://127.0.0.1:{port}");
        let until = Instant::now() + Duration::from_secs(60);
        while agent.get(format!("{base}/status")).call().is_err() {
            assert!(Instant::now() < until, "chromedriver does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let profile = tempfile::tempdir().unwrap();
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1200,1000",
        ];
        let mut args: Vec<String> = args.map(Into::into).into();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": args }, "goog:loggingPrefs": { "browser": "ALL" } } } });
        let answer = post(&agent, &format!("{base}/session"), &wanted);
        let session = format!("{base}/session/{}", answer["value"]["sessionId"].as_str().unwrap());
        Some(Self { agent, session, _driver: driver, _profile: profile })
    }

    pub fn go(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// A page in a file.
    pub fn go_to_file(&self, path: &Path) {
        self.go(&format!("file://{}", path.canonicalize().unwrap().display()));
    }

    /// What a piece of JavaScript says.
    pub fn js(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))["value"].clone()
    }

    /// The text of an element.
    pub fn text(&self, css: &str) -> String {
        self.js(&format!("return document.querySelector(\"{css}\").textContent")).as_str().unwrap().to_owned()
    }

    pub fn write(&self, css: &str, text: &str) {
        self.post(&format!("{}/value", self.element(css)), &json!({ "text": text }));
    }

    pub fn click(&self, css: &str) {
        self.post(&format!("{}/click", self.element(css)), &json!({}));
    }

    /// A click at a place of the window, by the mouse.
    pub fn click_at(&self, x: f64, y: f64) {
        self.mouse(
            x,
            y,
            &[json!({ "type": "pointerDown", "button": 0 }), json!({ "type": "pointerUp", "button": 0 })],
        );
    }

    /// The mouse goes to a place of the window and stays there.
    pub fn hover_at(&self, x: f64, y: f64) {
        self.mouse(x, y, &[]);
    }

    fn mouse(&self, x: f64, y: f64, then: &[Value]) {
        let go =
            json!({ "type": "pointerMove", "duration": 0, "x": x.round() as i64, "y": y.round() as i64 });
        let actions: Vec<&Value> = std::iter::once(&go).chain(then).collect();
        let actions = json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] });
        self.post("actions", &actions);
    }

    /// Makes the window as large as a phone's, which the browser does not make narrower than 500.
    pub fn be_a_phone(&self) {
        self.post("window/rect", &json!({ "width": 500, "height": 900 }));
    }

    /// What the page has complained of since the last time, network errors among it.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({ "type": "browser" }));
        let entries = log["value"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of the page, into the folder that MINIM_SCREENSHOTS names.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("MINIM_SCREENSHOTS") else { return };
        let mut answer = self.agent.get(format!("{}/screenshot", self.session)).call().unwrap();
        let picture: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(name), base64(picture["value"].as_str().unwrap())).unwrap();
    }

    fn element(&self, css: &str) -> String {
        let answer = self.post("element", &json!({ "using": "css selector", "value": css }));
        let id = answer["value"].as_object().unwrap().values().next().unwrap();
        format!("element/{}", id.as_str().unwrap())
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        post(&self.agent, &format!("{}/{what}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
    }
}

fn post(agent: &Agent, url: &str, body: &Value) -> Value {
    let mut answer =
        agent.post(url).header("content-type", "application/json").send(body.to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{url}: {body}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|&byte| byte != b'=').map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let bits =
            chunk.iter().fold(0u32, |bits, &digit| bits << 6 | u32::from(digit)) << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    });
    bytes.collect()
}
