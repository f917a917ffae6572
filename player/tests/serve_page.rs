//! `player serve`: its answers, and its page in a real browser.
//!
//! The browser is Chromium by chromedriver. Where that is not installed, that test says so and is skipped.

#[path = "../../tests/browser/mod.rs"]
mod browser;
mod common;

use browser::Browser;
use common::{Music, Running, player, until};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;
use ureq::Agent;

/// Serves a library; the address that it prints.
fn serve(music: &Music, more: &[&str]) -> (Running, String) {
    let args = music.args(&[&["serve", "--no-audio"], more].concat());
    let mut child = player(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child), line.trim().to_owned())
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

fn get(agent: &Agent, url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = agent.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn post(agent: &Agent, url: &str, body: &Value) -> (u16, Value) {
    let mut response =
        agent.post(url).header("content-type", "application/json").send(body.to_string()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn value(agent: &Agent, url: &str) -> Value {
    let (status, text) = get(agent, url, &[]);
    assert_eq!(status, 200, "{url}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn questions_are_answered_and_nothing_else_is_handed_out() {
    let music = Music::new();
    music.scan();
    let (_running, site) = serve(&music, &["--bind", "127.0.0.1:0"]);
    let site = site.trim_end_matches('/');
    let agent = agent();
    let map = value(&agent, &format!("{site}/api/map"));
    let points = map["points"].as_array().unwrap();
    assert!(points.len() > 8 && map["tags"].as_array().unwrap().len() == 50);
    assert!(points.iter().all(|p| (0.0..=1.0).contains(&p[1].as_f64().unwrap())));
    let found = value(&agent, &format!("{site}/api/search?q=electronic%20or%20ambient"));
    let file = found["songs"][0]["file"].as_i64().unwrap();
    let song = value(&agent, &format!("{site}/api/song/{file}"));
    assert!(song["tags"][0]["p"].as_f64().unwrap() > 0.0 && song.get("path").is_none(), "{song}");
    assert_eq!(
        value(&agent, &format!("{site}/api/similar?file={file}&n=3"))["songs"].as_array().unwrap().len(),
        3
    );
    let (status, list) = post(&agent, &format!("{site}/api/playlist"), &json!({ "from": [file], "n": 4 }));
    assert_eq!((status, list["songs"].as_array().unwrap().len()), (200, 4));
    let (status, text) = get(&agent, &format!("{site}/api/search?q=(jazz"), &[]);
    assert!(status == 400 && text.contains("missing"), "{status} {text}");
    for nothing in
        ["/api/song/99999", "/audio/99999", "/audio/..%2f..%2fetc%2fpasswd", "/etc/passwd", "/api/song/x"]
    {
        let (status, _) = get(&agent, &format!("{site}{nothing}"), &[]);
        assert!(status == 404 || status == 400, "{nothing}: {status}");
    }

    // A part of a file is that part.
    let clip = std::fs::read(music.at("pulse.wav")).unwrap();
    let pulse = points
        .iter()
        .map(|p| p[0].as_i64().unwrap())
        .find(|file| value(&agent, &format!("{site}/api/song/{file}"))["name"] == "pulse");
    let audio = format!("{site}/audio/{}", pulse.unwrap());
    let mut part = agent.get(&audio).header("range", "bytes=100-299").call().unwrap();
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(part.body_mut().read_to_vec().unwrap(), clip[100..300]);
    assert_eq!(agent.get(&audio).call().unwrap().body_mut().read_to_vec().unwrap(), clip);
    // A link that leads out of the library is not followed.
    #[cfg(unix)]
    {
        let secret = music.folder.path().join("secret.wav");
        std::fs::copy(music.at("pulse.wav"), &secret).unwrap();
        std::fs::remove_file(music.at("pulse.wav")).unwrap();
        std::os::unix::fs::symlink(&secret, music.at("pulse.wav")).unwrap();
        assert_eq!(get(&agent, &audio, &[]).0, 404);
        let (status, _) = post(&agent, &format!("{site}/api/play"), &json!({ "files": [pulse] }));
        assert_eq!(status, 404);
    }
    // Names that other sites could be given, and requests that they could make.
    assert_eq!(get(&agent, &format!("{site}/api/now"), &[("host", "evil.example")]).0, 403);
    let mut foreign = agent.post(format!("{site}/api/command")).send("{\"do\":\"toggle\"}").unwrap();
    assert_eq!(foreign.status().as_u16(), 403, "{}", foreign.body_mut().read_to_string().unwrap());
}

#[test]
fn other_computers_need_the_token() {
    let music = Music::new();
    music.scan();
    let (_running, address) = serve(&music, &["--bind", "0.0.0.0:0"]);
    let (site, token) = address.split_once("/?token=").unwrap();
    let site = site.replace("0.0.0.0", "127.0.0.1");
    let agent = agent();
    assert!(token.len() >= 32);
    for path in ["/", "/api/now", "/api/map", "/audio/1", "/?token=wrong"] {
        assert_eq!(get(&agent, &format!("{site}{path}"), &[]).0, 401, "{path}");
    }
    let response = agent.get(format!("{site}/?token={token}")).call().unwrap();
    assert_eq!(response.status().as_u16(), 303);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(get(&agent, &format!("{site}/api/now"), &[("cookie", cookie)]).0, 200);
    let short = common::run(music.args(&["serve", "--token", "short"]));
    assert_eq!(short.status.code(), Some(1));
}

#[test]
fn the_page_plays_shows_tags_searches_and_has_a_map() {
    let Some(browser) = Browser::open() else {
        eprintln!("skipped: the page in a browser, {}", browser::MISSING);
        return;
    };
    let music = Music::new();
    music.add_long();
    music.scan();
    let (_running, site) = serve(&music, &["--bind", "127.0.0.1:0"]);
    browser.go(&site);
    let text = |id: &str| {
        let said = browser.js(&format!("return document.getElementById('{id}').textContent"));
        said.as_str().unwrap().to_owned()
    };
    // The map is drawn, and its legend says what the colours are.
    until("the map stays empty", || (!text("legend").is_empty()).then_some(()));
    assert_eq!(text("name"), "Nothing plays");

    // Searching gives a list.
    browser.write("#query", "electronic or ambient or not rock\u{e007}");
    let songs = until("nothing is found", || {
        browser.js("return document.querySelectorAll('#list li').length").as_u64().filter(|&songs| songs > 0)
    });
    assert!(songs >= 2 && text("listname").contains("found"));
    browser.write("#query", " and (\u{e007}");
    until("a wrong query is not told", || text("listname").contains("missing").then_some(()));

    // A click on the map plays the song there.
    let place = browser.js("const box = document.getElementById('map').getBoundingClientRect(); \
         const names = points.map(p => [p[0], ...spot(p, box.width, box.height)]); \
         return names.map(([file, x, y]) => [file, x + box.left, y + box.top])");
    let agent = agent();
    let clip = place
        .as_array()
        .unwrap()
        .iter()
        .find(|p| value(&agent, &format!("{site}api/song/{}", p[0]))["name"] == "long");
    let clip = clip.unwrap();
    browser.click_at(clip[1].as_f64().unwrap(), clip[2].as_f64().unwrap());
    let name = until("nothing plays", || Some(text("name")).filter(|name| name != "Nothing plays"));
    assert_eq!(value(&agent, &format!("{site}api/now"))["name"], name.as_str());

    // Its tags come, and change.
    let bars = || text("bars");
    let first = until("no tags come", || Some(bars()).filter(|bars| bars.contains("0.")));
    browser.picture("page.png");
    until("the tags do not change", || (bars() != first).then_some(()));
    let windows = value(&agent, &format!("{site}api/now"))["windows"].as_u64().unwrap();
    until("the taggram does not grow", || {
        (value(&agent, &format!("{site}api/now"))["windows"].as_u64().unwrap() > windows + 3).then_some(())
    });
    let drawn = "const c = document.getElementById('strip'); \
                 return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)";
    assert_eq!(browser.js(drawn), true);

    // It holds, and goes on.
    browser.click("#toggle");
    until("it does not hold", || (text("toggle") == "play").then_some(()));
    let held = value(&agent, &format!("{site}api/now"))["position"].as_f64().unwrap();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(value(&agent, &format!("{site}api/now"))["position"].as_f64().unwrap(), held);
    browser.picture("held.png");
    browser.click("#toggle");

    // A song of the list, then the next.
    browser.js("document.getElementById('query').value = ''");
    browser.write("#query", "not rock\u{e007}");
    until("nothing is found", || {
        browser.js("return document.querySelectorAll('#list li').length > 1").as_bool().filter(|&b| b)
    });
    browser.click("#playall");
    until("no queue", || text("next").contains("next").then_some(()));
    let song = value(&agent, &format!("{site}api/now"))["song"].as_u64().unwrap();
    browser.click("#skip");
    until("it does not skip", || {
        (value(&agent, &format!("{site}api/now"))["song"].as_u64().unwrap() > song).then_some(())
    });
    // On a phone.
    browser.be_a_phone();
    assert_eq!(browser.js("return document.documentElement.scrollWidth <= innerWidth"), true);
    browser.picture("phone.png");
}
