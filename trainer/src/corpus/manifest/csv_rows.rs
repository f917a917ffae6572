//! Rows of a CSV.

use std::collections::HashSet;

use super::{Builder, Role, Row, tag_names};
use crate::corpus::CorpusError;

pub(super) fn read(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), CorpusError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let failed = |builder: &Builder<'_>, error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        builder.line_error(line, error.to_string())
    };
    let header = reader.headers().map_err(|error| failed(builder, error))?.clone();
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let roles: Vec<Role> = names.iter().map(|name| Role::of(name)).collect();
    let mut seen = HashSet::new();
    for name in &names {
        if name.is_empty() {
            return Err(builder.line_error(1, "a column has no name"));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(builder.line_error(1, format!("two columns are named {name:?}")));
        }
    }
    if roles.iter().filter(|&&role| role == Role::Path).count() != 1 {
        return Err(builder.line_error(1, "there must be one column \"path\""));
    }
    builder.by_name = roles.contains(&Role::Tags);
    let is_tag = |role: &Role| *role == Role::Label && !builder.by_name;
    let are_tags: Vec<bool> = roles.iter().map(is_tag).collect();
    let tags: Vec<Option<usize>> =
        names.iter().zip(are_tags).map(|(name, is_tag)| is_tag.then(|| builder.tag(name))).collect();

    for record in reader.records() {
        let record = record.map_err(|error| failed(builder, error))?;
        let line = record.position().map_or(0, |position| line_of(bytes, position));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() != names.len() {
            let reason = format!("{} cells, but the header has {}", record.len(), names.len());
            return Err(builder.line_error(line, reason));
        }
        let mut row = Row { line, ..Row::default() };
        for (((cell, name), role), tag) in record.iter().zip(&names).zip(&roles).zip(&tags) {
            match role {
                Role::Path => row.path = cell.into(),
                Role::Split => row.split = builder.split(line, name, cell)?,
                Role::Artist => row.artist = cell.into(),
                Role::Album => row.album = cell.into(),
                Role::Tags => row.named = Some(tag_names(cell)),
                Role::Start => row.start = builder.seconds(line, name, cell)?,
                // Beside a start it is the length of a window, which is read when the row is whole; else a note.
                Role::Seconds => row.seconds = cell.into(),
                Role::Label if !cell.trim().is_empty() => {
                    let Some(tag) = *tag else { continue };
                    let value = cell.trim().parse().ok().filter(|value: &f32| (0.0..=1.0).contains(value));
                    let wrong = || builder.value_error(line, name, cell, "a number from 0 to 1, or empty");
                    row.valued.push((tag, value.ok_or_else(wrong)?));
                }
                Role::Label | Role::Note => {}
            }
        }
        builder.push(row)?;
    }
    Ok(())
}

/// The line of a record. The reader's own count stands before the empty lines that it skipped on the way.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let rest = bytes.get(position.byte() as usize..).unwrap_or_default();
    let skipped =
        rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|&&byte| byte == b'\n').count();
    position.line() + skipped as u64
}
