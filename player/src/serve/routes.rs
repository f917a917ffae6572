//! What is answered.

use super::{Site, audio, guard};
use crate::library::{Library, LibraryError, Song, Track};
use crate::near::playlist::{PlaylistOptions, playlist};
use crate::near::query::Query;
use crate::near::search::{Hit, matching, nearest, vector_of};
use crate::near::vector::level;
use crate::play::now::Now;
use crate::play::session::Command;
use axum::extract::{Path, Query as Asked, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

type Here = State<Arc<Site>>;

/// Most songs in one answer.
const MOST: usize = 500;

/// All routes.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route("/api/now", get(|State(site): Here| async move { Json(told(&site.session.board().read().0)) }))
        .route("/api/events", get(events))
        .route("/api/command", post(command))
        .route("/api/play", post(play))
        .route("/api/search", get(search))
        .route("/api/similar", get(similar))
        .route("/api/playlist", post(make_playlist))
        .route("/api/song/{file}", get(song))
        .route("/api/map", get(map))
        .route("/audio/{file}", get(hand_out))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard::check))
        .with_state(site)
}

/// A request that cannot be answered.
struct Fault(StatusCode, String);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<LibraryError> for Fault {
    fn from(error: LibraryError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

fn unknown() -> Fault {
    Fault(StatusCode::NOT_FOUND, "no such song".into())
}

/// A file of the library and the song in it.
fn known(library: &Library, file: i64) -> Result<(Track, Song), Fault> {
    let track = library.track(file)?.ok_or_else(unknown)?;
    let song = library.song(track.song)?.ok_or_else(unknown)?;
    Ok((track, song))
}

type Answer = Result<Json<Value>, Fault>;

/// The library is asked on a thread that may wait.
async fn apart<T: Send + 'static>(
    site: Arc<Site>,
    work: impl FnOnce(&Site) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(move || work(&site)).await;
    done.unwrap_or_else(|_| Err(Fault(StatusCode::INTERNAL_SERVER_ERROR, "it failed".into())))
}

/// What plays, without the path, and with the last windows of its most likely tags.
fn told(now: &Now) -> Value {
    let mut told = json!(now);
    if let Some(map) = told.as_object_mut() {
        map.remove("path");
    }
    told
}

async fn events(State(site): Here) -> Response {
    let (events, receiver) = tokio::sync::mpsc::channel::<Result<Event, Infallible>>(4);
    tokio::spawn(async move {
        let mut seen = None;
        let mut since = 0;
        loop {
            let (now, version) = site.session.board().read();
            since += 1;
            // The position passes without a change; once a second is enough of it.
            if seen != Some(version) || since >= 5 {
                seen = Some(version);
                since = 0;
                let event = Event::default().data(told(&now).to_string());
                if events.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            if events.is_closed() {
                return;
            }
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Wish {
    Toggle,
    Skip,
    Back,
    Seek { to: f64 },
}

async fn command(State(site): Here, Json(wish): Json<Wish>) -> Answer {
    let command = match wish {
        Wish::Toggle => Command::Toggle,
        Wish::Skip => Command::Skip,
        Wish::Back => Command::Back,
        Wish::Seek { to } => Command::SeekTo(to),
    };
    Ok(Json(json!({ "done": site.session.send(command) })))
}

#[derive(Deserialize)]
struct Songs {
    files: Vec<i64>,
    /// After what is queued, instead of at once.
    #[serde(default)]
    later: bool,
}

async fn play(State(site): Here, Json(songs): Json<Songs>) -> Answer {
    let done = apart(site, move |site| {
        let paths: Vec<_> = songs.files.iter().take(MOST).filter_map(|&file| site.file(file)).collect();
        if paths.is_empty() {
            return Err(unknown());
        }
        let count = paths.len();
        site.session.send(if songs.later { Command::Add(paths) } else { Command::Play(paths, 0.0) });
        Ok(count)
    });
    Ok(Json(json!({ "songs": done.await? })))
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
    n: Option<usize>,
}

async fn search(State(site): Here, Asked(asked): Asked<Search>) -> Answer {
    let n = asked.n.unwrap_or(100).min(MOST);
    apart(site, move |site| {
        site.with_library(|library, model| {
            let query = Query::parse(&asked.q, &model.tags)
                .map_err(|error| Fault(StatusCode::BAD_REQUEST, error.to_string()))?;
            Ok(list(&matching(library, model, &query, n)?))
        })
    })
    .await
}

#[derive(Deserialize)]
struct Like {
    file: i64,
    n: Option<usize>,
}

async fn similar(State(site): Here, Asked(asked): Asked<Like>) -> Answer {
    let n = asked.n.unwrap_or(20).min(MOST);
    apart(site, move |site| {
        site.with_library(|library, model| {
            let (_, song) = known(library, asked.file)?;
            let but = HashSet::from([song.id]);
            Ok(list(&nearest(library, model, &vector_of(&song, model), n, &but)?))
        })
    })
    .await
}

#[derive(Deserialize)]
struct Seeds {
    from: Vec<i64>,
    n: Option<usize>,
}

async fn make_playlist(State(site): Here, Json(asked): Json<Seeds>) -> Answer {
    let options = PlaylistOptions { length: asked.n.unwrap_or(20).min(MOST), same_artist: false };
    apart(site, move |site| {
        site.with_library(|library, model| {
            let (mut vectors, mut but) = (Vec::new(), HashSet::new());
            for &file in asked.from.iter().take(MOST) {
                let (_, song) = known(library, file)?;
                vectors.push(vector_of(&song, model));
                but.insert(song.id);
            }
            if vectors.is_empty() {
                return Err(unknown());
            }
            Ok(list(&playlist(library, model, &vectors, &but, options)?))
        })
    })
    .await
}

fn list(hits: &[Hit]) -> Json<Value> {
    let song = |hit: &Hit| {
        let mut song = row(&hit.track);
        song["score"] = json!((f64::from(hit.score) * 1e3).round() / 1e3);
        song
    };
    Json(json!({ "songs": hits.iter().map(song).collect::<Vec<_>>() }))
}

fn row(track: &Track) -> Value {
    json!({ "file": track.file, "name": track.name(), "seconds": track.seconds.round() })
}

async fn song(State(site): Here, Path(file): Path<i64>) -> Answer {
    apart(site, move |site| {
        site.with_library(|library, model| {
            let (track, song) = known(library, file)?;
            let mut tags: Vec<_> = model.tags.iter().zip(&song.scores).zip(&model.thresholds).collect();
            tags.sort_by(|a, b| b.0.1.total_cmp(a.0.1));
            let tag = |((tag, p), threshold): &((&String, &f32), &f32)| {
                json!({ "tag": tag, "p": p, "level": level(**p, **threshold) })
            };
            let mut answer = row(&track);
            answer["tags"] = tags.iter().take(8).map(tag).collect();
            answer["album"] = json!(track.meta.album);
            Ok(Json(answer))
        })
    })
    .await
}

async fn map(State(site): Here) -> Answer {
    apart(site, |site| {
        let map = site.map()?;
        let place = |value: f32| (f64::from(value) * 1e4).round() / 1e4;
        let points: Vec<_> = map
            .points
            .iter()
            .map(|point| json!([point.file, place(point.x), place(point.y), point.tag]))
            .collect();
        Ok(Json(json!({ "tags": site.model.tags, "points": points })))
    })
    .await
}

async fn hand_out(State(site): Here, Path(file): Path<i64>, headers: HeaderMap) -> Result<Response, Fault> {
    let path = apart(site, move |site| site.file(file).ok_or_else(unknown)).await?;
    let range = headers.get("range").and_then(|range| range.to_str().ok()).map(str::to_owned);
    Ok(audio::respond(&path, range.as_deref()))
}
