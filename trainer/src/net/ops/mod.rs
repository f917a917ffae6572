//! The operations that all the training time goes into, with gradients of our own.
//!
//! candle 0.11.1 has wrong gradients for `conv1d` and a slow `conv2d`; the forms here are the ones that are right
//! and fast on a CPU. Beside each stands a plain form from candle's elementary operations: it is the reference in
//! the tests, and what runs on CUDA, where concatenation and matrix multiplication are cuBLAS already.

pub mod attention;
pub mod dropout;
pub mod gru;
pub mod linear;
mod matmul;
pub mod moments;
pub mod norm_pool_elu;
mod plane;
pub mod plane_block;
pub mod pool;
pub mod product;
mod scratch;
mod squash;
pub mod time_block;
pub mod time_conv;

pub use attention::additive_attention;
pub use dropout::{Dice, Dropout};
pub use gru::gru;
pub use moments::{BatchMoments, Moments, NormBy};
pub use norm_pool_elu::norm_pool_elu;
pub use plane_block::{PlaneSpec, plane_block};
pub use time_block::time_block;
pub use time_conv::time_conv;

use candle_core::{CpuStorage, Layout, Result, bail};

/// The elements of a contiguous float32 tensor in CPU memory.
fn contiguous_f32<'a>(storage: &'a CpuStorage, layout: &Layout, op: &str) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{op} needs a contiguous tensor");
    };
    Ok(&float32(storage, op)?[start..end])
}

/// The numbers of a float32 storage.
fn float32<'a>(storage: &'a CpuStorage, op: &str) -> Result<&'a [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        other => bail!("{op} needs float32, not {:?}", candle_core::backend::BackendStorage::dtype(other)),
    }
}

/// Runs `f` on the elements of a contiguous CPU tensor.
fn with_cpu<R>(tensor: &candle_core::Tensor, op: &str, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(cpu) => f(contiguous_f32(cpu, layout, op)?),
        _ => bail!("{op} runs on the CPU only"),
    }
}
