//! Sets in what numbers the device multiplies.

use super::config::Precision;
use crate::net::ops::product::use_bf16;
use candle_core::Device;

/// Whether a device can multiply in `precision`.
///
/// # Errors
/// Why it cannot.
pub fn check(precision: Precision, device: &Device) -> Result<(), String> {
    let name = match precision {
        Precision::Float32 => return Ok(()),
        Precision::Tf32 => "tf32",
        Precision::Bf16 => "bf16",
    };
    if device.is_cuda() {
        return Ok(());
    }
    Err(format!("--precision {name} needs a GPU: a CPU computes in float32"))
}

/// As long as it lives, the process's GPU multiplies as asked; then in float32 again, so that what is scored and
/// exported after training does not have its errors.
pub struct Multiplying(());

impl Multiplying {
    /// # Errors
    /// As [`check`].
    pub fn by(precision: Precision, device: &Device) -> Result<Self, String> {
        check(precision, device)?;
        set(precision);
        Ok(Self(()))
    }
}

impl Drop for Multiplying {
    fn drop(&mut self) {
        set(Precision::Float32);
    }
}

fn set(precision: Precision) {
    candle_core::cuda::set_gemm_reduced_precision_f32(precision == Precision::Tf32);
    use_bf16(precision == Precision::Bf16);
}
