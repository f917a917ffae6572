//! The player's commands.

pub mod args;
pub mod export;
pub mod follow;
pub mod listen;
pub mod near;
pub mod play;
pub mod scan;
pub mod serve;
pub mod tag;
pub mod write;
