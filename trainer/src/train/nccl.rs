//! Means over GPUs by NCCL, NVIDIA's library for it, through cudarc.

use super::exchange::Exchange;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use cudarc::nccl::{Comm, Id, ReduceOp};
use std::sync::Arc;

/// A rank of a group of GPUs.
pub struct Nccl {
    comm: Arc<Shared>,
}

/// What starts a group: made once, given to every rank.
#[derive(Clone, Copy)]
pub struct Start(Id);

struct Shared(Comm);

// SAFETY: NCCL's communicators may be used from any thread as long as one at a time does: every rank has its own, and
// only the thread that trains this rank calls it.
unsafe impl Send for Shared {}
// SAFETY: as above; the reference that candle's operation holds lives no longer than the call.
unsafe impl Sync for Shared {}

impl Start {
    /// A new group.
    ///
    /// # Errors
    /// When NCCL fails.
    pub fn new() -> Result<Self> {
        Ok(Self(Id::new().map_err(failed)?))
    }
}

impl Nccl {
    /// Joins the group as `rank` of `ranks`, with a CUDA device of its own; waits until all have joined.
    ///
    /// # Errors
    /// When the device is no GPU, or NCCL fails.
    pub fn join(start: Start, rank: usize, ranks: usize, device: &Device) -> Result<Self> {
        let Device::Cuda(cuda) = device else { bail!("NCCL needs GPUs") };
        let comm = Comm::from_rank(cuda.cuda_stream(), rank, ranks, start.0).map_err(failed)?;
        Ok(Self { comm: Arc::new(Shared(comm)) })
    }
}

fn failed(error: cudarc::nccl::result::NcclError) -> candle_core::Error {
    candle_core::Error::msg(format!("NCCL: {error:?}"))
}

impl Exchange for Nccl {
    fn rank(&self) -> usize {
        self.comm.0.rank()
    }

    fn ranks(&self) -> usize {
        self.comm.0.world_size()
    }

    fn mean(&self, values: &Tensor) -> Result<Tensor> {
        values.contiguous()?.apply_op1_no_bwd(&Mean(self.comm.clone()))
    }
}

struct Mean(Arc<Shared>);

impl CustomOp1 for Mean {
    fn name(&self) -> &'static str {
        "nccl-mean"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("NCCL needs tensors on a GPU")
    }

    fn cuda_fwd(&self, values: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = values.device().clone();
        let slice = values.as_cuda_slice::<f32>()?;
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("nccl-mean needs a contiguous tensor")
        };
        let slice = slice.slice(start..end);
        let mut mean = device.alloc_zeros::<f32>(end - start)?;
        self.0.0.all_reduce(&slice, &mut mean, &ReduceOp::Avg).map_err(failed)?;
        Ok((CudaStorage::wrap_cuda_slice(mean, device), layout.shape().clone()))
    }
}
