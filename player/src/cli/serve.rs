//! `player serve`.

use super::args::{DbArgs, ModelArgs, stop_flag};
use super::play::sink;
use anyhow::{Context, Result, bail};
use clap::Args;
use player::play::session::{AtEnd, Session};
use player::serve::guard::Guard;
use player::serve::{Site, routes};
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
Music plays on this computer, or, by the page's \"here\", in the browser. Bound to this computer only, the page needs no
password; bound to a network it needs the token that is in the address printed at the start.

Exit code: 0 when it was ended, 1 when it could not begin, 2 for wrong arguments.

Examples:
  player serve
  player serve --no-audio --bind 0.0.0.0:7700")]
pub struct ServeArgs {
    /// Address and port; 0 takes any port that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7700")]
    bind: SocketAddr,

    /// The token for other computers, at least 16 characters; a new one at each start unless told
    #[arg(long, value_name = "WORD", env = "MINIM_TOKEN", hide_env_values = true)]
    token: Option<String>,

    #[command(flatten)]
    db: DbArgs,

    #[command(flatten)]
    model: ModelArgs,

    /// Play silently, at the music's pace
    #[arg(long)]
    no_audio: bool,
}

/// Serves until it is ended.
pub fn run(args: &ServeArgs) -> Result<bool> {
    let library = args.db.existing()?;
    let tagger = Arc::new(args.model.load()?);
    let model = library.model(&tagger)?;
    let token = match &args.token {
        Some(token) if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            bail!("--token: at least 16 letters and digits")
        }
        Some(token) => Some(token.clone()),
        None if args.bind.ip().is_loopback() => None,
        None => Some(new_token().context("no random numbers for a token")?),
    };
    let session = Session::start(Vec::new(), tagger, sink(args.no_audio), AtEnd::Wait);
    let site = Arc::new(Site::new(session, library, model, Guard { token: token.clone() })?);
    let stop = stop_flag()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener =
            tokio::net::TcpListener::bind(args.bind).await.with_context(|| args.bind.to_string())?;
        let address = listener.local_addr()?;
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        writeln!(out, "http://{address}/{query}")?;
        out.flush()?;
        drop(out);
        if std::io::stderr().is_terminal() {
            eprintln!("Ctrl-C ends it");
        }
        let served = tokio::spawn(axum::serve(listener, routes::router(site)).into_future());
        while !stop.load(Ordering::Relaxed) && !served.is_finished() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if served.is_finished() { served.await?.context("serving") } else { Ok(()) }
    })?;
    // Connections that stay open are no reason to stay.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(true)
}

/// 128 random bits as hexadecimal digits.
fn new_token() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
