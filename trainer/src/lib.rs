//! The host trainer.
pub mod corpus;
pub mod deliver;
pub mod device;
pub mod eval;
pub mod export;
pub mod features;
pub mod files;
pub mod net;
pub mod plot;
pub mod quantise;
pub mod train;
