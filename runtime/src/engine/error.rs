//! Why the engine cannot run.

/// Why a model cannot be run as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The state does not fit in what was set aside for it.
    #[error("the network's state takes {needed} words of 32 bits, there is room for {room}")]
    State {
        /// Words that it takes.
        needed: usize,
        /// Words that there are.
        room: usize,
    },
    /// Answers cannot come that often.
    #[error(
        "no answer every {hop_frames} frames: the pools allow {stride} frames and what divides it pool by pool"
    )]
    Hop {
        /// Frames asked for.
        hop_frames: usize,
        /// Frames from one answer to the next without sliding pools.
        stride: usize,
    },
    /// Windows or rings beyond what is counted in 16 bits.
    #[error("the network's windows are too large")]
    TooLarge,
}
