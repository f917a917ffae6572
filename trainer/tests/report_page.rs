//! `report.html` and `map.html` in a real browser, and what is in them without one.

#[path = "../../tests/browser/mod.rs"]
mod browser;

use browser::Browser;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use trainer::corpus::ClipSource;
use trainer::corpus::synth::{SynthSpec, corpus, write_wav};

fn trainer(folder: &Path, args: &[&str]) -> Output {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).stdin(Stdio::null()).args(args).arg("--model").arg(model);
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out
}

/// Clips with a name that would be a tag of HTML, and tags with one, too.
fn music() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("a & b")).unwrap();
    let clips = corpus(&SynthSpec { clips: 30, seconds: 6.0, seed: 3 });
    let mut manifest = String::from("path,artist,jazz,rock,pop,\"r&b <b>\"\n");
    for (number, clip) in clips.clips.iter().enumerate() {
        let ClipSource::Synth(synth) = &clip.source else { panic!("a synthetic clip") };
        let path = format!("a & b/{number} #1.wav");
        write_wav(synth, &folder.path().join(&path)).unwrap();
        let labels: Vec<String> = clip.labels[..4].iter().map(f32::to_string).collect();
        manifest += &format!("{path},</script><i>band {},{}\n", number % 6, labels.join(","));
    }
    fs::write(folder.path().join("songs.csv"), manifest).unwrap();
    fs::write(folder.path().join("tags.csv"), "model,corpus\nsoul,r&b <b>\n").unwrap();
    folder
}

const EVAL: [&str; 10] = [
    "eval",
    "--corpus",
    "manifest:songs.csv",
    "--split",
    "all",
    "--tags",
    "tags.csv",
    "--robustness",
    "--report",
    "out/report",
];

/// Every address that a page names.
fn addresses(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for attribute in ["src=\"", "href=\"", "url(", "@import"] {
        for rest in page.split(attribute).skip(1) {
            found.insert(rest.split(['"', ')']).next().unwrap_or_default().chars().take(40).collect());
        }
    }
    found
}

#[test]
fn a_report_is_one_page_with_its_figures_beside_it() {
    let folder = music();
    let out = trainer(folder.path(), &EVAL);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("out/report/report.html"), "{said}");
    let report = folder.path().join("out/report");
    let names = [
        "auc",
        "roc",
        "precision",
        "calibration",
        "together-people",
        "together-model",
        "confusion",
        "kernels",
    ];
    for name in names {
        let (svg, png) = (report.join(format!("{name}.svg")), report.join(format!("{name}.png")));
        assert!(fs::read_to_string(svg).unwrap().contains("</svg>"), "{name}");
        assert!(fs::read(png).unwrap().starts_with(b"\x89PNG"), "{name}");
    }
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    for name in names {
        assert!(page.contains(&format!("id=\"figure-{name}\"")), "{name}");
    }
    assert!(page.contains("r&amp;b &lt;b&gt;") && !page.contains("r&b <b>"));
    assert!(page.contains("nothing above 3 kHz") && page.contains("run.json"));
    // Nothing but what lies beside it, and what it holds itself.
    for address in addresses(&page) {
        let own = address.starts_with('#') || address.starts_with("data:image/png");
        assert!(own || report.join(&address).exists(), "{address}");
    }
    // It is the same every time.
    trainer(folder.path(), &EVAL);
    assert_eq!(fs::read_to_string(report.join("report.html")).unwrap(), page);
}

