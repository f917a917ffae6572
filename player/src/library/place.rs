//! Where the library is when nobody says.

use std::ffi::OsString;
use std::path::PathBuf;

/// `minim/library.db` below the folder for programs' data: `$XDG_DATA_HOME`, or `~/.local/share` (XDG base directory
/// specification).
///
/// # Errors
/// When neither is set.
pub fn default_place() -> Result<PathBuf, NoPlace> {
    place(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"))
}

fn place(data: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, NoPlace> {
    // The specification wants relative paths ignored.
    let data = data.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || home.filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).map(|folder| folder.join("minim/library.db")).ok_or(NoPlace)
}

/// There is no home to keep it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither XDG_DATA_HOME nor HOME says where the library is kept: name it with --db FILE")]
pub struct NoPlace;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lies_where_the_convention_says() {
        let at = |data: Option<&str>, home: Option<&str>| place(data.map(Into::into), home.map(Into::into));
        assert_eq!(at(Some("/data"), Some("/home/ann")), Ok("/data/minim/library.db".into()));
        assert_eq!(at(Some("data"), Some("/home/ann")), Ok("/home/ann/.local/share/minim/library.db".into()));
        assert_eq!(at(None, Some("/home/ann")), Ok("/home/ann/.local/share/minim/library.db".into()));
        assert_eq!(at(Some(""), None), Err(NoPlace));
    }
}
