//! Getting free music: packages of the Debian archive, unpacked without dpkg.
//!
//! A [`List`] names packages and the files in them that are music, each with its SHA-256. [`fetch`] gets the packages,
//! by apt or from a mirror, writes those files and nothing else, and says of every package what came of it. All of it
//! goes on where it was stopped.

mod apt;
mod deb;
mod error;
mod folder;
mod http;
mod list;
mod run;
mod tables;
mod unpack;

pub use error::FetchError;
pub use folder::audio_path;
pub use list::{List, Package, Track};
pub use run::{Options, Outcome, PackageReport, Report, fetch};
