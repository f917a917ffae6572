//! Services that files come from.

mod oauth;
mod seven_digital;

pub use seven_digital::SevenDigital;

use super::transfer::{Provider, Wanted};

/// A folder on a web server: a file is at the root and its name.
#[derive(Clone, Debug)]
pub struct WebFolder(String);

impl WebFolder {
    /// Its address, with or without a slash at the end.
    pub fn new(root: &str) -> Self {
        Self(root.trim_end_matches('/').into())
    }
}

impl Provider for WebFolder {
    fn url(&self, wanted: &Wanted) -> String {
        format!("{}/{}", self.0, wanted.id)
    }
}
