//! The host trainer.
pub mod allocator;
pub mod compare;
pub mod corpus;
pub mod deliver;
pub mod device;
pub mod eval;
pub mod export;
pub mod features;
pub mod files;
pub mod jobs;
pub mod material;
pub mod net;
pub mod plot;
pub mod quantise;
pub mod remix;
pub mod sweep;
pub mod train;