#[test]
fn the_report_sorts_opens_tags_and_plays_and_fits_a_phone() {
    let Some(browser) = Browser::open() else {
        eprintln!("skipped: the report in a browser, {}", browser::MISSING);
        return;
    };
    let folder = music();
    trainer(folder.path(), &EVAL);
    browser.go_to_file(&folder.path().join("out/report/report.html"));
    assert!(browser.text("h1").starts_with("k2c1-msd50-0.1m on manifest:"));
    assert!(browser.text(".verdict").contains("tags") && browser.text("#verdict").contains("mean AUC"));
    browser.picture("report.png");
    let column = |number: usize| -> Vec<String> {
        let found = browser.js(&format!(
            "return [...document.querySelectorAll('#tags tbody tr')].map(row => row.cells[{number}].dataset.value)"
        ));
        found.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let numbers =
        |number: usize| column(number).iter().map(|text| text.parse().unwrap()).collect::<Vec<f64>>();
    assert!(numbers(2).is_sorted_by(|a, b| a >= b) && numbers(2).len() == 4);
    browser.click("#tags th:nth-child(2)");
    assert!(numbers(1).is_sorted_by(|a, b| a >= b));
    browser.click("#tags th:nth-child(2)");
    assert!(numbers(1).is_sorted());
    browser.click("#tags th:nth-child(1)");
    assert_eq!(column(0), ["jazz", "pop", "r&b <b>", "rock"]);

    // A tag opens to its curves and examples, and closes.
    let count = |css: &str| {
        browser.js(&format!("return document.querySelectorAll('{css}').length")).as_u64().unwrap()
    };
    browser.click("#tags tbody tr:nth-child(3) button.open");
    assert_eq!((count("tr.detail"), count("tr.detail svg")), (1, 2));
    assert!(count("tr.detail li") >= 3 && browser.text("tr.detail").contains("</script><i>band"));
    assert_eq!(count("tr.detail li i"), 0, "a name is no tag");
    browser.js("document.querySelector('tr.detail').scrollIntoView()");
    browser.picture("report-tag.png");
    // An example plays from where it lies.
    browser.click("tr.detail button.play");
    let length =
        || browser.js("const p = document.getElementById('player'); return p.error ? -1 : p.duration || 0");
    let length = (0..200).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        length()
    });
    let length = length.filter_map(|length| length.as_f64()).find(|length| *length != 0.0);
    assert!(length.is_some_and(|length| (length - 6.0).abs() < 0.1), "{length:?}");
    browser.click("#tags tbody tr:nth-child(3) button.open");
    assert_eq!(count("tr.detail"), 0);
    assert!(count("#best li") == 8 && count("#worst li") == 8);

    // Nothing came from elsewhere, and nothing failed.
    let loaded = browser.js("return performance.getEntriesByType('resource').map(entry => entry.name)");
    let own = |name: &Value| name.as_str().unwrap().starts_with("file://");
    assert!(loaded.as_array().unwrap().iter().all(own), "{loaded}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.be_a_phone();
    assert_eq!(browser.js("return document.documentElement.scrollWidth <= innerWidth"), true);
    browser.js("scrollTo(0, 0)");
    browser.picture("report-phone.png");
}

#[test]
fn a_map_says_which_song_lies_where_and_plays_it() {
    let Some(browser) = Browser::open() else {
        eprintln!("skipped: the map in a browser, {}", browser::MISSING);
        return;
    };
    let folder = music();
    trainer(
        folder.path(),
        &["map", "--corpus", "manifest:songs.csv", "--out", "out/map", "--perplexity", "5"],
    );
    browser.go_to_file(&folder.path().join("out/map/map.html"));
    assert_eq!(browser.text("#count"), "30 songs");
    let place = |song: usize| -> (f64, f64) {
        let place = browser.js(&format!(
            "const box = document.getElementById('map').getBoundingClientRect(); \
             const [x, y] = at(data.maps[chosen].places[{song}]); return [x + box.left, y + box.top]"
        ));
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    };
    let (x, y) = place(7);
    browser.hover_at(x, y);
    let hovered = browser.js("return hovered").as_u64().unwrap() as usize;
    assert!((place(hovered).0 - x).hypot(place(hovered).1 - y) < 4.0, "the song there, or one on top of it");
    let name = browser.js(&format!("return data.songs[{hovered}].name")).as_str().unwrap().to_owned();
    assert!(browser.text("#song").contains(&name) && browser.text("#song").contains("</script><i>band"));
    browser.click_at(x, y);
    assert!(
        browser.js("return document.getElementById('player').src").as_str().unwrap().ends_with("%231.wav")
    );
    browser.picture("map.png");
    // Colour by a tag, on the other map.
    browser.js(
        "const c = document.getElementById('colour'); c.value = 'jazz'; c.dispatchEvent(new Event('change'))",
    );
    browser.js("const b = document.getElementById('by'); b.value = 'embedding'; b.dispatchEvent(new Event('change'))");
    assert!(browser.text("#legend").contains('0') && browser.text("#said").contains("trustworthiness"));
    browser.write("#find", "Band 3");
    assert_eq!(browser.js("return found.size"), 5);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.be_a_phone();
    assert_eq!(browser.js("return document.documentElement.scrollWidth <= innerWidth"), true);
    browser.picture("map-phone.png");
}
