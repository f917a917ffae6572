//! A search over a run's settings by successive halving.
//!
//! [`Space`] is what is searched, [`halving`] says how long which trials train, [`mod@drive`] makes them, [`report`] tells
//! what came of it. `docs/compare.md` has the format of a space and what it comes to.
//!
//! Jamieson and Talwalkar, *Non-stochastic best arm identification and hyperparameter optimization*, AISTATS 2016; the
//! inner loop of Hyperband (Li et al. 2018).

pub mod drive;
pub mod halving;
pub mod one;
pub mod report;
pub mod space;

pub use drive::{RungRecord, SweepError, Trial, TrialRecord, drive};
pub use halving::{Plan, Rung};
pub use one::train_until;
pub use report::Sweep;
pub use space::{Domain, Space, SpaceError};
