//! The tables.

use rusqlite::Connection;

/// "mini", in the file's header: says whose it is.
const APPLICATION: i32 = 0x6d69_6e69;

/// Counts changes to the tables.
const VERSION: i32 = 1;

const TABLES: &str = "
-- Models, by the digest of the file that ran.
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    tags TEXT NOT NULL,
    thresholds TEXT NOT NULL
);
-- Recordings as a model heard them. Rows are never changed, and ids never come again.
CREATE TABLE songs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL,
    model INTEGER NOT NULL REFERENCES models (id),
    seconds REAL NOT NULL,
    windows INTEGER NOT NULL,
    scores BLOB NOT NULL,
    embedding BLOB NOT NULL,
    UNIQUE (digest, model)
);
CREATE INDEX songs_of_model ON songs (model, id);
-- Files: each has a song, or an error. Those that are gone stay: they may come back, here or elsewhere.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    song INTEGER REFERENCES songs (id),
    digest BLOB,
    error TEXT,
    title TEXT,
    artist TEXT,
    album TEXT,
    genre TEXT,
    mood TEXT,
    year INTEGER
);
CREATE INDEX files_of_song ON files (song);
CREATE INDEX files_of_size ON files (size);
-- Folders that were scanned.
CREATE TABLE roots (path BLOB PRIMARY KEY) WITHOUT ROWID;
-- Vectors of a thousand songs at a time, for searching: see near::store.
CREATE TABLE vectors (
    model INTEGER NOT NULL REFERENCES models (id),
    last INTEGER NOT NULL,
    songs BLOB NOT NULL,
    scales BLOB NOT NULL,
    codes BLOB NOT NULL,
    levels BLOB NOT NULL,
    PRIMARY KEY (model, last)
);
-- What was written into files, and what was there before.
CREATE TABLE writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
);
CREATE INDEX writes_of_path ON writes (path);
";

/// Makes the tables where the file is new; false where it is somebody else's.
pub(super) fn prepare(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(std::time::Duration::from_secs(30))?;
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    // With a log of its own, readers and one writer do not wait for each other, and what was committed outlives the
    // program's end, whatever ends it.
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "cache_size", -4096)?;
    if number("application_id")? == 0 {
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 {
            return Ok(false);
        }
        let make = format!(
            "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        );
        if let Err(error) = db.execute_batch(&make) {
            let _ = db.execute_batch("ROLLBACK");
            // Another program of ours was faster.
            if number("application_id")? != APPLICATION {
                return Err(error);
            }
        }
    }
    Ok(number("application_id")? == APPLICATION && number("user_version")? == VERSION)
}
