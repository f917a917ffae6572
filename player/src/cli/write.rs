//! `player write`.

use super::args::{DbArgs, ModelArgs, absolute, library_model, shown};
use anyhow::{Context, Result, bail};
use clap::Args;
use player::files::Alone;
use player::library::{Library, Track};
use player::write::WriteError;
use player::write::apply::{apply, recover, undo, undoable};
use player::write::plan::{Change, Wanted, is_in, plan};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Shows what would be written, and writes nothing, until --apply is given. What is there stays, and what was heard is added
behind it. docs/tags.md has which of the model's tags is a genre or a mood; a tag is written where it reaches the threshold
on the model's card.

Exit code: 0 when all went well, 1 when a file could not be written (the others still are), 2 for wrong arguments.

Examples:
  player write
  player write --genre --apply ~/Music/new
  player write --undo --apply")]
pub struct WriteArgs {
    /// Files and folders of the library; without any, all of it
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    db: DbArgs,

    #[command(flatten)]
    model: ModelArgs,

    /// Write genres; without --genre and --mood both are written
    #[arg(long)]
    genre: bool,

    /// Write moods
    #[arg(long)]
    mood: bool,

    /// How many genres and how many moods at most
    #[arg(long, value_name = "N", default_value_t = 3)]
    most: usize,

    /// Put what was heard in the place of what is there, where something was heard
    #[arg(long)]
    replace: bool,

    /// Show what would change and write nothing: the default
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,

    /// Write
    #[arg(long)]
    apply: bool,

    /// Give files the genres and moods back that they had before the last write
    #[arg(long, conflicts_with_all = ["genre", "mood", "replace"])]
    undo: bool,

    /// Undo even where someone has changed the tags since
    #[arg(long, requires = "undo")]
    force: bool,

    /// Print one line of JSON per file: {"path","before","after","written"} or {"path","error"}
    #[arg(long)]
    json: bool,
}

/// Writes, or shows what would be written; false when a file failed.
pub fn run(args: &WriteArgs) -> Result<bool> {
    let path = args.db.path()?;
    let mut library = Library::existing(&path)?;
    let Some(_alone) = Alone::new(&path, "write").with_context(|| shown(&path))? else {
        bail!("{}: another program is writing tags", path.display());
    };
    recover(&library)?;
    let paths = absolute(&args.paths);
    let mut said = Said { args, changed: 0, failed: 0 };
    if args.undo {
        for (id, change) in undoable(&library)? {
            if !paths.is_empty() && !paths.iter().any(|path| change.path.starts_with(path)) {
                continue;
            }
            let done = if args.apply { undo(&mut library, id, &change, args.force) } else { Ok(()) };
            said.say(&change, done)?;
        }
    } else {
        write_all(args, &mut library, &paths, &mut said)?;
    }
    said.end()
}

fn write_all(args: &WriteArgs, library: &mut Library, paths: &[PathBuf], said: &mut Said<'_>) -> Result<()> {
    let model = library_model(library, &args.model)?;
    let both = !args.genre && !args.mood;
    let wanted =
        Wanted { genre: args.genre || both, mood: args.mood || both, most: args.most, replace: args.replace };
    // Rows first: what is written below changes them.
    let mut files = Vec::new();
    library.each_track(&model, |track, _| {
        if is_in(&track, paths) {
            files.push(track.file);
        }
        Ok::<_, player::library::LibraryError>(())
    })?;
    if files.is_empty() {
        bail!("no song of the library lies there; player scan DIR adds some");
    }
    for file in files {
        let Some(track) = library.track(file)? else { continue };
        match plan(library, &model, &track, wanted) {
            Ok(None) => {}
            Ok(Some(change)) => {
                let done = if args.apply { apply(library, &change) } else { Ok(()) };
                said.say(&change, done)?;
            }
            Err(WriteError::Library(error)) => return Err(error.into()),
            Err(error) => said.fail(&track, &error)?,
        }
    }
    Ok(())
}

struct Said<'a> {
    args: &'a WriteArgs,
    changed: u64,
    failed: u64,
}

impl Said<'_> {
    fn say(&mut self, change: &Change, done: Result<(), WriteError>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match done {
            Ok(()) => {
                self.changed += 1;
                if self.args.json {
                    let line = json!({
                        "path": shown(&change.path), "before": change.before, "after": change.after,
                        "written": self.args.apply,
                    });
                    writeln!(out, "{line}")?;
                } else {
                    write!(out, "{}", change.text())?;
                }
            }
            Err(WriteError::Library(error)) => return Err(error.into()),
            Err(error) => {
                drop(out);
                self.failed(&shown(&change.path), &error)?;
            }
        }
        Ok(())
    }

    fn fail(&mut self, track: &Track, error: &WriteError) -> Result<()> {
        self.failed(&shown(&track.path), error)
    }

    fn failed(&mut self, path: &str, error: &WriteError) -> Result<()> {
        self.failed += 1;
        let message = error.to_string();
        let reason = message.strip_prefix(&format!("{path}: ")).unwrap_or(&message);
        eprintln!("{path}: {reason}");
        if self.args.json {
            writeln!(std::io::stdout().lock(), "{}", json!({ "path": path, "error": reason }))?;
        }
        Ok(())
    }

    fn end(self) -> Result<bool> {
        if !self.args.json {
            let Self { args, changed, failed } = &self;
            let verb = match (args.apply, args.undo) {
                (true, false) => "written",
                (true, true) => "undone",
                (false, false) => "to write; --apply writes",
                (false, true) => "to undo; --apply undoes",
            };
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            eprintln!("{changed} {verb}{failed}");
        }
        Ok(self.failed == 0)
    }
}
