//! Writing so that nothing is lost.
//!
//! Before a file is touched, the library holds what its tags said. The new tags go into a copy beside it, which must sound
//! the same, is flushed to the disk and then takes the file's place at once. Ended at any moment, there is the old file
//! or the new one, and the next run settles which.

use super::WriteError;
use super::fields::{self, Fields};
use super::plan::Change;
use crate::hear;
use crate::library::{Library, Stamp, bytes_of_path, path_of};
use rusqlite::params;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes a change, and writes it down.
///
/// # Errors
/// [`WriteError`]; the file is then as it was.
pub fn apply(library: &mut Library, change: &Change) -> Result<(), WriteError> {
    let id = begin(library, &change.path, &change.before, &change.after)?;
    match exchange(&change.path, &change.after) {
        Ok(()) => {
            library.db.execute("UPDATE writes SET state = 'done' WHERE id = ?1", [id])?;
            note(library, &change.path, &change.after)
        }
        Err(error) => {
            library.db.execute("DELETE FROM writes WHERE id = ?1", [id])?;
            Err(error)
        }
    }
}

fn begin(library: &Library, path: &Path, before: &Fields, after: &Fields) -> Result<i64, WriteError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
    let json = |fields: &Fields| serde_json::json!(fields).to_string();
    library.db.execute(
        "INSERT INTO writes (path, at, state, before, after) VALUES (?1, ?2, 'begun', ?3, ?4)",
        params![bytes_of_path(path), now, json(before), json(after)],
    )?;
    Ok(library.db.last_insert_rowid())
}

/// Where the copy is made: hidden, so that no scan takes it for a song, and of the same ending, which says the format.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".minim-");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

/// Gives a file new fields by a copy that takes its place.
fn exchange(path: &Path, after: &Fields) -> Result<(), WriteError> {
    let io = |source| WriteError::Io { path: path.into(), source };
    // Through a link: the file it leads to, not the link, is exchanged.
    let target = std::fs::canonicalize(path).map_err(io)?;
    let copy = beside(&target);
    let made = (|| {
        std::fs::copy(&target, &copy).map_err(io)?;
        #[cfg(unix)]
        keep_owner(&target, &copy);
        fields::write(&copy, after)?;
        let digest = |path: &Path| hear::digest(path).map_err(|_| WriteError::Sound { path: target.clone() });
        if digest(&target)? != digest(&copy)? || fields::read(&copy)? != *after {
            return Err(WriteError::Sound { path: target.clone() });
        }
        std::fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&copy, &target).map_err(io)
    })();
    if made.is_err() {
        let _ = std::fs::remove_file(&copy);
    }
    made
}

/// A copy belongs to who made it; only root can give it back, and anyone to whom it belongs anyway need not.
#[cfg(unix)]
fn keep_owner(from: &Path, to: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    if let Ok(meta) = std::fs::metadata(from) {
        let _ = std::os::unix::fs::chown(to, Some(meta.uid()), Some(meta.gid()));
    }
}

/// The file's new size and time and what it says: a scan has nothing to do with it.
fn note(library: &Library, path: &Path, fields: &Fields) -> Result<(), WriteError> {
    let stamp = Stamp::of(path).map_err(|source| WriteError::Io { path: path.into(), source })?;
    let words = |words: &[String]| (!words.is_empty()).then(|| serde_json::json!(words).to_string());
    library.db.execute(
        "UPDATE files SET size = ?2, modified = ?3, genre = ?4, mood = ?5 WHERE path = ?1",
        params![bytes_of_path(path), stamp.size, stamp.modified, words(&fields.genre), words(&fields.mood)],
    )?;
    Ok(())
}

/// Settles what an earlier run left when it was ended in the middle: copies go, and what came to be is written down.
///
/// # Errors
/// When the library fails.
pub fn recover(library: &Library) -> Result<(), WriteError> {
    for (id, path, _, after) in rows(library, "state = 'begun' ORDER BY id")? {
        let target = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let _ = std::fs::remove_file(beside(&target));
        if fields::read(&path).is_ok_and(|now| now == after) {
            library.db.execute("UPDATE writes SET state = 'done' WHERE id = ?1", [id])?;
            note(library, &path, &after)?;
        } else {
            library.db.execute("DELETE FROM writes WHERE id = ?1", [id])?;
        }
    }
    Ok(())
}

type WriteRow = (i64, PathBuf, Fields, Fields);

fn rows(library: &Library, which: &str) -> Result<Vec<WriteRow>, WriteError> {
    let mut query =
        library.db.prepare(&format!("SELECT id, path, before, after FROM writes WHERE {which}"))?;
    let read = |text: String| serde_json::from_str::<Fields>(&text).unwrap_or_default();
    let rows = query.query_map([], |row| {
        let path = path_of(row.get_ref(1)?.as_blob()?);
        Ok((row.get(0)?, path, read(row.get(2)?), read(row.get(3)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What can be undone: the last write of each file that was not undone yet, newest first.
///
/// # Errors
/// When the library fails.
pub fn undoable(library: &Library) -> Result<Vec<(i64, Change)>, WriteError> {
    let last = "state = 'done' AND id IN (SELECT max(id) FROM writes WHERE state = 'done' GROUP BY path) ORDER BY id DESC";
    let change = |(id, path, before, after): WriteRow| (id, Change { path, before: after, after: before });
    Ok(rows(library, last)?.into_iter().map(change).collect())
}

/// Undoes one write.
///
/// # Errors
/// [`WriteError::Changed`] where the file says something else by now and `force` is not set; others as [`apply`].
pub fn undo(library: &mut Library, id: i64, change: &Change, force: bool) -> Result<(), WriteError> {
    let now = fields::read(&change.path)?;
    // Ended after the exchange and before it was written down, it is undone already.
    if now != change.after {
        if now != change.before && !force {
            return Err(WriteError::Changed { path: change.path.clone() });
        }
        exchange(&change.path, &change.after)?;
    }
    library.db.execute("UPDATE writes SET state = 'undone' WHERE id = ?1", [id])?;
    note(library, &change.path, &change.after)
}
