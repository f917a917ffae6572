//! Getting music: packages of the Debian archive, the archives in which corpora are published, and previews of songs.
//!
//! Debian's packages are unpacked without dpkg. A [`List`] names packages and the files in them that are music, each with its SHA-256. [`fetch`] gets the packages,
//! by apt or from a mirror, writes those files and nothing else, and says of every package what came of it. All of it
//! goes on where it was stopped.

mod apt;
pub mod archives;
mod deb;
mod error;
mod extract;
mod folder;
mod http;
mod list;
pub mod provider;
mod run;
mod tables;
pub mod transfer;
mod unpack;

pub use error::FetchError;
pub use folder::audio_path;
pub use list::{List, Package, Track};
pub use run::{Options, Outcome, PackageReport, Report, fetch};
