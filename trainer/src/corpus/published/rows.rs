//! Tables as text: lines of cells under a header.

use std::path::{Path, PathBuf};

use crate::corpus::CorpusError;

/// A table and where its columns are.
pub(super) struct Table {
    path: PathBuf,
    header: Vec<String>,
    records: csv::StringRecordsIntoIter<std::fs::File>,
}

/// A line of it.
pub(super) struct Row {
    /// Counted from 1.
    pub line: u64,
    cells: csv::StringRecord,
}

impl Table {
    /// Opens a table whose first line names the columns. `ragged` where lines may be longer than it.
    pub fn open(path: &Path, delimiter: u8, ragged: bool) -> Result<Self, CorpusError> {
        let file =
            std::fs::File::open(path).map_err(|source| CorpusError::Read { path: path.into(), source })?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(ragged)
            .has_headers(true)
            .from_reader(file);
        let header = reader.headers().map_err(|error| wrong(path, &error))?;
        let header = header.iter().map(Into::into).collect();
        Ok(Self { path: path.into(), header, records: reader.into_records() })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Where a column is.
    pub fn column(&self, name: &str) -> Result<usize, CorpusError> {
        let found = self.header.iter().position(|column| column == name);
        found.ok_or_else(|| self.error(1, format!("there is no column {name:?}")))
    }

    /// An error in a line.
    pub fn error(&self, line: u64, reason: String) -> CorpusError {
        CorpusError::Line { path: self.path.clone(), line, reason }
    }

    /// An error in a cell.
    pub fn value(&self, row: &Row, column: usize, expected: &'static str) -> CorpusError {
        CorpusError::Value {
            path: self.path.clone(),
            line: row.line,
            column: self.header.get(column).cloned().unwrap_or_default(),
            value: row.cell(column).into(),
            expected,
        }
    }

    /// The next line; nothing at the end.
    pub fn next(&mut self) -> Result<Option<Row>, CorpusError> {
        match self.records.next() {
            None => Ok(None),
            Some(Ok(cells)) => Ok(Some(Row { line: cells.position().map_or(0, csv::Position::line), cells })),
            Some(Err(error)) => Err(wrong(&self.path, &error)),
        }
    }
}

impl Row {
    /// A cell; nothing in it where the line is too short.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).unwrap_or_default()
    }

    /// The cells from a column on.
    pub fn from(&self, column: usize) -> impl Iterator<Item = &str> {
        self.cells.iter().skip(column)
    }
}

fn wrong(path: &Path, error: &csv::Error) -> CorpusError {
    let line = error.position().map_or(0, csv::Position::line);
    CorpusError::Line { path: path.into(), line, reason: error.to_string() }
}

/// The lines of a text, without empty ones.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, CorpusError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CorpusError::Read { path: path.into(), source })?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect())
}
