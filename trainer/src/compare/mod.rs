//! The paper's comparison on any corpus: every network at every size with several seeds, under one recipe.
//!
//! [`plan`] says which runs there are, [`mod@drive`] makes those that are not there yet, [`train_one`] trains one,
//! [`report`] makes the table of them all. `docs/compare.md` says what is measured and how.

pub mod drive;
pub mod markdown;
pub mod one;
pub mod paper;
pub mod plan;
pub mod record;
pub mod report;
pub mod stats;

pub use drive::{CompareError, Ended, drive};
pub use one::train_one;
pub use plan::{RunKey, runs};
pub use record::{Finished, RunResult};
pub use report::{Comparison, Row, compare};
