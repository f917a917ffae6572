//! One operation for what k2c1 does over and over: convolution over time, max-pooling, ELU; and one for what musicnn
//! begins with, a convolution of the spectrogram of which only the largest value of each frame counts.
//!
//! tract spends two thirds of its time on such a chain in rearranging the input and in five passes per ELU. So before
//! it sees the file, chains are [rewritten](rewrite) into an [operation of ours](op), which keeps a stretch of frames
//! in the nearest cache from the convolution to the activation. Whatever is no such chain stays as it is, and so does
//! the file: this is a matter of how it is run.

mod activation;
mod block;
mod kernel;
mod op;
mod peak;
mod peak_op;
mod peak_rewrite;
mod proto;
mod rewrite;

pub(super) use op::register;
pub(super) use rewrite::rewrite;

#[cfg(test)]
mod tests;
