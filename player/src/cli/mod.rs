//! The player's commands.

pub mod listen;
pub mod tag;
