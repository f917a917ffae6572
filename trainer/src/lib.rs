//! The host trainer.
pub mod corpus;
pub mod eval;
//pub mod export;
pub mod features;
pub mod files;
pub mod net;
pub mod plot;
pub mod train;
