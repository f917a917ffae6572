//! Sets in what numbers the device multiplies.

use super::config::Precision;
use candle_core::Device;

/// Sets the device to `precision`, for this process.
///
/// # Errors
/// Why it cannot.
pub fn set(precision: Precision, device: &Device) -> Result<(), String> {
    if precision != Precision::Float32 && !device.is_cuda() {
        let name = if precision == Precision::Tf32 { "tf32" } else { "bf16" };
        return Err(format!("--precision {name} needs a GPU: a CPU computes in float32"));
    }
    candle_core::cuda::set_gemm_reduced_precision_f32(precision == Precision::Tf32);
    Ok(())
}
