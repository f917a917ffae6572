//! Where the numbers are crunched.

use candle_core::Device;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The GPU where there is one that this build can use, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA GPU; the CPU, with a line saying why, where there is none.
    Cuda,
}

/// A device and a line that says what it is.
pub struct Chosen {
    /// For candle.
    pub device: Device,
    /// What it is, and why not what was asked for.
    pub description: String,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Not in use by anybody.
    pub free: usize,
    /// All of it.
    pub total: usize,
}

/// Memory of the GPU that this thread works with, after everything asked of it so far is done; none for a CPU.
pub fn memory(device: &Device) -> Option<Memory> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => {
            device.synchronize().ok()?;
            let (free, total) = cudarc::driver::result::mem_get_info().ok()?;
            Some(Memory { free, total })
        }
        _ => None,
    }
}

/// The first `count` GPUs.
///
/// # Errors
/// Why there are not as many.
#[cfg(feature = "cuda")]
pub fn gpus(count: usize) -> candle_core::Result<Vec<Device>> {
    (0..count).map(Device::new_cuda).collect()
}

/// Finds the device.
pub fn choose(choice: Choice) -> Chosen {
    let cpu = |why: &str| Chosen {
        device: Device::Cpu,
        description: format!("CPU, {} threads{why}", rayon::current_num_threads()),
    };
    match choice {
        Choice::Cpu => cpu(""),
        Choice::Auto | Choice::Cuda => match gpu() {
            Ok(chosen) => chosen,
            Err(_) if choice == Choice::Auto && !cfg!(feature = "cuda") => cpu(""),
            Err(reason) => cpu(&format!(" (no GPU: {reason})")),
        },
    }
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> Result<Chosen, String> {
    Err("this build has no CUDA; build with `--features cuda`".into())
}

/// The first GPU. A missing driver library panics inside cudarc, so that is caught, with the hook silenced: one clear
/// line is better than a backtrace on a machine that simply has no GPU.
#[cfg(feature = "cuda")]
fn gpu() -> Result<Chosen, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let opened = std::panic::catch_unwind(|| -> Result<Chosen, String> {
        let context = cudarc::driver::CudaContext::new(0).map_err(|e| e.to_string())?;
        let name = context.name().map_err(|e| e.to_string())?;
        let (free, total) = cudarc::driver::result::mem_get_info().map_err(|e| e.to_string())?;
        let device = Device::new_cuda(0).map_err(|e| e.to_string())?;
        let gib = |bytes: usize| bytes as f64 / f64::from(1 << 30);
        let description = format!("GPU, {name}, {:.1} of {:.1} GiB free", gib(free), gib(total));
        Ok(Chosen { device, description })
    });
    std::panic::set_hook(hook);
    opened.unwrap_or_else(|_| Err("the CUDA driver cannot be loaded".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert!(choose(Choice::Cpu).device.is_cpu());
        let asked = choose(Choice::Cuda);
        assert!(asked.device.is_cuda() || asked.description.contains("no GPU: "));
    }
}
