//! The player's commands.

pub mod args;
pub mod listen;
pub mod near;
pub mod scan;
pub mod tag;
pub mod write;
