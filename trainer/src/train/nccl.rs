//! Means over GPUs by NCCL, NVIDIA's library for it, through cudarc.

use super::exchange::Exchange;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use cudarc::nccl::{Comm, ReduceOp};
use std::sync::Arc;

/// A rank of a group of GPUs.
pub struct Nccl {
    comm: Arc<Shared>,
}

struct Shared(Comm);

// SAFETY: NCCL's communicators may be used from any thread as long as one at a time does: every rank has its own, and
// only the thread that trains this rank calls it.
unsafe impl Send for Shared {}
// SAFETY: as above; the reference that candle's operation holds lives no longer than the call.
unsafe impl Sync for Shared {}

impl Nccl {
    /// A group of one rank per GPU; each is then moved to the thread that trains on it.
    ///
    /// # Errors
    /// When a device is no GPU or there twice, or NCCL fails.
    pub fn group(devices: &[Device]) -> Result<Vec<Self>> {
        let streams = devices.iter().map(|device| match device {
            Device::Cuda(cuda) => Ok(cuda.cuda_stream()),
            _ => bail!("NCCL needs GPUs"),
        });
        let comms = Comm::from_devices(streams.collect::<Result<_>>()?).map_err(failed)?;
        Ok(comms.into_iter().map(|comm| Self { comm: Arc::new(Shared(comm)) }).collect())
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
