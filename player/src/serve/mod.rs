//! The web page: what plays with its tags, the library as a map, search and playlists.
//!
//! [`Site`] is what there is to show, [`guard`] who may see it, [`routes`] answers, [`map`] lays the library out, [`audio`]
//! hands files out. The page itself is one file, `page.html`, which asks nothing of any other computer.

pub mod audio;
pub mod guard;
pub mod map;
pub mod routes;

use crate::library::{Library, LibraryError, Model};
use crate::play::session::Session;
use map::Map;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What is served.
#[derive(Debug)]
pub struct Site {
    session: Session,
    library: Mutex<Library>,
    model: Model,
    guard: guard::Guard,
    /// Folders out of which files may be played and handed out.
    roots: Vec<PathBuf>,
    map: Mutex<Option<Arc<Map>>>,
}

impl Site {
    /// A page for a library and a session.
    ///
    /// # Errors
    /// When the library fails.
    pub fn new(
        session: Session,
        library: Library,
        model: Model,
        guard: guard::Guard,
    ) -> Result<Self, LibraryError> {
        let roots = library.roots()?;
        Ok(Self { session, library: Mutex::new(library), model, guard, roots, map: Mutex::new(None) })
    }

    fn with_library<T>(&self, work: impl FnOnce(&Library, &Model) -> T) -> T {
        work(&self.library.lock().unwrap_or_else(PoisonError::into_inner), &self.model)
    }

    /// A file of the library that may be handed out: it is there, and in truth lies below a folder that was scanned.
    fn file(&self, id: i64) -> Option<PathBuf> {
        let track = self.with_library(|library, _| library.track(id)).ok().flatten()?;
        let real = track.path.canonicalize().ok()?;
        self.roots.iter().any(|root| real.starts_with(root)).then_some(real)
    }

    /// The map; made when it is asked for first, and again when songs were added.
    fn map(&self) -> Result<Arc<Map>, LibraryError> {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        self.with_library(|library, model| {
            let size = map::size(library, model)?;
            match &*map {
                Some(map) if map.size == size => Ok(Arc::clone(map)),
                _ => Ok(Arc::clone(map.insert(Arc::new(Map::new(library, model, size)?)))),
            }
        })
    }
}
